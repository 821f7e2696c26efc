/** The long run: does the device slow down as it gets warm? One network without a pause, plotted second by second. */
import { proxy } from "comlink";
import { type Helper, helper, Stopped } from "../helper.ts";
import { element, messageOf } from "../page.ts";
import { linePlot } from "../plot.ts";
import type { DriftSample } from "../race/job.ts";
import type { RaceApi } from "../race/worker.ts";
import { type NetworkName, networks } from "./networks.ts";

const seconds = 300;
/** Start and end are told apart by the medians of so many seconds. */
const compared = 10;

export interface DriftSection {
  stop(): void;
}

export function driftSection(
  prepare: (name: NetworkName) => Promise<{ readonly model: Uint8Array; readonly threads: number }>,
  onSamples: (network: string, samples: readonly DriftSample[]) => void,
): DriftSection {
  const start = element<HTMLButtonElement>("bench-drift-start");
  const stop = element<HTMLButtonElement>("bench-drift-stop");
  let running: Helper<RaceApi> | undefined;
  const say = (text: string) => {
    element("bench-drift-message").textContent = text;
  };
  show([]);

  async function run(): Promise<void> {
    const name = element<HTMLSelectElement>("bench-drift-network").value as NetworkName;
    const samples: DriftSample[] = [];
    start.disabled = true;
    stop.disabled = false;
    say(`${networks[name].title}: making it`);
    try {
      const { model, threads } = await prepare(name);
      running = helper(new Worker(new URL("../race/worker.ts", import.meta.url), { type: "module" }));
      const race = running;
      await race.call((api) =>
        api.drift(
          model,
          threads,
          proxy(async (sample: DriftSample) => {
            samples.push(sample);
            show(samples);
            if (sample.second % 5 === 0) say(summary(samples));
            if (sample.second + 1 >= seconds) race.end();
          }),
        ),
      );
    } catch (error) {
      if (!(error instanceof Stopped)) say(messageOf(error));
      else if (samples.length) say(`Ended. ${summary(samples)}`);
      else say("Stopped.");
    } finally {
      running = undefined;
      start.disabled = false;
      stop.disabled = true;
      if (samples.length) onSamples(name, samples);
    }
  }

  start.addEventListener("click", () => void run());
  stop.addEventListener("click", () => running?.end());
  return { stop: () => running?.end() };
}

function show(samples: readonly DriftSample[]): void {
  const line = (of: (sample: DriftSample) => number, colour: string) => ({
    colour,
    points: samples.map((sample) => ({ x: sample.second, y: of(sample) })),
  });
  const lines = [line(({ medianMs }) => medianMs, "--blue"), line(({ minMs }) => minMs, "--green")];
  element("bench-drift-plot").innerHTML = linePlot(
    "Milliseconds of a run over five minutes",
    samples.length ? lines : [],
    seconds,
    { x: "seconds", y: "milliseconds" },
  );
}

function summary(samples: readonly DriftSample[]): string {
  const median = (part: readonly DriftSample[]) => {
    const sorted = part.map(({ medianMs }) => medianMs).sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  };
  const [first, last] = [median(samples.slice(0, compared)), median(samples.slice(-compared))];
  const change = 100 * (last / first - 1);
  const runs = samples.reduce((sum, sample) => sum + sample.runs, 0);
  return (
    `${samples.length} s, ${runs} runs; a run takes ${last.toFixed(2)} ms, at the start ${first.toFixed(2)} ms: ` +
    `${Math.abs(change).toFixed(1)} % ${change < 0 ? "faster" : "slower"}.`
  );
}
