/** What Firefox does for float16.test.ts: its GPU is Mesa's software renderer where there is no other, which has shader-f16. */
import { reference } from "../../../runtime/backends/reference/index.ts";
import { bind } from "../../../runtime/backends/webgpu/bind.ts";
import { webgpu } from "../../../runtime/backends/webgpu/index.ts";
import { writeModel } from "../../../runtime/model/file.ts";
import type { Graph } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { plan } from "../../../runtime/plan.ts";
import { prepareModel } from "../../../runtime/prepare.ts";
import { cases } from "../../backend/cases/index.ts";
import { randomTensor } from "../../random.ts";

export interface CaseResult {
  readonly name: string;
  readonly kernels: readonly string[];
  readonly off: number; // of the reference's range, the element that is farthest off
}

export interface LoadResult {
  readonly reasons: readonly string[];
  readonly kernels: readonly string[];
  readonly off: number;
}

export type Request = { readonly op: "Conv" | "Gemm" | "MatMul" } | { readonly factor: number };

/** All cases of an operator in float16, or a product that is loaded with it. A sentence where this Firefox cannot. */
async function job(request: Request): Promise<readonly CaseResult[] | LoadResult | string> {
  const adapter = await (navigator as Partial<Navigator>).gpu?.requestAdapter();
  if (!adapter?.features.has("shader-f16")) return "this Firefox has no shader-f16 here";
  return "op" in request ? runCases(request.op) : loadNetwork(request.factor);
}

async function runCases(op: "Conv" | "Gemm" | "MatMul"): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const { name, graph, inputs } of cases[op]) {
    const shapes = Object.fromEntries(Object.entries(inputs).map(([of, { shape }]) => [of, shape]));
    const planned = plan(graph, { shapes });
    const half = await webgpu.prepare(planned, { isHalf: true });
    const found = await half.run(inputs);
    half.dispose();
    const { segments } = bind(planned, {}, { isHalf: true });
    const kernels = segments.flatMap(({ dispatches }) => dispatches.map(({ kernel }) => kernel));
    const wanted = await (await reference.prepare(planned)).run(inputs);
    const [output] = Object.keys(wanted);
    results.push({ name, kernels, off: shareOff(found[output].data, wanted[output].data) });
  }
  return results;
}

/** A product behind a factor: a large one makes activations that float16 does not hold. */
async function loadNetwork(factor: number): Promise<LoadResult> {
  const graph: Graph = {
    name: "scaled",
    nodes: [
      { name: "scale", op: "Mul", inputs: ["x", "factor"], outputs: ["s"], attrs: {} },
      { name: "fc", op: "Gemm", inputs: ["s", "w"], outputs: ["y"], attrs: { transB: 1 } },
    ],
    inputs: [{ name: "x", dtype: "float32", shape: [8, 64] }],
    outputs: [{ name: "y", dtype: "float32", shape: [8, 32] }],
    constants: new Map([
      ["factor", tensor([1], Float32Array.of(factor))],
      ["w", randomTensor([32, 64], 1)],
    ]),
  };
  const inputs = { x: randomTensor([8, 64], 2) };
  const options = { backend: "webgpu", precision: "f16", threads: 1, cache: false } as const;
  const { executable, info } = await prepareModel(await writeModel(graph), options);
  const { y } = await executable.run(inputs);
  const kernels = (await executable.profile(inputs, 1)).map(({ kernel }) => kernel);
  const wanted = await (await reference.prepare(plan(graph))).run(inputs);
  return { reasons: info.capabilities.reasons, kernels, off: shareOff(y.data, wanted.y.data) };
}

function shareOff(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [least, most, worst] = [Infinity, -Infinity, 0];
  for (let i = 0; i < wanted.length; i++) {
    least = Math.min(least, wanted[i]);
    most = Math.max(most, wanted[i]);
    const off = Math.abs(found[i] - wanted[i]);
    worst = Math.max(worst, Number.isNaN(off) ? Infinity : off);
  }
  return wanted.length ? worst / (most - least || Math.abs(most)) : 0; // one value has its size for a range
}

Object.assign(globalThis, { job });
