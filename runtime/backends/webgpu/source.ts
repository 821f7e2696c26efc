/** What product kernels are told of their layer: how they read activations, and where their results go. */
import type { Dispatch } from "./dispatch.ts";
import type { Step } from "./fuse.ts";
import { nameOf, type Packed } from "./pack.ts";
import { storeFunction } from "./store.ts";
import type { Writer } from "./writer.ts";

export interface Source {
  readonly name: string; // "conv"
  readonly pixels: number; // of all images
  /** Statements that are run once an invocation: `pixel` is the first of its 4 pixels. */
  readonly before: string;
  /** The expression, a vec4<f32>, of input `c` (u32) of tap `tap` (u32) at the 4 pixels; uses what `before` made. */
  readonly load: string;
  /** The expression of the place in the result of output `m` at pixel `p`. */
  readonly place: string;
  /** The expression of what is added for output `m`, where there is one. */
  readonly bias?: string;
}

/** The function `put(m, pixel, sum)`: stores output `m` of 4 pixels, and what the tail of the step computes of it. */
export function putFunction(writer: Writer, step: Step, { pixels, place, bias }: Source): string {
  return `${storeFunction(writer, step)}
fn put(m: u32, pixel: u32, sum: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) {
    let p = pixel + j;
    if (p < ${writer.constant("pixels", pixels)}) { store(${place}, sum[j]${bias ? ` + ${bias}` : ""}); }
  }
}`;
}

/** What a profile shows of a product's kernel. */
export function describe(
  { label }: Step,
  { name, pixels }: Source,
  packed: Packed,
  kind: string,
): Pick<Dispatch, "label" | "kernel" | "detail" | "flops"> {
  const shape = nameOf(packed);
  const { isDense, kept, values } = packed;
  return {
    label,
    kernel: `${name}_${shape}${kind}`,
    detail: isDense ? "dense" : `sparse: ${(100 * kept).toFixed(1)} % of the ${shape} blocks kept`,
    flops: 2 * values.length * pixels,
  };
}
