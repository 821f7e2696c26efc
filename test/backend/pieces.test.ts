/**
 * Pieces of a phase may run in any order, on any thread: what is bound for several threads computes what the
 * reference computes, though its pieces run backwards.
 */
import { expect, test } from "vitest";
import { assemble } from "../../kernels-wasm/index.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { bind } from "../../runtime/backends/wasm/bind.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";
import { sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { type ExecutionPlan, plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";
import { type Case, constant, ints, scalar, single } from "./cases/case.ts";
import { expectSame } from "./run.ts";

const image = randomTensor([2, 20, 60, 61], 1);
const narrow = randomTensor([1, 3, 190, 210], 2);
const rows = randomTensor([1, 700, 403], 3);
const gate = randomTensor([2, 20, 1, 1], 4);
const backwards = Array.from({ length: 600 }, (_, i) => (i % 7 ? 650 - i : i));
const scales = constant(tensor([4], Float32Array.of(1, 1, 2, 2)));

const cases: Case[] = [
  single("Sigmoid", "an activation", [image]),
  single("Exp", "one that leaves the lanes behind the last channel alone", [image]),
  single("Clip", "a clamp of three channels", [narrow, scalar(-0.5), scalar(0.5)]),
  single("Mul", "a gate for each channel", [image, gate]),
  single("Add", "a constant for each column", [rows, constant(randomTensor([403], 5))]),
  single("Div", "a quotient", [image, randomTensor([2, 20, 60, 61], 6, 1, 2)]),
  single("Concat", "channels", [image, randomTensor([2, 5, 60, 61], 7), image], { axis: 1 }),
  single("Concat", "rows", [rows, rows], { axis: 1 }),
  single("Pad", "with a value", [narrow, ints(0, 1, 2, 0, 0, 0, 0, 3), scalar(0.5)]),
  single("Slice", "every second pixel", [image, ints(0, 1), ints(99, 99), ints(2, 3), ints(2, 2)]),
  single("Gather", "rows in another order", [rows, ints(...backwards)], { axis: 1 }),
  single("Expand", "a column to rows", [randomTensor([700, 1], 8), ints(700, 403)]),
  single("Resize", "nearest", [image, undefined, scales]),
  single("Resize", "linear", [narrow, undefined, scales], { mode: "linear" }),
  single("MaxPool", "a pooling", [image], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  single("Transpose", "a transpose", [rows], { perm: [0, 2, 1] }),
  single("Reshape", "a reshape", [image, ints(20, -1)]),
];

test.each(cases)("$graph.name: $name", async ({ graph, inputs }) => {
  const planned = plan(graph);
  const executable = await reference.prepare(planned);
  const { outputs, isShared } = runBackwards(planned, inputs, 3);
  expect(isShared).toBe(true);
  expectSame(outputs, await executable.run(inputs));
});

/** Runs what is bound for so many threads on one, the pieces of each phase from the last to the first. */
function runBackwards(
  planned: ExecutionPlan,
  inputs: Tensors,
  threads: number,
): { outputs: Tensors; isShared: boolean } {
  const bound = bind(planned, { threads, fma: false, tuner: makeTuner({}, 0) });
  const pages = Math.ceil(bound.bytes / 65536);
  const memory = new WebAssembly.Memory({ initial: pages });
  const module = new WebAssembly.Module(assemble(bound.functions, { pages, shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (const { address, values } of bound.data) {
    const view = values instanceof Int32Array ? Int32Array : Float32Array;
    new view(memory.buffer, address, values.length).set(values);
  }
  const floats = (name: string, length: number) =>
    new Float32Array(memory.buffer, bound.staging.get(name), length);
  for (const [name, { data }] of Object.entries(inputs)) floats(name, data.length).set(data);
  for (const { calls } of bound.phases) {
    for (const { kernel, args } of [...calls].reverse().flat())
      (exports[kernel] as (...args: readonly number[]) => void)(...args);
  }
  const outputs = planned.graph.outputs.map(({ name }): [string, Tensor] => {
    const { shape } = planned.values.get(name)!;
    return [name, tensor(shape, floats(name, sizeOf(shape)).slice())];
  });
  return {
    outputs: Object.fromEntries(outputs),
    isShared: bound.phases.some(({ calls }) => calls.length > 1),
  };
}
