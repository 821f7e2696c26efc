/**
 * Attention, softmax(scale * q k + added) v, head by head: a thread lays out the head's keys and values for the
 * product kernel, then takes some rows of queries at a time, so that their scores stay in the L1 cache between the
 * two products.
 */
import { softmaxRows } from "../../../kernels-wasm/index.ts";
import { type Shape, sizeOf, stridesOf } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { matricesOf, rowsOf } from "./batches.ts";
import type { AttentionAttrs } from "./fuse-attention.ts";
import { roundUp8 } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import {
  blockOffsets,
  clearPacking,
  groupTable,
  packCalls,
  packCycles,
  packingOf,
  plainEnd,
  productCalls,
  productCycles,
} from "./product.ts";
import { softmaxCycles } from "./softmax.ts";
import { split, splitForPool } from "./split.ts";
import type { Binding, Builder, Call, Step } from "./step.ts";

/** Bytes of scores that are between the products at a time. */
const scoreBytes = 40 * 1024;
/** Fewer rows do not pay for walking all keys and values. */
const fewestRows = 24;

export const attentionBinding: Binding = {
  newAxes: true,
  reads: (_step, slot) => (slot === 0 ? "rows" : "any"),
  writes: "rows",
  wholeLanes: true,
  scratch: (step, plan, threads) => mostPieces(threads) * scratchBytes(sizesOf(step, plan)),
  bind(step, builder) {
    const { threads, fma } = builder;
    const [q, k, v] = step.inputs.map((name) => builder.value(name));
    const out = builder.value(step.output);
    const sizes = sizesOf(step, builder.plan);
    const { T, S, d, dv, rows } = sizes;
    const batch = out.shape.slice(0, -2);
    const [queries, keys, values, results] = [q, k, v, out].map((value) => matricesOf(value, batch));
    const keyPacking = packingOf(d, S, q.stride);
    const valuePacking = packingOf(S, dv, roundUp8(S));
    const [keyOffsets, valueOffsets] = [keyPacking, valuePacking].map((p) => blockOffsets(p, builder));
    const noBias = builder.data(new Float32Array(roundUp8(Math.max(S, dv))));
    const { scale } = step.node.attrs as unknown as AttentionAttrs;
    const softmax = builder.kernel(softmaxRows({ scale, fma }));
    const added = addedRows(step, builder, [...batch, T, S]);
    const scoreEnd = { ...plainEnd, residual: added !== undefined };

    // A part is some rows of queries of one head.
    const starts = Array.from({ length: Math.ceil(T / rows) }, (_, i) => i * rows);
    const parts = queries.flatMap((_, head) => starts.map((first) => ({ head, first })));
    const headCycles = packCycles(keyPacking) + packCycles(valuePacking);
    const cycles = parts.map(({ first }) => {
      const count = Math.min(rows, T - first);
      const products = productCycles(keyPacking, count) + productCycles(valuePacking, count);
      return products + count * (S * softmaxCycles.perValue + softmaxCycles.perRow);
    });
    const total = cycles.reduce((a, b) => a + b, 0) + queries.length * headCycles;
    // Two pieces that share a head both lay it out: not worth it where there are few heads.
    const isMany = queries.length >= 4 * threads;
    const pieces = (isMany ? splitForPool(cycles, threads, total) : split(cycles, threads)).filter(
      ([first, end]) => first < end,
    );

    const calls = pieces.map(([firstPart, endPart], piece) => {
      const keysAt = builder.scratch + piece * scratchBytes(sizes);
      const valuesAt = keysAt + bytesFor(d, S);
      const scoresAt = valuesAt + bytesFor(S, dv);
      const scoreRow = roundUp8(S) * 4;
      const keyTable = groupTable(keyPacking, keysAt, noBias, keyOffsets, builder);
      const valueTable = groupTable(valuePacking, valuesAt, noBias, valueOffsets, builder);
      const list = [
        ...clearPacking(keyPacking, keysAt, builder),
        ...clearPacking(valuePacking, valuesAt, builder),
      ];
      let laidOut = -1; // the head whose keys and values are there
      for (const { head, first } of parts.slice(firstPart, endPart)) {
        if (laidOut !== head) {
          list.push(...packCalls(keys[head], keyPacking, keysAt, builder));
          list.push(...packCalls(values[head], valuePacking, valuesAt, builder));
          laidOut = head;
        }
        const end = Math.min(first + rows, T);
        const scores = Int32Array.from({ length: end - first }, (_, i) => scoresAt + i * scoreRow);
        const from = rowsOf(queries[head]).subarray(first, end);
        const residual = added?.[head].subarray(first, end);
        const to = rowsOf(results[head]).subarray(first, end);
        list.push(
          ...productCalls({ from, to: scores, residual }, keyPacking, keyTable, scoreEnd, builder),
          { kernel: softmax, args: [scoresAt, scoresAt, end - first, S, scoreRow, scoreRow] },
          ...productCalls({ from: scores, to }, valuePacking, valueTable, plainEnd, builder),
        );
      }
      return list;
    });
    const flops = 2 * queries.length * T * S * (d + dv);
    const kernel = [...new Set(calls[0].map((call: Call) => call.kernel))].join(" ");
    return [{ label: step.label, kernel, detail: "dense", flops, calls }];
  },
};

interface Sizes {
  readonly T: number; // queries
  readonly S: number; // keys and values
  readonly d: number; // of a query
  readonly dv: number; // of a value
  readonly rows: number; // of queries at a time
}

function sizesOf(step: Step, plan: ExecutionPlan): Sizes {
  const [q, k, v] = step.inputs.map((name) => shapeOf(plan, name).slice(-2));
  const [T, d] = q;
  const [S, dv] = [k[1], v[1]];
  const most = Math.max(fewestRows, Math.floor(scoreBytes / (roundUp8(S) * 4)));
  // About equal, of whole tiles of 6.
  const rows = Math.ceil(T / Math.ceil(T / most) / 6) * 6;
  return { T, S, d, dv, rows: T <= most ? T : rows };
}

const bytesFor = (K: number, N: number): number => roundUp8(K) * roundUp8(N) * 4;

/** Of a piece: keys, values, scores. */
function scratchBytes({ S, d, dv, rows }: Sizes): number {
  return bytesFor(d, S) + bytesFor(S, dv) + rows * roundUp8(S) * 4;
}

const mostPieces = (threads: number): number => (threads === 1 ? 1 : 4 * threads);

/**
 * Addresses of the rows that are added to each head's scores, in constants that hold each different sum once:
 * windows of an image mostly have the same mask.
 */
function addedRows(step: Step, builder: Builder, shape: Shape): Int32Array[] | undefined {
  const names = step.inputs.slice(3);
  if (names.length === 0) return undefined;
  const { scale, factors } = step.node.attrs as unknown as AttentionAttrs;
  const [T, S] = shape.slice(-2);
  const stride = roundUp8(S);
  const terms = names.map((name, i) => {
    const { shape: own, data } = builder.constant(name)!;
    const strides = broadcastStrides(own, shape);
    return { data, strides, factor: factors[i] / scale, ids: idsOfMatrices(data, own) };
  });
  const batchStrides = stridesOf(shape.slice(0, -2));
  const known = new Map<string, Int32Array>();
  return Array.from({ length: sizeOf(shape.slice(0, -2)) }, (_, head) => {
    const starts = terms.map(({ strides }) =>
      batchStrides.reduce((at, stride, axis) => {
        return at + (Math.floor(head / stride) % shape[axis]) * strides[axis];
      }, 0),
    );
    const key = terms.map(({ ids }, i) => ids(starts[i])).join();
    const found = known.get(key);
    if (found) return found;
    const sum = new Float32Array(T * stride);
    terms.forEach(({ data, strides, factor }, i) => {
      const [byRow, byColumn] = strides.slice(-2);
      for (let t = 0; t < T; t++) {
        for (let s = 0; s < S; s++) {
          sum[t * stride + s] += factor * data[starts[i] + t * byRow + s * byColumn];
        }
      }
    });
    const at = builder.data(sum);
    const rows = Int32Array.from({ length: T }, (_, t) => at + t * stride * 4);
    known.set(key, rows);
    return rows;
  });
}

/** Names equal matrices of a tensor alike; a matrix is asked for by the index of its first element. */
function idsOfMatrices(data: Float32Array, shape: Shape): (start: number) => number {
  const size = sizeOf(shape.slice(-2));
  const ids = new Map<string, number>();
  const cache = new Map<number, number>();
  return (start) => {
    const seen = cache.get(start);
    if (seen !== undefined) return seen;
    const key = data.subarray(start, start + size).join();
    const id = ids.get(key) ?? ids.size;
    ids.set(key, id);
    cache.set(start, id);
    return id;
  };
}

/** Strides of `shape` along the axes of `target`, in elements: 0 where it is repeated. */
function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, axis) => {
    const own = axis - missing;
    return own < 0 || shape[own] === 1 ? 0 : strides[own];
  });
}
