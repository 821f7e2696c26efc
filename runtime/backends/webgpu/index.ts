/** The WebGPU backend: WGSL kernels written for the model, weights uploaded once, one arena. */
import type { Backend, PrepareOptions } from "../backend.ts";
import { reference } from "../reference/index.ts";
import { bind } from "./bind.ts";
import { type AdapterFacts, openGpu } from "./device.ts";
import { createExecutable, type GpuExecutable, type OnCompiled } from "./executable.ts";
import { whyHosted } from "./families.ts";

export interface WebgpuExecutable extends GpuExecutable {
  readonly adapter: AdapterFacts;
}

export interface WebgpuOptions extends PrepareOptions {
  /** How many of the kernels are compiled. */
  readonly onCompiled?: OnCompiled;
}

export const webgpu = {
  name: "webgpu",

  unsupported: reference.unsupported,

  hosted: whyHosted,

  /** Throws an Error that says why, where there is no GPU, or it refuses the model. */
  async prepare(plan, { choices = {}, onCompiled }: WebgpuOptions = {}): Promise<WebgpuExecutable> {
    const gpu = await openGpu();
    const executable = await createExecutable(gpu, plan, bind(plan, choices), onCompiled);
    return { ...executable, adapter: gpu.adapter };
  },
} satisfies Backend;
