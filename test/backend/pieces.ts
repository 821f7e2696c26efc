/**
 * Runs a graph as it is bound for several threads, on one: the pieces of each phase, which may run at once, in
 * reverse order. Memory is full of NaN at first, so that reading what nobody has written is seen.
 */
import { assemble } from "../../kernels-wasm/index.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { bind } from "../../runtime/backends/wasm/bind.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { sizeOf, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";

export function runInPieces(graph: Graph, inputs: Tensors, threads: number): Tensors {
  const planned = plan(graph);
  const bound = bind(planned, { threads, fma: false, tuner: makeTuner({}, 0) });
  const pages = Math.ceil(bound.bytes / 65536);
  const module = new WebAssembly.Module(assemble(bound.functions, { pages, shared: false }));
  const memory = new WebAssembly.Memory({ initial: pages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  new Float32Array(memory.buffer).fill(Number.NaN);
  for (const { address, values } of bound.data) {
    const view = values instanceof Int32Array ? Int32Array : Float32Array;
    new view(memory.buffer, address, values.length).set(values);
  }
  for (const [name, { data }] of Object.entries(inputs)) {
    new Float32Array(memory.buffer, bound.staging.get(name)!, data.length).set(data);
  }
  for (const { calls } of bound.phases) {
    for (const piece of calls.toReversed()) {
      for (const { kernel, args } of piece) (exports[kernel] as (...args: number[]) => void)(...args);
    }
  }
  return Object.fromEntries(
    planned.graph.outputs.map(({ name }) => {
      const { shape } = planned.values.get(name)!;
      const found = new Float32Array(memory.buffer, bound.staging.get(name)!, sizeOf(shape));
      return [name, tensor(shape, found.slice())];
    }),
  );
}
