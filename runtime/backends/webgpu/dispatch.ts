/** One kernel as it is dispatched: its WGSL text, the constants of its pipeline, and what it binds. Plain data. */

/** What a kernel binds to one number of its group 0: a range of the arena, or data uploaded once. */
export type Binding =
  | { readonly kind: "value"; readonly name: string } // of the value that owns the bytes
  | { readonly kind: "data"; readonly data: Data };

export type Data = Float32Array | Int32Array | Uint32Array | Uint16Array; // the last: bits of float16, an even number

export interface Dispatch {
  readonly label: string; // "Conv 'stem' + Relu"
  readonly kernel: string; // "f32_product_16x8": what the profile shows
  readonly detail: string; // "sparse: 30 % of the 16x8 blocks kept"
  readonly flops: number;
  readonly code: string; // WGSL, the entry point called main
  readonly constants: Readonly<Record<string, number>>; // of its overrides
  readonly bindings: readonly Binding[]; // by number of the binding
  /** With subgroups there is another kernel for it. */
  readonly isChoice?: boolean;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** WebGPU's limit of workgroups in each dimension, the same on every device. */
export const maxWorkgroups = 65535;

/** Invocations of a workgroup in kernels that compute each value on its own: two waves of AMD, two warps of NVIDIA. */
export const lineSize = 64;
