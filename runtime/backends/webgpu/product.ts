/**
 * y[m, p] = bias[m] + the sum over the blocks b of m's row group, and over c in a block, of w[b][c][m] x[b, c, p].
 *
 * A workgroup computes R outputs for a tile of pixels. It walks the list of its row group: all invocations the same
 * blocks, so that nothing diverges. Of each 8 inputs it brings the activations of its pixels, and the weights, to
 * workgroup memory; then each invocation multiplies RT outputs by 4 pixels in registers. Row groups are sorted by
 * the length of their lists, the longest first, so that what is left at the end is short. Dense weights have lists
 * of every block.
 *
 * Where the device stores float16, both lie in workgroup memory as that, and weights in the buffer too; they are
 * multiplied and added in float32.
 *
 * How x is read (pixels are the rows of a matrix, or the places of an image) is written by its Source.
 */
import { nodeName } from "../../model/errors.ts";
import { broadcast, mayBroadcast } from "./broadcast.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Step } from "./fuse.ts";
import { fitsHalf, toHalf } from "./half.ts";
import { type BlockShape, depth, type Packed } from "./pack.ts";
import { describe, putFunction, type Source } from "./source.ts";
import type { Writer } from "./writer.ts";

/** How the results of a workgroup are shared out. */
export interface Tile {
  readonly quads: number; // of pixels in the tile: 4 times as many pixels
  readonly rowsEach: number; // RT: outputs of an invocation
  readonly size: number; // invocations
}

/** At least 64 invocations where there is work for them; as many pixels as fill registers and workgroup memory. */
export function tileOf({ rows }: BlockShape, pixels: number): Tile {
  const mostQuads = rows >= 32 ? 16 : rows === 16 ? 32 : rows === 8 ? 32 : 64;
  let quads = mostQuads;
  while (quads > 1 && quads * 2 >= pixels) quads /= 2;
  const rowsEach = [8, 4, 2, 1].find((each) => rows % each === 0 && (rows / each) * quads >= 64) ?? 1;
  return { quads, rowsEach, size: (rows / rowsEach) * quads };
}

export function product(step: Step, writer: Writer, source: Source, packed: Packed): Dispatch {
  const { lanes } = writer;
  const isChoice = mayBroadcast(packed, source);
  if (isChoice && lanes) return { ...broadcast(step, writer, source, packed, lanes), isChoice };
  const { rows, cols, rowGroups } = packed;
  const { quads, rowsEach, size } = tileOf(packed, source.pixels);
  const tiles = Math.ceil(source.pixels / (4 * quads));
  const index = writer.data(packed.index, "u32");
  const wide = rowsEach % 4 === 0; // weights are read four at a time
  const isHalf = writer.isHalf && fitsHalf(packed.values);
  if (isHalf) writer.enable("f16");
  const scalar = isHalf ? "f16" : "f32"; // of both operands as they are kept
  const weightType = wide ? `vec4<${scalar}>` : scalar;
  const weights = writer.data(isHalf ? toHalf(packed.values) : packed.values, weightType);
  const vectors = wide ? rows / 4 : rows; // of weights for one input
  const together = depth / cols; // blocks at a time
  const blocksAt = writer.constant("blocksAt", rowGroups * 4);
  const put = putFunction(writer, step, source);
  const each = (count: number, line: (i: number) => string, indent = "  ") =>
    Array.from({ length: count }, (_, i) => `${indent}${line(i)}`).join("\n");

  const widened = (type: string, kept: string) => (isHalf ? `${type}(${kept})` : kept);
  const weightOf = (r: number) => (wide ? `w${r >> 2}.${"xyzw"[r & 3]}` : `w${r}`);
  const readWeights = each(
    wide ? rowsEach / 4 : rowsEach,
    (i) =>
      `let w${i} = ${widened(wide ? "vec4<f32>" : "f32", `ws[n * ${vectors}u + part * ${wide ? rowsEach / 4 : rowsEach}u + ${i}u]`)};`,
    "      ",
  );
  const main = `var<workgroup> xs: array<vec4<${scalar}>, ${depth * quads}>; // [${depth} inputs][quads of pixels]
var<workgroup> ws: array<${weightType}, ${depth * vectors}>; // [${depth} inputs][outputs]

${put}

@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = group.y * 4u;
  let first = ${index}[row];
  let end = ${index}[row + 1u];
  let quad = t % ${quads}u;
  let part = t / ${quads}u;
  let pixel = (group.x * ${quads}u + quad) * 4u;
${source.before}
${each(rowsEach, (r) => `var sum${r} = vec4<f32>();`)}
  for (var block = first; block < end; block += ${together}u) {
    workgroupBarrier();
    for (var n = part; n < ${depth}u; n += ${size / quads}u) {
      let word = ${index}[${blocksAt} + block + n / ${cols}u];
      let tap = word >> 16u;
      let c = (word & 0xffffu) + n % ${cols}u;
      xs[n * ${quads}u + quad] = ${isHalf ? `vec4<f16>(${source.load})` : source.load};
    }
    for (var n = t; n < ${depth * vectors}u; n += ${size}u) {
      ws[n] = ${weights}[block * ${cols * vectors}u + n];
    }
    workgroupBarrier();
    for (var n = 0u; n < ${depth}u; n++) {
      let x = ${widened("vec4<f32>", `xs[n * ${quads}u + quad]`)};
${readWeights}
${each(rowsEach, (r) => `sum${r} = fma(vec4<f32>(${weightOf(r)}), x, sum${r});`, "      ")}
    }
  }
  let output = ${index}[row + 2u] + part * ${rowsEach}u;
  let outputs = ${index}[row + 3u];
  var sums = array<vec4<f32>, ${rowsEach}>(${each(rowsEach, (r) => `sum${r}`, "").replaceAll("\n", ", ")});
  for (var r = 0u; r < ${rowsEach}u; r++) {
    if (part * ${rowsEach}u + r < outputs) { put(output + r, pixel, sums[r]); }
  }
}`;
  return writer.finish({
    ...describe(step, source, packed, isHalf ? "_f16" : ""),
    isChoice,
    main,
    workgroups: checked(step, [tiles, rowGroups, 1]),
  });
}

function checked(
  step: Step,
  groups: readonly [number, number, number],
): readonly [number, number, number] {
  if (groups.every((count) => count <= 65535)) return groups;
  throw new Error(`${nodeName(step.node)}: ${groups} workgroups; at most 65535 in each dimension`);
}
