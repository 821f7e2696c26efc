/** How far the check is and how long it still takes: by the work of what is left, at the pace so far. */
import type { Graph } from "../../runtime/model/graph.ts";
import { flopsOf } from "../../runtime/ops/work.ts";
import { plan } from "../../runtime/plan.ts";

/** What an engine does in a second on a usual machine, and what it takes to start: to weigh rows against each other. */
const pace: Readonly<Record<string, { gflops: number; seconds: number }>> = {
  reference: { gflops: 0.2, seconds: 0.2 },
  wasm: { gflops: 30, seconds: 0.5 },
  webgpu: { gflops: 1, seconds: 10 }, // on a software renderer
  chromium: { gflops: 30, seconds: 3 },
};

export function secondsOf(backend: string, gflops: number): number {
  const { gflops: perSecond, seconds } = pace[backend];
  return seconds + gflops / perSecond;
}

/** Of one run with open sizes 1. */
export function gflopsOf(graph: Graph): number {
  const { values } = plan(graph);
  return graph.nodes.reduce((sum, node) => sum + flopsOf(node, values), 0) / 1e9;
}

export interface ProgressLine {
  /** Work is done that was taken to last so many seconds. */
  done(seconds: number): void;
  show(doing: string): void;
  stop(): void;
}

/** Seconds between two lines where stderr is no terminal. */
const quietSeconds = 10;

/** On stderr: one line that changes in a terminal, a line now and then elsewhere. */
export function progressLine(total: number): ProgressLine {
  const started = performance.now();
  let [finished, last] = [0, Number.NEGATIVE_INFINITY];
  const { isTTY } = process.stderr;
  return {
    done(seconds) {
      finished += seconds;
    },
    show(doing) {
      const now = performance.now();
      if (!isTTY && now - last < quietSeconds * 1000) return;
      last = now;
      const elapsed = (now - started) / 1000;
      const share = Math.min(1, finished / total);
      // At first the guess, then more and more what was seen.
      const left = (total - finished) * (share * (elapsed / Math.max(finished, 1e-9)) + 1 - share);
      const line = `${Math.round(100 * share)} % | ${minutes(left)} left | ${doing}`;
      process.stderr.write(
        isTTY ? `\r\x1b[2K${line.slice(0, process.stderr.columns - 1)}` : `${line}\n`,
      );
    },
    stop() {
      if (isTTY) process.stderr.write("\r\x1b[2K");
    },
  };
}

function minutes(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
