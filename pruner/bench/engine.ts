/** What the benchmark races: a network that is loaded and ready in some engine. */
import type { Tensor } from "../../runtime/model/tensor.ts";

export type Tensors = Readonly<Record<string, Tensor>>;

export interface Engine {
  readonly name: string;
  /** The engine that runs the same network, whose outputs are expected; the first one unless said. */
  readonly reference?: string;
  /** What it says of itself: threads, fused multiply-add, what fell back and why. JSON. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** Inputs stay the caller's. */
  run(inputs: Tensors): Promise<Tensors>;
  /** Where the network runs in a worker: the sum of its steps there, without the way to and fro. */
  insideMs?(inputs: Tensors): Promise<number>;
  /** Its steps one by one: mean milliseconds of each over some runs. */
  profile?(inputs: Tensors, runs: number): Promise<readonly StepTime[]>;
  dispose(): void | Promise<void>;
}

export interface StepTime {
  readonly node: string; // what it computes: "Conv 'layer1.0.conv1' + Relu"
  readonly ms: number;
}

export type Progress = (doing: string, done: number, total: number) => void;
