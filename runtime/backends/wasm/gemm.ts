/**
 * Gemm. With constant weights and a bias it is a convolution of one tap (conv.ts); with any other operands a product
 * whose right matrix is laid out at each run, whose left one is turned first where transA is set, and to which C is
 * added as rows.
 */

import type { Node } from "../../model/graph.ts";
import { sizeOf } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { matricesOf } from "./batches.ts";
import { constantGemmBinding } from "./conv.ts";
import { copyPieces } from "./copy.ts";
import { broadcast } from "./elementwise.ts";
import { axisBytes, layoutOf } from "./layout.ts";
import { bindProducts, scratchFor } from "./matmul.ts";
import { sharedPhase } from "./phase.ts";
import { bias, everyPixel, residualPixels } from "./pixel-tables.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import type { Matrix } from "./product.ts";
import type { Binding, Builder, Phase, Placed, Step } from "./step.ts";
import { stridedPieces } from "./strided.ts";

interface GemmAttrs {
  readonly alpha: number;
  readonly beta: number;
  readonly transA: number;
  readonly transB: number;
}

export const gemmBinding: Binding = {
  newAxes: true,
  reads: ({ node }, slot) =>
    slot === 0 ? (attrsOf<GemmAttrs>(node).transA ? "any" : "rows") : slot === 1 ? "any" : "own",
  writes: "rows",
  wholeLanes: true,
  fuses: (node, plan) => ({
    residual: !hasMatrixC(node, plan),
    activation: true,
    clamp: true,
  }),
  scratch(step, plan, threads) {
    const { node, output } = step;
    if (runsConstant(node, plan)) return constantGemmBinding.scratch!(step, plan, threads);
    const { turned, addend, product } = bytesOf(node, output, plan);
    return turned + addend + product;
  },
  bind(step, builder) {
    return runsConstant(step.node, builder.plan)
      ? constantGemmBinding.bind(step, builder)
      : bindComputed(step, builder);
  },
};

const runsConstant = (node: Node, plan: ExecutionPlan): boolean =>
  constantGemmBinding.unsupported!(node, plan) === undefined;

/** Is C something else than a constant value for each output, or for all? */
function hasMatrixC({ inputs: [, , c] }: Node, plan: ExecutionPlan): boolean {
  if (!c) return false;
  const { constants } = plan.graph;
  const outputs = shapeOf(plan, c).at(-1) ?? 1;
  return !constants.has(c) || sizeOf(shapeOf(plan, c)) !== outputs;
}

function bytesOf(node: Node, output: string, plan: ExecutionPlan) {
  const [M, N] = shapeOf(plan, output);
  const { transA, transB } = attrsOf<GemmAttrs>(node);
  const K = shapeOf(plan, node.inputs[1])[transB ? 1 : 0];
  return {
    turned: transA ? layoutOf([M, K], "rows").bytes : 0,
    addend: hasMatrixC(node, plan) ? layoutOf([M, N], "rows").bytes : 0,
    product: scratchFor(1, K, N),
  };
}

function bindComputed(step: Step, builder: Builder): Phase[] {
  const { node, inputs, output } = step;
  const { alpha, beta, transA, transB } = attrsOf<GemmAttrs>(node);
  const a = builder.value(inputs[0]);
  const b = builder.value(inputs[1]);
  const out = builder.value(output);
  const [M, N] = out.shape;
  const { turned, addend } = bytesOf(node, output, builder.plan);
  const phases: Phase[] = [];

  let left: Placed = a;
  if (transA) {
    left = { ...layoutOf([M, a.shape[0]], "rows"), address: builder.scratch };
    const from = { ...a, shape: left.shape, axes: a.axes.toReversed() };
    phases.push(sharedPhase(step, copyPieces(from, left, builder)));
  }
  let residual = residualPixels(step, builder);
  if (hasMatrixC(node, builder.plan)) {
    const rows: Placed = { ...layoutOf([M, N], "rows"), address: builder.scratch + turned };
    const c = builder.value(inputs[2]);
    const operands = [
      { address: c.address + c.origin, bytes: broadcast(axisBytes(c), c.shape, out.shape) },
      { address: builder.data(Float32Array.of(beta)), bytes: [0, 0] },
      { address: rows.address, bytes: axisBytes(rows) },
    ];
    const pieces = stridedPieces([{ op: "mul", sizes: [M, N], operands }], builder);
    phases.push(sharedPhase(step, pieces));
    residual = everyPixel(rows);
  }
  const [stored] = matricesOf(b, []);
  const right = transB ? transposed(stored) : stored;
  const products = bindProducts(step, builder, {
    lefts: matricesOf(left, []),
    rights: [right],
    results: matricesOf(out, []),
    // The lanes of a turned matrix behind its last column are not written: they may hold anything.
    leftLanes: transA ? left.c : left.stride,
    residual,
    bias: inputs[2] && !hasMatrixC(node, builder.plan) ? bias(inputs[2], N, builder, beta) : undefined,
    factor: alpha,
    scratch: builder.scratch + turned + addend,
  });
  return [...phases, ...products];
}

function transposed({ address, shape: [rows, columns], axes: [byRow, byColumn] }: Matrix): Matrix {
  return { address, shape: [columns, rows], axes: [byColumn, byRow] };
}
