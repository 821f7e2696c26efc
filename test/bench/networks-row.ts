/** What `npm run bench -- networks` finds out of one network; --json gives a list of these. */
import type { LayerRow } from "./layer-row.ts";
import type { ColdStart, StartName } from "./networks-cold.ts";

/** As a layer's; `ms` are of a run, and `gflops` counts the multiplications that pruning leaves, attention included. */
export interface NetworkRow extends LayerRow {
  readonly maxErrors: Readonly<Record<string, number>>; // of every engine, as fractions of the output's range
  readonly workDensity: number; // fraction of the whole network's multiplications that is left
  readonly coldStart?: Readonly<Partial<Record<StartName, ColdStart>>>;
}
