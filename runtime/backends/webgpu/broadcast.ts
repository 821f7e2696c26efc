/**
 * The product of product.ts where a device has subgroups: no workgroup memory and no barriers. An invocation computes
 * all R outputs of a row group at its 4 pixels. The weights of each 8 inputs are read once a subgroup, some by each of its
 * lanes, and handed round by broadcasts from a lane; all invocations walk the same list, so any lane has any weight.
 *
 * Half as many invocations have twice the work each: where that is faster is for a trial to say (runtime/gpu/subgroups.ts).
 */
import type { Dispatch } from "./dispatch.ts";
import type { Step } from "./fuse.ts";
import { fitsHalf, toHalf } from "./half.ts";
import { depth, type Packed } from "./pack.ts";
import { describe, putFunction, type Source } from "./source.ts";
import type { Writer } from "./writer.ts";

/** Invocations of a workgroup: a whole number of subgroups. */
export const broadcastSize = 64;

/** Whether there is this kernel for the weights: its sums fit registers, and its pixels fill most of a workgroup. */
export function mayBroadcast({ rows }: Packed, { pixels }: Source): boolean {
  return (rows === 8 || rows === 16) && pixels >= 3 * broadcastSize;
}

/** `lanes`: as many as every subgroup of the device has, or more of them; a power of two up to 64. */
export function broadcast(
  step: Step,
  writer: Writer,
  source: Source,
  packed: Packed,
  lanes: number,
): Dispatch {
  const { rows, cols, rowGroups } = packed;
  const index = writer.data(packed.index, "u32");
  const isHalf = writer.isHalf && fitsHalf(packed.values);
  if (isHalf) writer.enable("f16");
  writer.enable("subgroups");
  const weights = isHalf
    ? writer.data(toHalf(packed.values), "vec4<f16>")
    : writer.data(packed.values, "vec4<f32>");
  const blocksAt = writer.constant("blocksAt", rowGroups * 4);
  const put = putFunction(writer, step, source);
  const each = rows / 4; // vectors of weights for one input
  const holders = Math.min(lanes, depth * each);
  const held = (depth * each) / holders; // vectors a lane
  const lines: string[] = [];
  for (let i = 0; i < held; i++) {
    const read = `${weights}[block * ${cols * each}u + ${i * holders}u + own]`;
    lines.push(`let held${i} = ${isHalf ? `vec4<f32>(${read})` : read};`);
  }
  for (let n = 0; n < depth; n++) {
    lines.push(
      "{",
      `  let word = ${index}[${blocksAt} + block + ${Math.floor(n / cols)}u];`,
      "  let tap = word >> 16u;",
      `  let c = (word & 0xffffu) + ${n % cols}u;`,
      `  let x = ${source.load};`,
    );
    for (let i = 0; i < each; i++) {
      const vector = n * each + i;
      const from = `held${Math.floor(vector / holders)}, ${vector % holders}u`;
      lines.push(`  let w${i} = subgroupBroadcast(${from});`);
    }
    for (let r = 0; r < rows; r++) {
      lines.push(`  sum${r} = fma(vec4<f32>(w${r >> 2}.${"xyzw"[r & 3]}), x, sum${r});`);
    }
    lines.push("}");
  }
  const sums = Array.from({ length: rows }, (_, r) => `sum${r}`);
  const main = `${put}

@compute @workgroup_size(${broadcastSize})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) t: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let row = group.y * 4u;
  let first = ${index}[row];
  let end = ${index}[row + 1u];
  let own = lane % ${holders}u;
  let pixel = (group.x * ${broadcastSize}u + t) * 4u;
${source.before}
${sums.map((sum) => `  var ${sum} = vec4<f32>();`).join("\n")}
  for (var block = first; block < end; block += ${depth / cols}u) {
${lines.map((line) => `    ${line}`).join("\n")}
  }
  let output = ${index}[row + 2u];
  let outputs = ${index}[row + 3u];
  var sums = array<vec4<f32>, ${rows}>(${sums.join(", ")});
  for (var r = 0u; r < ${rows}u; r++) {
    if (r < outputs) { put(output + r, pixel, sums[r]); }
  }
}`;
  const tiles = Math.ceil(source.pixels / (4 * broadcastSize));
  return writer.finish({
    ...describe(step, source, packed, isHalf ? "_f16_subgroups" : "_subgroups"),
    main,
    workgroups: [tiles, rowGroups, 1],
  });
}
