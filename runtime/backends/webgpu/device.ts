/**
 * The GPU of this thread: one device, asked for once, and its compiled pipelines. Every way in which there is none
 * ends in one error that says why.
 */

import { broadcastSize } from "./broadcast.ts";

export interface Gpu {
  readonly device: GPUDevice;
  readonly adapter: AdapterFacts;
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>; // by text and constants
  /** The reason, once the device is lost; it never comes back. */
  readonly lost: { reason?: string };
}

export interface AdapterFacts {
  readonly name: string; // "nvidia ampere", "google swiftshader"
  readonly isSoftware: boolean; // it computes on the CPU: correct, and slower than wasm
  readonly lanes: number; // that every subgroup has; 0 where kernels cannot use them
}

/** A driver that does not answer must not keep a model from running on wasm. */
const mostRequestMs = 10_000;

/** What is asked of a device that has it: float16 and subgroups in kernels, the time of each kernel. */
const wantedFeatures: readonly GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"];

let opened: Promise<Gpu> | undefined;

/** Throws an Error that says why there is no GPU. */
export async function openGpu(requestMs = mostRequestMs): Promise<Gpu> {
  const found = await opened?.catch(() => undefined);
  if (found && found.lost.reason === undefined) return found;
  opened = open(requestMs);
  return opened;
}

/** Ends the device of this thread: all that wait for it hear that it is lost. */
export function abandonGpu(): void {
  opened?.then(
    ({ device }) => device.destroy(),
    () => {},
  );
  opened = undefined;
}

async function open(requestMs: number): Promise<Gpu> {
  const { gpu } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  if (!gpu) throw new Error("this browser has no WebGPU here (it needs https or localhost)");
  const adapter = await inTime(
    gpu.requestAdapter({ powerPreference: "high-performance" }),
    "adapter",
    requestMs,
  );
  if (!adapter) throw new Error("no graphics adapter is offered");
  const { limits, features } = adapter;
  const device = await inTime(
    adapter.requestDevice({
      requiredFeatures: wantedFeatures.filter((name) => features.has(name)),
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      },
    }),
    "device",
    requestMs,
  );
  const lost: { reason?: string } = {};
  void device.lost.then(({ reason, message }) => {
    lost.reason = `the GPU device was lost (${reason}${message ? `: ${message}` : ""})`;
  });
  return { device, lost, pipelines: new Map(), adapter: factsOf(adapter) };
}

/** SwiftShader, lavapipe, WARP and the like: by what they say of themselves, or by their names. */
function factsOf({ info, features }: GPUAdapter): AdapterFacts {
  const name = [info.vendor, info.architecture, info.description].filter(Boolean).join(" ");
  const says = info.isFallbackAdapter === true;
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  // Kernels rely on whole subgroups in a workgroup.
  const hasLanes = features.has("subgroups") && subgroupMinSize >= 4 && subgroupMaxSize <= broadcastSize;
  return {
    name: name || "unnamed adapter",
    lanes: hasLanes ? subgroupMinSize : 0,
    isSoftware:
      says ||
      /swiftshader|llvmpipe|lavapipe|software|basic render|\bcpu\b/i.test(`${name} ${info.device}`),
  };
}

/** The compiled kernel, once for all that have the same text and constants. */
export function pipelineOf(
  { device, pipelines }: Gpu,
  code: string,
  constants: Readonly<Record<string, number>>,
): Promise<GPUComputePipeline> {
  const key = `${JSON.stringify(constants)}\n${code}`;
  const known = pipelines.get(key);
  if (known) return known;
  const module = moduleOf(device, code);
  const made = device.createComputePipelineAsync({
    layout: "auto",
    compute: { module, entryPoint: "main", constants: { ...constants } },
  });
  pipelines.set(key, made);
  made.catch(() => pipelines.delete(key));
  return made;
}

const modules = new WeakMap<GPUDevice, Map<string, GPUShaderModule>>();

function moduleOf(device: GPUDevice, code: string): GPUShaderModule {
  const own = modules.get(device) ?? new Map<string, GPUShaderModule>();
  modules.set(device, own);
  const module = own.get(code) ?? device.createShaderModule({ code });
  own.set(code, module);
  return module;
}

/** Does `work`, all of it at once, and says what the device refused of it. */
export function watched<T>(
  { device }: Gpu,
  work: () => T,
): { result: T; refused: Promise<string | undefined> } {
  device.pushErrorScope("out-of-memory");
  device.pushErrorScope("validation");
  let result: T;
  let popped: Promise<GPUError | null>[] = [];
  try {
    result = work();
  } finally {
    // At once: what other models do meanwhile is not caught here.
    popped = [device.popErrorScope(), device.popErrorScope()];
  }
  const refused = Promise.all(popped).then((errors) => errors.find((error) => error !== null)?.message);
  refused.catch(() => {}); // a lost device is seen elsewhere
  return { result, refused };
}

/** Why the device is lost, if it is: what fails because of that may be heard of first. */
export async function whyLost({ device, lost }: Gpu): Promise<string | undefined> {
  const soon = new Promise((resolve) => setTimeout(resolve, 100));
  await Promise.race([device.lost, soon]);
  return lost.reason;
}

function inTime<T>(promise: Promise<T>, what: string, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the graphics driver gave no ${what} in ${ms / 1000} s`)),
      ms,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
