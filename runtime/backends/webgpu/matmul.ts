/**
 * y = alpha A B + bias for matrices that are both computed, a batch of them: attention's two products.
 *
 * A workgroup computes a tile of 32 x 32, an invocation 4 x 4 of it in registers. Of 16 columns of A and rows of B at
 * a time, it brings both to workgroup memory, as float16 where the device stores that; sums are float32.
 */
import type { Dispatch } from "./dispatch.ts";
import type { Step } from "./fuse.ts";
import { storeFunction } from "./store.ts";
import { strided, type Writer } from "./writer.ts";

export interface Matrix {
  readonly name: string;
  readonly row: number; // elements from one row to the next
  readonly col: number;
}

export interface Product {
  readonly batch: readonly { readonly size: number; readonly a: number; readonly b: number }[]; // strides in matrices
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a: Matrix; // [M, K]
  readonly b: Matrix; // [K, N]
  readonly alpha: number;
  readonly bias?: string; // the expression of what is added at row `p`, column `m`
}

const tile = 32;
const depth = 16;

export function computed(step: Step, writer: Writer, product: Product): Dispatch {
  const { batch, M, N, K, a, b, alpha, bias } = product;
  const matrices = batch.reduce((count, { size }) => count * size, 1);
  const [m, n, k] = [writer.constant("M", M), writer.constant("N", N), writer.constant("K", K)];
  const offset = (which: "a" | "b", size: string) => {
    const axes = batch.map((axis) => ({ size: axis.size, stride: axis[which] }));
    return `(${strided(writer, axes, "matrix", 0, which)}) * ${size}`;
  };
  const at = ({ name, row, col }: Matrix, first: string, r: string, c: string) =>
    `${writer.value(name)}[${first} + (${r}) * ${writer.constant("row", row)} + (${c}) * ${writer.constant("col", col)}]`;
  const factor = alpha === 1 ? "" : `${writer.constant("alpha", alpha, "f32")} * `;
  const rows = [0, 1, 2, 3];
  const { isHalf } = writer;
  if (isHalf) writer.enable("f16");
  const kept = isHalf ? "vec4<f16>" : "vec4<f32>";
  const narrow = (value: string) => (isHalf ? `vec4<f16>(${value})` : value);
  const widen = (value: string) => (isHalf ? `vec4<f32>(${value})` : value);
  const main = `var<workgroup> as_: array<${kept}, ${(depth * tile) / 4}>; // [depth][rows / 4]
var<workgroup> bs: array<${kept}, ${(depth * tile) / 4}>; // [depth][columns / 4]

${storeFunction(writer, step)}
fn a_at(first: u32, p: u32, n: u32) -> f32 {
  if (p >= ${m} || n >= ${k}) { return 0.0; }
  return ${at(a, "first", "p", "n")};
}
fn b_at(first: u32, n: u32, m: u32) -> f32 {
  if (n >= ${k} || m >= ${n}) { return 0.0; }
  return ${at(b, "first", "n", "m")};
}
fn put(first: u32, p: u32, column: u32, sum: vec4<f32>) {
  if (p >= ${m}) { return; }
  for (var j = 0u; j < 4u; j++) {
    let m = column + j;
    if (m < ${n}) { store(first + p * ${n} + m, ${factor}sum[j]${bias ? ` + ${bias}` : ""}); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let matrix = group.z;
  let a0 = ${offset("a", writer.constant("aSize", M * K))};
  let b0 = ${offset("b", writer.constant("bSize", K * N))};
  let row = group.y * ${tile}u;
  let column = group.x * ${tile}u;
  let r = t / 8u; // this invocation's four rows and columns of the tile
  let c = t % 8u;
${rows.map((i) => `  var sum${i} = vec4<f32>();`).join("\n")}
  for (var first = 0u; first < ${k}; first += ${depth}u) {
    workgroupBarrier();
    for (var n = r; n < ${depth}u; n += 8u) {
      let p = row + c * 4u;
      let m = column + c * 4u;
      let at = first + n;
      var left: vec4<f32>;
      var right: vec4<f32>;
      for (var j = 0u; j < 4u; j++) {
        left[j] = a_at(a0, p + j, at);
        right[j] = b_at(b0, at, m + j);
      }
      as_[n * 8u + c] = ${narrow("left")};
      bs[n * 8u + c] = ${narrow("right")};
    }
    workgroupBarrier();
    for (var n = 0u; n < ${depth}u; n++) {
      let left = ${widen("as_[n * 8u + r]")};
      let right = ${widen("bs[n * 8u + c]")};
${rows.map((i) => `      sum${i} = fma(vec4<f32>(left.${"xyzw"[i]}), right, sum${i});`).join("\n")}
    }
  }
  let out = matrix * ${m} * ${n};
  var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) { put(out, row + r * 4u + i, column + c * 4u, sums[i]); }
}`;
  return writer.finish({
    label: step.label,
    kernel: `matmul_32x32${isHalf ? "_f16" : ""}`,
    detail: "both matrices are computed",
    flops: 2 * matrices * M * N * K,
    main,
    workgroups: [Math.ceil(N / tile), Math.ceil(M / tile), matrices],
  });
}
