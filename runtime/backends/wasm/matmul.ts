/**
 * MatMul. With a constant matrix it is a convolution of one tap (conv.ts). With two activations the right one is
 * laid out for the kernel at each run; a matrix that several left ones meet, once for all their rows.
 */

import type { ExecutionPlan } from "../../plan.ts";
import { epilogueOf } from "./activation.ts";
import { matricesOf, rowsOf } from "./batches.ts";
import { bindConstantMatMul } from "./conv.ts";
import { roundUp8 } from "./layout.ts";
import { everyPixel } from "./pixels.ts";
import { shapeOf } from "./plan-facts.ts";
import {
  blockOffsets,
  clearPacking,
  groupTable,
  type Matrix,
  packCalls,
  packCycles,
  packingOf,
  productCalls,
  productCycles,
} from "./product.ts";
import { splitForPool } from "./split.ts";
import type { Binding, Builder, Call, Phase, Step } from "./step.ts";

export const matmulBinding: Binding = {
  newAxes: true,
  reads: (_step, slot) => (slot === 0 ? "rows" : "any"),
  writes: "rows",
  wholeLanes: true,
  fuses: { residual: true, activation: true, clamp: true },
  unsupported(node, plan) {
    const [a, b] = node.inputs.map((name) => shapeOf(plan, name));
    if (a.length < 2 || b.length < 2)
      return `it multiplies [${a}] by [${b}]; both must have 2 dimensions or more`;
    return undefined;
  },
  scratch(step, plan) {
    if (isPacked(step, plan)) return 0;
    const shape = shapeOf(plan, step.inputs[1]);
    const [K, N] = shape.slice(-2);
    const matrices = shape.slice(0, -2).reduce((a, b) => a * b, 1);
    return matrices * roundUp8(K) * roundUp8(N) * 4;
  },
  bind(step, builder) {
    return isPacked(step, builder.plan)
      ? bindConstantMatMul(step, builder)
      : bindMatrices(step, builder);
  },
};

function isPacked(step: Step, plan: ExecutionPlan): boolean {
  const [, b] = step.inputs;
  return plan.graph.constants.has(b) && shapeOf(plan, b).length === 2;
}

/** A right matrix with all rows that meet it. */
interface Group {
  readonly b: Matrix;
  readonly from: number[];
  readonly to: number[];
  readonly residual: number[];
}

function bindMatrices(step: Step, builder: Builder): Phase[] {
  const [a, b] = step.inputs.map((name) => builder.value(name));
  const out = builder.value(step.output);
  const [K, N] = b.shape.slice(-2);
  const batch = out.shape.slice(0, -2);
  const residual = step.residual === undefined ? undefined : everyPixel(builder.value(step.residual));
  const [lefts, rights, results] = [a, b, out].map((value) => matricesOf(value, batch));
  const groups = new Map<number, Group>(); // by the address of the right matrix
  lefts.forEach((left, i) => {
    const right = rights[i];
    const group = groups.get(right.address) ?? { b: right, from: [], to: [], residual: [] };
    groups.set(right.address, group);
    const rows = rowsOf(left);
    const resultRows = rowsOf(results[i]);
    rows.forEach((row, m) => {
      group.from.push(row);
      group.to.push(resultRows[m]);
      if (residual) group.residual.push(residual[i * rows.length + m]);
    });
  });

  const packing = packingOf(K, N, a.stride);
  const offsets = blockOffsets(packing, builder);
  const noBias = builder.data(new Float32Array(roundUp8(N)));
  const end = { ...epilogueOf(step), lo: step.lo, hi: step.hi };
  const { threads } = builder;
  const packs: Call[][] = [];
  const products: Call[][] = [];
  const cycles: number[] = [];
  [...groups.values()].forEach((group, i) => {
    const at = builder.scratch + i * packing.bytes;
    packs.push([...clearPacking(packing, at, builder), ...packCalls(group.b, packing, at, builder)]);
    const table = groupTable(packing, at, noBias, offsets, builder);
    // A matrix alone is shared by its rows.
    const parts = groups.size < threads ? 4 * threads : 1;
    const each = Math.ceil(group.from.length / parts / 6) * 6;
    for (let first = 0; first < group.from.length; first += each) {
      const part = (rows: number[]) => Int32Array.from(rows.slice(first, first + each));
      const rows = {
        from: part(group.from),
        to: part(group.to),
        residual: residual && part(group.residual),
      };
      products.push(productCalls(rows, packing, table, end, builder));
      cycles.push(productCycles(packing, rows.from.length));
    }
  });
  const phase = (calls: Call[][], flops: number): Phase => {
    const kernel = calls[0].at(-1)!.kernel;
    return { label: step.label, kernel, detail: "dense", flops, calls };
  };
  const flops = 2 * out.shape.reduce((x, y) => x * y, 1) * K;
  const total = cycles.reduce((x, y) => x + y, 0);
  if (groups.size < threads) {
    const share = splitForPool(cycles, threads, total);
    return [
      phase([packs.flat()], 0),
      phase(
        share.map(([i, j]) => products.slice(i, j).flat()),
        flops,
      ),
    ];
  }
  // Every thread lays out its own matrices.
  const share = splitForPool(cycles, threads, total + packs.length * packCycles(packing));
  const both = packs.map((pack, i) => [...pack, ...products[i]]);
  return [
    phase(
      share.map(([i, j]) => both.slice(i, j).flat()),
      flops,
    ),
  ];
}
