/** The WebGPU backend: WGSL kernels written for the model, weights uploaded once, one arena. */
import type { Backend, PrepareOptions } from "../backend.ts";
import { reference } from "../reference/index.ts";
import { bind } from "./bind.ts";
import { type AdapterFacts, openGpu } from "./device.ts";
import { createExecutable, type GpuExecutable, type OnCompiled } from "./executable.ts";
import { whyHosted } from "./families.ts";

export { abandonGpu } from "./device.ts";

export interface WebgpuExecutable extends GpuExecutable {
  readonly adapter: AdapterFacts;
  /** The device has shader-f16. */
  readonly hasHalf: boolean;
  readonly isHalf: boolean;
  /** It may be faster with the choice `withSubgroups`; nobody knows, where `choices` says nothing of it. */
  readonly mayBroadcast: boolean;
}

export interface WebgpuOptions extends PrepareOptions {
  /** How many of the kernels are compiled. */
  readonly onCompiled?: OnCompiled;
  /** Products keep their operands in float16; throws where the device has no shader-f16. */
  readonly isHalf?: boolean;
  /** How long a driver may take to give an adapter or a device. */
  readonly requestMs?: number;
}

/** Choices (Executable.choices) of a model by whether its kernels use subgroups. */
export const withSubgroups = { subgroups: "on" } as const;
export const withoutSubgroups = { subgroups: "off" } as const;

export const webgpu = {
  name: "webgpu",

  unsupported: reference.unsupported,

  hosted: whyHosted,

  /** Throws an Error that says why, where there is no GPU, or it refuses the model. */
  async prepare(
    plan,
    { choices = {}, onCompiled, isHalf = false, requestMs }: WebgpuOptions = {},
  ): Promise<WebgpuExecutable> {
    const gpu = await openGpu(requestMs);
    const { adapter, device } = gpu;
    const hasHalf = device.features.has("shader-f16");
    if (isHalf && !hasHalf) throw new Error(`'${adapter.name}' has no shader-f16`);
    const lanes = choices.subgroups === "on" ? adapter.lanes : 0;
    const bound = bind(plan, choices, { isHalf, lanes });
    const executable = await createExecutable(gpu, plan, bound, onCompiled);
    const isChoice = bound.segments.some(({ dispatches }) =>
      dispatches.some((dispatch) => dispatch.isChoice),
    );
    const mayBroadcast = isChoice && adapter.lanes > 0;
    const allChoices: Record<string, string> = { ...executable.choices };
    if (mayBroadcast && choices.subgroups) allChoices.subgroups = choices.subgroups;
    return { ...executable, choices: allChoices, adapter, hasHalf, isHalf, mayBroadcast };
  },
} satisfies Backend;
