/** A convolution or matrix product as every kernel family of this backend takes it. */
import type { Pixels } from "./pixels.ts";
import type { Builder, Phase, Placed, Step } from "./step.ts";

/** Weights of a convolution, row-major; those of a product have one tap and one group. */
export interface ConvWeights {
  readonly data: Float32Array; // [outputs, inputs, taps]
  readonly outputs: number;
  readonly inputs: number; // of one convolution group
  readonly taps: number;
  readonly groups: number; // convolution groups
}

export interface ConvWork {
  readonly step: Step;
  readonly weights: ConvWeights;
  readonly tapBytes: readonly number[]; // [taps]: byte offset of a tap from the address of a pixel's first tap
  readonly pixels: Pixels;
  readonly bias: number; // address of one float32 an output, rounded up to 8 with zeros
  readonly x: Placed;
  readonly out: Placed;
}

/** One way of running a ConvWork. */
export interface Candidate {
  readonly name: string; // "block 8", "panel 40x1"
  readonly cycles: number; // predicted, on one thread
  bind(builder: Builder): Phase[];
}

/** Ways that are told apart by their cost alone. */
export interface ConvFamily {
  readonly name: string;
  /** Predicted cycles on one thread, or Infinity where the family cannot run this work. */
  cost(work: ConvWork): number;
  bind(work: ConvWork, builder: Builder): Phase[];
}
