/** Which cells can be run: trials come first, and what they choose is fixed. */
import type { SearchOptions } from "../../pruner/methods/method.ts";
import { type Cell, cells } from "./cells.ts";
import type { Results } from "./result.ts";

/** Whether a cell can be run: its method's trials are done. */
export function isReady(cell: Cell, results: Results): boolean {
  return cell.untrained === true || trialsOf(cell).every(({ id }) => results.read(id));
}

/** The best of the method's trials; the first of equal ones. */
export function chosenTrial(cell: Cell, results: Results): SearchOptions {
  const done = trialsOf(cell).map((trial) => ({ trial, result: results.read(trial.id) }));
  if (done.length === 0 || done.some(({ result }) => !result)) return {};
  const best = done.reduce((a, b) => (b.result!.accuracy > a.result!.accuracy ? b : a));
  return best.trial.options;
}

/** Those that choose a cell's setting. Of n:m, which has no sparsity, they are others. */
export function trialsOf({ group, method, sparsity }: Cell): readonly Cell[] {
  const isByGroups = sparsity === undefined;
  const trials = cells.filter((cell) => cell.group === "trial" && cell.method === method);
  return group === "trial"
    ? []
    : trials.filter((trial) => (trial.sparsity === undefined) === isByGroups);
}
