/** A convolution or matrix product as every kernel family of this backend takes it. */
import type { BlockSparse } from "../../model/sparse/format.ts";
import type { Pixels } from "./pixel-tables.ts";
import type { Placed, Step } from "./step.ts";

export type { Candidate } from "./step.ts";

export type PixelRange = readonly [first: number, end: number];

/** Weights of a convolution; those of a product have one tap and one group. */
export interface ConvWeights {
  readonly data: Float32Array; // [outputs, inputs, taps], row-major; decoded when it is first asked for
  readonly blocks?: BlockSparse; // the same weights, where they are stored in blocks
  readonly outputs: number;
  readonly inputs: number; // of one convolution group
  readonly taps: number;
  readonly groups: number; // convolution groups
}

export interface ConvWork {
  readonly step: Step;
  readonly weights: ConvWeights;
  readonly tapBytes: readonly number[]; // [taps]: byte offset of a tap from the address of a pixel's first tap
  readonly lanes: number; // floats that may be read of a tap
  readonly pixels: Pixels;
  readonly ranges?: readonly PixelRange[]; // a piece for each of these, instead of shares for the threads
  readonly bias: number; // address of one float32 an output, rounded up to 8 with zeros
  readonly x: Placed;
  readonly out: Placed;
}

/** Which pixels a convolution reads and writes. */
export type ConvOperands = Pick<ConvWork, "x" | "out" | "pixels" | "ranges">;
