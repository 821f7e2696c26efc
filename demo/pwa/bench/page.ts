/** The bench page: networks, engines by turns, on the device that shows it. */
import { proxy } from "comlink";
import { type Helper, helper, Stopped } from "../helper.ts";
import { element, fillThreads, messageOf, type Page } from "../page.ts";
import type { Form } from "../pruning/forms.ts";
import type { PruningApi } from "../pruning/worker.ts";
import type { RaceResult, Runner } from "../race/job.ts";
import type { RaceApi } from "../race/worker.ts";
import { measureCosts } from "./costs.ts";
import { type Device, thisDevice } from "./device.ts";
import { driftSection } from "./drift.ts";
import { makeNetwork, type NetworkName, networks, type ZooNetworkName } from "./networks.ts";
import { type BenchResult, rowsOf } from "./result.ts";
import { offerFile, offerResult } from "./save.ts";
import { card } from "./show.ts";

/** What each engine runs, and the form that says what is right for it. */
const contenders = {
  "Filigree pruned": { kind: "filigree", form: "pruned.filigree" },
  "Filigree dense": { kind: "filigree", form: "dense.filigree" },
  "onnxruntime-web dense": { kind: "onnxruntime-web", form: "dense.onnx" },
  "LiteRT.js dense": { kind: "litert", form: "dense.tflite" },
} as const satisfies Record<string, { kind: Runner["kind"]; form: Form }>;

export async function benchPage(): Promise<Page> {
  const form = element<HTMLFormElement>("bench-form");
  const run = element<HTMLButtonElement>("bench-run");
  const stop = element<HTMLButtonElement>("bench-stop");
  const costs = element<HTMLButtonElement>("bench-costs");
  const threads = element<HTMLSelectElement>("bench-threads");
  const device = await thisDevice();
  let working: Helper<unknown> | undefined; // what Stop ends
  let result: BenchResult | undefined;
  listNetworks();
  showDevice(device);
  fillThreads(threads);
  const drift = driftSection(
    async (name) => {
      const made = await withPruning((pruning) =>
        makeNetwork(name, pattern(), ["pruned.filigree"], pruning),
      );
      return { model: made.files["pruned.filigree"]!, threads: Number(threads.value) };
    },
    (network, samples) => keep({ drift: { network, samples } }),
  );

  const pattern = () => element<HTMLSelectElement>("bench-pattern").value;
  const chosen = (name: string) => new FormData(form).getAll(name).map(String);

  function keep(more: Partial<BenchResult>): void {
    const empty: BenchResult = { filigree: "bench", version: 1, date: "", device, rows: [], left: [] };
    result = { ...(result ?? empty), ...more, date: new Date().toISOString() };
    offerResult(result);
  }

  async function withPruning<T>(work: (pruning: Helper<PruningApi>) => Promise<T>): Promise<T> {
    const pruning = helper<PruningApi>(
      new Worker(new URL("../pruning/worker.ts", import.meta.url), { type: "module" }),
    );
    working = pruning;
    try {
      return await work(pruning);
    } finally {
      pruning.end();
    }
  }

  async function withRace<T>(work: (race: Helper<RaceApi>) => Promise<T>): Promise<T> {
    const race = helper<RaceApi>(
      new Worker(new URL("../race/worker.ts", import.meta.url), { type: "module" }),
    );
    working = race;
    try {
      return await work(race);
    } finally {
      race.end();
    }
  }

  async function race(
    name: NetworkName,
  ): Promise<{ results: RaceResult[]; pattern: string; left: string[] }> {
    const engines = ["filigree", ...chosen("engine")];
    const wanted = Object.entries(contenders).filter(([, { kind }]) => engines.includes(kind));
    const hasOrt = engines.includes("onnxruntime-web");
    const judgeForm: Form = hasOrt ? "masked.onnx" : "check.filigree";
    say(`${networks[name].title}: making it`);
    const made = await withPruning((pruning) =>
      makeNetwork(name, pattern(), [...wanted.map(([, { form }]) => form), judgeForm], pruning),
    );
    const { files } = made;
    const denseJudge = hasOrt ? "onnxruntime-web dense" : "Filigree dense";
    const runners = wanted
      .filter(([, { form }]) => files[form])
      .map(([name, { kind, form }]): Runner => {
        const like = form === "pruned.filigree" ? "judge" : denseJudge;
        return { name, kind, model: files[form]!, like };
      });
    const judgeKind = hasOrt ? "onnxruntime-web" : "filigree";
    const results = await withRace((worker) =>
      worker.call(
        (api) =>
          api.race(
            {
              runners,
              judges: [{ name: "judge", kind: judgeKind, model: files[judgeForm]! }],
              threads: Number(threads.value),
              rounds: Number(chosen("rounds")[0]),
              base: document.baseURI,
            },
            proxy((doing, done, total) => progress(`${networks[name].title}: ${doing}`, done, total)),
          ) as Promise<RaceResult[]>,
      ),
    );
    const left = Object.values(made.refused).map(
      (why) => `${networks[name].title} on LiteRT.js: ${why}`,
    );
    return { results, pattern: `${made.pattern} ${Math.round(100 * made.removed)} %`, left };
  }

  /** One thing at a time; what was measured before something went wrong stays. */
  async function busy(work: () => Promise<void>): Promise<void> {
    drift.stop();
    for (const button of [run, costs]) button.disabled = true;
    stop.disabled = false;
    try {
      await work();
    } catch (error) {
      if (error instanceof Stopped) say(document.hidden ? "Stopped: this page was left." : "Stopped.");
      else say(messageOf(error), true);
    } finally {
      working = undefined;
      for (const button of [run, costs]) button.disabled = false;
      stop.disabled = true;
      progress("", 0, 1);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const names = chosen("network") as NetworkName[];
    if (!names.length) return say("Choose a network.", true);
    void busy(async () => {
      element("bench-results").replaceChildren();
      const rows: BenchResult["rows"][number][] = [];
      const left: string[] = [];
      for (const name of names) {
        const raced = await race(name);
        const own = rowsOf(name, raced.pattern, Number(threads.value), raced.results);
        rows.push(...own);
        left.push(...raced.left);
        element("bench-results").append(card(networks[name].title, own));
        keep({ rows, left });
      }
      const wrong = rows.filter(({ isRight }) => !isRight);
      if (wrong.length)
        say(`Wrong results: ${wrong.map((row) => `${row.network} by ${row.engine}`).join(", ")}`, true);
      else say(["Done: every result was compared and is right.", ...left].join(" "));
    });
  });
  stop.addEventListener("click", () => working?.end());
  costs.addEventListener("click", () => {
    const name = element<HTMLSelectElement>("bench-costs-network").value as ZooNetworkName;
    void busy(async () => {
      say(`${networks[name].title}: pruning it to several densities`);
      const variants = await withPruning((pruning) =>
        pruning.call((api) => api.costVariants(name, pattern())),
      );
      const file = await withRace((worker) =>
        measureCosts(name, variants, Number(threads.value), device, worker, (done, total) =>
          progress(`${networks[name].title}: timing its layers`, done, total),
        ),
      );
      offerFile(`${name}-costs.json`, JSON.stringify(file, undefined, 1));
      say(
        `${name}-costs.json is ready: filigree prune MODEL --budget latency --costs ${name}-costs.json`,
      );
    });
  });

  return {
    show() {},
    /** What is measured while nobody looks is not worth much: browsers slow hidden pages down. */
    hide() {
      working?.end();
      drift.stop();
    },
  };
}

function listNetworks(): void {
  const labels = Object.entries(networks).map(([name, { title, about, isChecked }]) => {
    const label = document.createElement("label");
    label.className = "option";
    const box = Object.assign(document.createElement("input"), {
      type: "checkbox",
      name: "network",
      value: name,
    });
    box.checked = isChecked;
    const text = document.createElement("span");
    text.innerHTML = `${title} <small>${about}</small>`;
    label.append(box, text);
    return label;
  });
  element("bench-networks").append(...labels);
  const zooOptions = Object.entries(networks).filter(([, { isZoo }]) => isZoo);
  element("bench-costs-network").replaceChildren(
    ...zooOptions.map(([name, { title }]) => new Option(title, name)),
  );
  element("bench-drift-network").replaceChildren(
    ...Object.entries(networks).map(([name, { title }]) => new Option(title, name)),
  );
}

function showDevice({ name, cores, memoryGB, isolated, screen, battery }: Device): void {
  const facts = [
    ["Browser", name],
    ["Cores", `${cores}, ${isolated ? "shared memory" : "no shared memory: one thread"}`],
    ...(memoryGB ? [["Memory", `${memoryGB} GB or more`]] : []),
    ["Screen", screen],
    ...(battery ? [["Battery", battery]] : []),
  ];
  element("bench-device").replaceChildren(
    ...facts.map(([term, value]) => {
      const row = document.createElement("div");
      row.append(
        Object.assign(document.createElement("dt"), { textContent: term }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      );
      return row;
    }),
  );
}

function say(text: string, isError = false): void {
  element("bench-message").textContent = text;
  element("bench-message").classList.toggle("error", isError);
}

function progress(text: string, done: number, total: number): void {
  const bar = element<HTMLProgressElement>("bench-progress");
  bar.max = total;
  bar.value = done;
  bar.classList.toggle("idle", !text);
  if (text) element("bench-message").textContent = text;
}
