/** What the bench found, as it is shown, downloaded, copied and shared. */
import { quantile } from "../../../pruner/bench/page.ts";
import type { Capabilities } from "../../../runtime/index.ts";
import type { DriftSample, RaceResult } from "../race/job.ts";
import type { Device } from "./device.ts";
import type { NetworkName } from "./networks.ts";

export interface BenchResult {
  readonly filigree: "bench";
  readonly version: 1;
  readonly date: string; // ISO 8601
  readonly device: Device;
  readonly rows: readonly BenchRow[];
  readonly left: readonly string[]; // what could not be measured, and why
  readonly drift?: { readonly network: string; readonly samples: readonly DriftSample[] };
}

export interface BenchRow {
  readonly network: NetworkName | string;
  readonly engine: string;
  readonly weights: "dense" | "pruned";
  readonly pattern: string; // "block:16x8 70 %", or "dense"
  readonly threads: number;
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly spread: number; // (upper quartile - lower quartile) / median
  readonly ratio: number; // of Filigree dense: its minimum / this minimum
  readonly prepareMs: number;
  readonly firstRunMs: number;
  readonly memoryBytes: number;
  readonly error: number; // of the output's range
  readonly isRight: boolean;
  readonly samplesMs: readonly number[];
  readonly capabilities?: Capabilities;
  readonly kernels?: readonly string[]; // slowest first
}

export function rowsOf(
  network: string,
  pattern: string,
  threads: number,
  results: readonly RaceResult[],
): BenchRow[] {
  const dense = results.find(({ name }) => name === "Filigree dense") ?? results[0];
  return results.map(({ name, timing, capabilities, steps, ...rest }) => {
    const weights = name.endsWith("pruned") ? "pruned" : "dense";
    const slowestFirst = [...(steps ?? [])].sort((a, b) => b.ms - a.ms);
    return {
      network,
      engine: name.replace(/ (dense|pruned)$/, ""),
      weights,
      pattern: weights === "pruned" ? pattern : "dense",
      threads: capabilities?.threads ?? threads,
      minMs: timing.minMs,
      p50Ms: timing.medianMs,
      p90Ms: quantile(timing.samplesMs, 0.9),
      spread: timing.spread,
      ratio: dense.timing.minMs / timing.minMs,
      prepareMs: rest.prepareMs,
      firstRunMs: rest.firstRunMs,
      memoryBytes: rest.memoryBytes,
      error: rest.error,
      isRight: rest.isRight,
      samplesMs: timing.samplesMs,
      capabilities,
      kernels:
        steps &&
        slowestFirst.map(
          ({ ms, node, kernel, detail }) => `${ms.toFixed(3)} ms  ${node}: ${kernel}, ${detail}`,
        ),
    };
  });
}
