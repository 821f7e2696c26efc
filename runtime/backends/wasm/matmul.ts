/**
 * MatMul. With a constant matrix it is a convolution of one tap (conv.ts). With two activations the right one is
 * laid out for the kernel at each run; a matrix that several left ones meet, once for all their rows.
 */

import type { ExecutionPlan } from "../../plan.ts";
import { epilogueOf } from "./activation.ts";
import { matricesOf, rowsOf } from "./batches.ts";
import { bindConstantMatMul, panelScratch } from "./conv.ts";
import { roundUp8 } from "./layout.ts";
import { residualPixels } from "./pixel-tables.ts";
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
import { stridedCalls } from "./strided.ts";

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
  scratch(step, plan, threads) {
    if (isPacked(step, plan)) return panelScratch(step, plan, threads);
    const shape = shapeOf(plan, step.inputs[1]);
    const [K, N] = shape.slice(-2);
    const matrices = shape.slice(0, -2).reduce((a, b) => a * b, 1);
    return scratchFor(matrices, K, N);
  },
  bind(step, builder) {
    if (isPacked(step, builder.plan)) return bindConstantMatMul(step, builder);
    const [a, b] = step.inputs.map((name) => builder.value(name));
    const out = builder.value(step.output);
    const batch = out.shape.slice(0, -2);
    const [lefts, rights, results] = [a, b, out].map((value) => matricesOf(value, batch));
    return bindProducts(step, builder, {
      lefts,
      rights,
      results,
      leftLanes: a.stride,
      residual: residualPixels(step, builder),
      scratch: builder.scratch,
    });
  },
};

function isPacked(step: Step, plan: ExecutionPlan): boolean {
  const [, b] = step.inputs;
  return plan.graph.constants.has(b) && shapeOf(plan, b).length === 2;
}

/** Products of two matrices each. */
export interface Products {
  readonly lefts: readonly Matrix[];
  readonly rights: readonly Matrix[];
  readonly results: readonly Matrix[];
  readonly leftLanes: number; // floats that may be read of a row of a left matrix
  readonly residual?: Int32Array; // addresses, for the rows of all results
  readonly bias?: number; // address of one value for each column of the results, rounded up to 8 with zeros
  readonly factor?: number; // of the products
  readonly scratch: number; // address of `scratchFor` bytes
}

/** Bytes that `bindProducts` needs for so many different right matrices [K, N]. */
export const scratchFor = (matrices: number, K: number, N: number): number =>
  matrices * roundUp8(K) * roundUp8(N) * 4;

/** A right matrix with all rows that meet it. */
interface Group {
  readonly b: Matrix;
  readonly from: number[];
  readonly to: number[];
  readonly residual: number[];
}

export function bindProducts(step: Step, builder: Builder, products: Products): Phase[] {
  const { rights, residual, factor = 1, scratch } = products;
  const [K, N] = rights[0].shape;
  const packing = packingOf(K, N, products.leftLanes);
  const offsets = blockOffsets(packing, builder);
  const bias = products.bias ?? builder.data(new Float32Array(roundUp8(N)));
  const end = { ...epilogueOf(step), residual: residual !== undefined, lo: step.lo, hi: step.hi };
  const { threads } = builder;
  const packs: Call[][] = [];
  const multiplications: Call[][] = [];
  const cycles: number[] = [];
  const groups = groupsOf(products);
  groups.forEach((group, i) => {
    const at = scratch + i * packing.bytes;
    packs.push([
      ...clearPacking(packing, at, builder),
      ...packCalls(group.b, packing, at, builder),
      ...(factor === 1 ? [] : scaleCalls(at, packing.bytes, factor, builder)),
    ]);
    const table = groupTable(packing, at, bias, offsets, builder);
    // A matrix alone is shared by its rows.
    const parts = groups.length < threads ? 4 * threads : 1;
    const each = Math.ceil(group.from.length / parts / 6) * 6;
    for (let first = 0; first < group.from.length; first += each) {
      const part = (rows: number[]) => Int32Array.from(rows.slice(first, first + each));
      const rows = {
        from: part(group.from),
        to: part(group.to),
        residual: residual && part(group.residual),
      };
      multiplications.push(productCalls(rows, packing, table, end, builder));
      cycles.push(productCycles(packing, rows.from.length));
    }
  });
  const phase = (calls: Call[][], flops: number): Phase => {
    const kernel = calls[0].at(-1)!.kernel;
    return { label: step.label, kernel, detail: "dense", flops, calls };
  };
  const rows = groups.reduce((sum, group) => sum + group.from.length, 0);
  const total = cycles.reduce((x, y) => x + y, 0);
  if (groups.length < threads) {
    const share = splitForPool(cycles, threads, total);
    const calls = share.map(([i, j]) => multiplications.slice(i, j).flat());
    return [phase([packs.flat()], 0), phase(calls, 2 * rows * N * K)];
  }
  // Every thread lays out its own matrices.
  const share = splitForPool(cycles, threads, total + packs.length * packCycles(packing));
  const both = packs.map((pack, i) => [...pack, ...multiplications[i]]);
  return [
    phase(
      share.map(([i, j]) => both.slice(i, j).flat()),
      2 * rows * N * K,
    ),
  ];
}

function groupsOf({ lefts, rights, results, residual }: Products): Group[] {
  const groups = new Map<number, Group>(); // by the address of the right matrix
  lefts.forEach((left, i) => {
    const b = rights[i];
    const group = groups.get(b.address) ?? { b, from: [], to: [], residual: [] };
    groups.set(b.address, group);
    const [from, to] = [rowsOf(left), rowsOf(results[i])];
    from.forEach((row, m) => {
      group.from.push(row);
      group.to.push(to[m]);
      if (residual) group.residual.push(residual[i * from.length + m]);
    });
  });
  return [...groups.values()];
}

/** Calls that multiply all floats there. */
function scaleCalls(address: number, bytes: number, factor: number, builder: Builder): Call[] {
  const all = { address, bytes: [4] };
  const by = { address: builder.data(Float32Array.of(factor)), bytes: [0] };
  return stridedCalls({ op: "mul", sizes: [bytes / 4], operands: [all, by, all] }, builder);
}
