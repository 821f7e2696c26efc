/** How far an engine's outputs are from those expected, whatever the network computes. */
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";

/** From so many rows on, each column of an output (a place of its last axis) is measured by its own range. */
const manyRows = 100;

/**
 * The greatest |difference| as a fraction of the range of the expected values: of the output's, or, where there are
 * many rows, of the column's, because a detector's rows hold pixels beside probabilities. What has no range, such as one
 * number, is measured by its size, from 1 on. Outputs are paired by their order; NaN counts as infinitely far.
 */
export function relativeError(expected: Tensors, actual: Tensors): number {
  const [a, b] = [Object.values(expected), Object.values(actual)];
  if (a.length !== b.length) throw new Error(`${b.length} outputs, expected ${a.length}`);
  return Math.max(...a.map((output, i) => ofOutput(output, b[i])));
}

function ofOutput({ shape, data }: Tensor, actual: Tensor): number {
  if (actual.data.length !== data.length) {
    throw new Error(`an output is [${actual.shape}], expected [${shape}]`);
  }
  const width = shape.at(-1) ?? 1;
  const columns = data.length / width >= manyRows ? width : 1;
  const low = new Float64Array(columns).fill(Infinity);
  const high = new Float64Array(columns).fill(-Infinity);
  const far = new Float64Array(columns);
  for (let i = 0; i < data.length; i++) {
    const column = i % columns;
    low[column] = Math.min(low[column], data[i]);
    high[column] = Math.max(high[column], data[i]);
    const difference = Math.abs(actual.data[i] - data[i]);
    far[column] = Math.max(far[column], Number.isNaN(difference) ? Infinity : difference);
  }
  return far.reduce((worst, value, column) => {
    const range = high[column] - low[column] || Math.max(1, Math.abs(high[column]));
    return Math.max(worst, value === 0 ? 0 : value / range);
  }, 0);
}
