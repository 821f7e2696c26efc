/** Which cells can be run: trials come first, and what they choose is fixed. */
import type { SearchOptions } from "../../pruner/methods/method.ts";
import { type Cell, cells, trials } from "./cells.ts";
import type { Results } from "./result.ts";

/** Whether a cell can be run: its method's trials are done. */
export function isReady({ group, method, untrained }: Cell, results: Results): boolean {
  if (group === "trial" || untrained || !trials[method]) return true;
  return trialsOf(method).every(({ id }) => results.read(id));
}

/** The best of the method's trials; the first of equal ones. */
export function chosenTrial({ group, method }: Cell, results: Results): SearchOptions {
  if (group === "trial" || !trials[method]) return {};
  const done = trialsOf(method).map((trial) => ({ trial, result: results.read(trial.id) }));
  if (done.some(({ result }) => !result)) return {};
  const best = done.reduce((a, b) => (b.result!.accuracy > a.result!.accuracy ? b : a));
  return best.trial.options;
}

const trialsOf = (method: Cell["method"]) =>
  cells.filter((cell) => cell.group === "trial" && cell.method === method);
