/** Gemm and MatMul: with a constant right matrix products over the blocks of its weights, else tiles of both (matmul.ts). */
import type { Node } from "../../model/graph.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import { sizeOf } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { attrsOf, shapeOf } from "../wasm/plan-facts.ts";
import { packFor } from "./conv.ts";
import type { Family } from "./family.ts";
import { computed } from "./matmul.ts";
import type { Weights } from "./pack.ts";
import { product } from "./product.ts";
import type { Source } from "./source.ts";
import { broadcastAxes, strided, type Writer } from "./writer.ts";

interface GemmAttrs {
  readonly alpha: number;
  readonly beta: number;
  readonly transA: number;
  readonly transB: number;
}

export const gemm: Family = {
  write(step, context) {
    const { node } = step;
    const { plan } = context;
    const { alpha, beta, transA, transB } = attrsOf<GemmAttrs>(node);
    const [a, b, c] = node.inputs;
    const [M, N] = shapeOf(plan, step.made);
    const K = shapeOf(plan, a)[transA ? 0 : 1];
    const writer = context.writer();
    const bias = c ? biasOf(writer, c, [M, N], beta) : undefined;
    if (!mayPack(plan, b, K, N)) {
      const product = {
        batch: [],
        M,
        N,
        K,
        a: { name: a, row: transA ? 1 : K, col: transA ? M : 1 },
        b: { name: b, row: transB ? 1 : N, col: transB ? K : 1 },
        alpha,
        bias,
      };
      return [computed(step, writer, product)];
    }
    const weights = weightsOf(node, plan, K, N, transB !== 0, alpha);
    const source = rowsSource(writer, a, M, K, N, transA !== 0, bias);
    return [product(step, writer, source, packFor(step, weights, context))];
  },
};

export const matmul: Family = {
  unsupported(node, plan) {
    const [a, b] = node.inputs.map((name) => shapeOf(plan, name));
    return a.length < 2 || b.length < 2 ? `it multiplies [${a}] by [${b}]` : undefined;
  },

  write(step, context) {
    const { node } = step;
    const { plan } = context;
    const [a, b] = node.inputs;
    const [left, right] = [shapeOf(plan, a), shapeOf(plan, b)];
    const [M, K] = left.slice(-2);
    const N = right[right.length - 1];
    const writer = context.writer();
    if (right.length === 2 && mayPack(plan, b, K, N)) {
      const rows = sizeOf(left) / K;
      const weights = weightsOf(node, plan, K, N, false, 1);
      const source = rowsSource(writer, a, rows, K, N, false);
      return [product(step, writer, source, packFor(step, weights, context))];
    }
    const batch = shapeOf(plan, step.made).slice(0, -2);
    // Offsets are counted in matrices here.
    const along = (shape: readonly number[]) => broadcastAxes(shape.slice(0, -2), batch);
    const product_ = {
      batch: batch.map((size, axis) => ({
        size,
        a: along(left)[axis].stride,
        b: along(right)[axis].stride,
      })),
      M,
      N,
      K,
      a: { name: a, row: K, col: 1 },
      b: { name: b, row: N, col: 1 },
      alpha: 1,
    };
    return [computed(step, writer, product_)];
  },
};

/** Is it a constant matrix whose blocks the index can name? */
function mayPack(plan: ExecutionPlan, name: string, K: number, N: number): boolean {
  return plan.graph.constants.has(name) && K <= 65535 && N > 0;
}

function weightsOf(
  node: Node,
  plan: ExecutionPlan,
  K: number,
  N: number,
  isTransposed: boolean,
  alpha: number,
): Weights {
  const { data } = decodeWeight(plan.graph.constants.get(node.inputs[1])!);
  const weights = { outputs: N, inputs: K, taps: 1, groups: 1 };
  if (isTransposed) return { ...weights, data: alpha === 1 ? data : data.map((value) => value * alpha) };
  const turned = new Float32Array(K * N);
  for (let k = 0; k < K; k++) for (let n = 0; n < N; n++) turned[n * K + k] = alpha * data[k * N + n];
  return { ...weights, data: turned };
}

/** What is added to output `m` of pixel `p`: beta C, broadcast to [pixels, outputs]. */
function biasOf(writer: Writer, c: string, target: readonly number[], beta: number): string {
  const shape = shapeOf(writer.plan, c);
  const axes = broadcastAxes(shape, target);
  const flat = `(p * ${writer.constant("N", target[1])} + m)`;
  const at =
    axes[0].stride === 0 ? (axes[1].stride === 0 ? "0u" : "m") : strided(writer, axes, flat, 0, "bias");
  const value = `${writer.value(c)}[${at}]`;
  return beta === 1 ? value : `${writer.constant("beta", beta, "f32")} * ${value}`;
}

/** x [rows, K], or [K, rows] where it is transposed; y [rows, N]. A pixel is a row. */
function rowsSource(
  writer: Writer,
  x: string,
  rows: number,
  K: number,
  N: number,
  isTransposed: boolean,
  bias?: string,
): Source {
  const [k, all] = [writer.constant("K", K), writer.constant("pixels", rows)];
  const variable = writer.value(x);
  const at = isTransposed ? `c * ${all} + p` : `p * ${k} + c`;
  writer.helper(`fn at_row(c: u32, p: u32) -> f32 {
  if (p >= ${all} || c >= ${k}) { return 0.0; }
  return ${variable}[${at}];
}`);
  return {
    name: isTransposed ? "gemm_turned" : "gemm",
    pixels: rows,
    before: "",
    load: "vec4<f32>(at_row(c, pixel), at_row(c, pixel + 1u), at_row(c, pixel + 2u), at_row(c, pixel + 3u))",
    place: `p * ${writer.constant("N", N)} + m`,
    bias,
  };
}
