/** A benchmark as data: what to open, what to feed it, what to find out. It travels to the page as JSON. */
import {
  bytesPerElement,
  type DType,
  type Shape,
  sizeOf,
  type Tensor,
  viewOf,
} from "../../runtime/model/tensor.ts";
import { type Comparison, compare } from "./compare.ts";
import type { Engine, Progress, StepTime, Tensors } from "./engine.ts";
import { profileByTurns } from "./profile.ts";

export interface EngineSpec {
  readonly name: string;
  readonly kind: "filigree" | "onnxruntime-web";
  readonly url: string; // of a .filigree file, or an .onnx file
  readonly threads: number;
  readonly reference?: string; // Engine.reference
}

export interface BenchJob {
  readonly engines: readonly EngineSpec[];
  /** Sample after sample, in each the inputs' values one after the other; each input starts at a multiple of 4 bytes. */
  readonly samples: {
    readonly url: string;
    readonly count: number;
    readonly inputs: readonly { readonly name: string; readonly dtype: DType; readonly shape: Shape }[];
  };
  readonly rounds?: number;
  readonly classify?: boolean;
  /** So many times, by turns, the engines that can are asked for the time of each of their steps (default 0). */
  readonly profileRounds?: number;
}

export interface BenchReport {
  readonly comparisons: readonly Comparison[]; // in the order of the engines
  readonly profiles?: Readonly<Record<string, readonly StepTime[]>>; // by engine: the least time of each step
  readonly capabilities: Readonly<Record<string, unknown>>; // by engine
  readonly userAgent: string;
}

/** Opens all engines, compares them, and closes them, in whatever page or worker this is called. */
export async function runJob(
  job: BenchJob,
  open: (spec: EngineSpec, model: Uint8Array) => Promise<Engine>,
  read: (url: string) => Promise<Uint8Array>,
  onProgress?: Progress,
): Promise<BenchReport> {
  const engines: Engine[] = [];
  try {
    for (const [i, spec] of job.engines.entries()) {
      engines.push(await open(spec, await read(spec.url)));
      onProgress?.("loading", i + 1, job.engines.length);
    }
    const samples = decodeSamples(job.samples, await read(job.samples.url));
    const { rounds, classify, profileRounds = 0 } = job;
    const profiles = profileRounds
      ? await profileByTurns(engines, samples, profileRounds, onProgress)
      : undefined;
    const comparisons = await compare(engines, samples, { rounds, classify, onProgress });
    return {
      comparisons,
      profiles,
      capabilities: Object.fromEntries(engines.map((e) => [e.name, e.capabilities])),
      userAgent: globalThis.navigator?.userAgent ?? "",
    };
  } finally {
    for (const engine of engines) await engine.dispose();
  }
}

/** The inverse of `encodeSamples`. */
function decodeSamples({ count, inputs }: BenchJob["samples"], bytes: Uint8Array): Tensors[] {
  const { buffer } = bytes.slice(); // aligned
  let offset = 0;
  return Array.from({ length: count }, () => {
    const sample: Record<string, Tensor> = {};
    for (const { name, dtype, shape } of inputs) {
      const length = sizeOf(shape);
      sample[name] = { dtype, shape, data: viewOf(dtype, buffer, offset, length) } as Tensor;
      offset += aligned(length * bytesPerElement(dtype));
    }
    return sample;
  });
}

/** Samples as a BenchJob has them. All samples have the shapes of the first. */
export function encodeSamples(
  samples: readonly Tensors[],
  url: string,
): { samples: BenchJob["samples"]; bytes: Uint8Array } {
  const inputs = Object.entries(samples[0]).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const parts = samples.flatMap((sample) => inputs.map(({ name }) => sample[name].data));
  const bytes = new Uint8Array(parts.reduce((sum, data) => sum + aligned(data.byteLength), 0));
  let offset = 0;
  for (const data of parts) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += aligned(data.byteLength);
  }
  return { samples: { url, count: samples.length, inputs }, bytes };
}

const aligned = (bytes: number): number => Math.ceil(bytes / 4) * 4;
