/** Runs a case on a backend and compares results: for the backends' tests and the oracle. */
import { expect } from "vitest";
import type { Backend, PrepareOptions, Tensors } from "../../runtime/backends/backend.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";

export async function runOn(
  backend: Backend,
  graph: Graph,
  inputs: Tensors,
  options?: PrepareOptions,
): Promise<Tensors> {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const executable = await backend.prepare(plan(graph, { shapes }), options);
  try {
    return await executable.run(inputs);
  } finally {
    executable.dispose();
  }
}

/** Same names, dtypes and shapes; values within `tolerance` of the larger of 1 and the value that is wanted. */
export function expectSame(got: Tensors, want: Tensors, tolerance = 1e-5): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, { dtype, shape, data }] of Object.entries(want)) {
    expect({ name, dtype: got[name].dtype, shape: [...got[name].shape] }).toEqual({
      name,
      dtype,
      shape: [...shape],
    });
    let worst = { at: -1, error: 0, got: 0, want: 0 };
    for (let at = 0; at < data.length; at++) {
      if (Object.is(data[at], got[name].data[at])) continue; // also NaN and infinities
      const difference = Math.abs(got[name].data[at] - data[at]) / Math.max(1, Math.abs(data[at]));
      const error = Number.isNaN(difference) ? Infinity : difference;
      if (error > worst.error) worst = { at, error, got: got[name].data[at], want: data[at] };
    }
    expect(worst.error, `'${name}' differs most at ${JSON.stringify(worst)}`).toBeLessThanOrEqual(
      tolerance,
    );
  }
}
