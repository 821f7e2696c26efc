/** What runs the training steps: something that compiles an ONNX file and runs it on named tensors. */
import type { Tensor } from "../../runtime/model/tensor.ts";

export interface Program {
  /** Runs once. Outputs are fresh tensors. */
  run(feeds: Readonly<Record<string, Tensor<"float32">>>): Promise<Record<string, Tensor<"float32">>>;
  dispose(): Promise<void>;
}

export interface EngineOptions {
  readonly threads?: number; // all cores unless given
}

export interface Engine {
  readonly name: string;
  compile(onnx: Uint8Array, options?: EngineOptions): Promise<Program>;
  /** Channels of a block in its blocked convolutions (gradients/blocked-conv.ts); 0 where it has none. */
  channelBlock?(): Promise<number>;
}
