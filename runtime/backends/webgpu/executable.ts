/** Runs a bound plan: one submission and one reading back a run, where every node has a kernel. */
import { nodeName } from "../../model/errors.ts";
import { isSparse, type ValueInfo } from "../../model/graph.ts";
import { tensorsOf } from "../../model/pixels.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import { bytesPerElement, type DType, sizeOf, type Tensor, zeros } from "../../model/tensor.ts";
import { operatorOf } from "../../ops/index.ts";
import { flopsOf } from "../../ops/work.ts";
import type { ExecutionPlan } from "../../plan.ts";
import type { Executable, ProfileRow, Tensors } from "../backend.ts";
import { checkInputs } from "../check-inputs.ts";
import type { Bound, Segment } from "./bind.ts";
import { type Gpu, pipelineOf, watched, whyLost } from "./device.ts";
import { allocate, type GpuMemory, mapRead } from "./memory.ts";
import { makePainter, type Painting } from "./picture.ts";
import { type Compiled, timesOf } from "./times.ts";

export type OnCompiled = (done: number, total: number) => void;

export interface GpuExecutable extends Executable {
  readonly memoryBytes: number;
}

/** Compiles all kernels, uploads all data. Throws where the device refuses something. */
export async function createExecutable(
  gpu: Gpu,
  plan: ExecutionPlan,
  bound: Bound,
  onCompiled: OnCompiled = () => {},
): Promise<GpuExecutable> {
  const fetched = fetchedBy(plan, bound);
  const stagingBytes = Math.max(
    0,
    ...fetched.map((names) => names.reduce((sum, name) => sum + bound.places.get(name)!.bytes, 0)),
  );
  const memory = await allocate(gpu, bound, stagingBytes);
  try {
    const total = bound.segments.reduce((sum, { dispatches }) => sum + dispatches.length, 0);
    let done = 0;
    const pipelines = await Promise.all(
      bound.segments.map(({ dispatches }) =>
        Promise.all(
          dispatches.map(async ({ code, constants, label }) => {
            const pipeline = await pipelineOf(gpu, code, constants).catch((error: Error) => {
              throw new Error(`${label}: its kernel does not compile: ${error.message}`);
            });
            onCompiled(++done, total);
            return pipeline;
          }),
        ),
      ),
    );
    const { result: compiled, refused } = watched(gpu, () =>
      bound.segments.map(({ dispatches }, at) =>
        dispatches.map(({ bindings, workgroups }, i): Compiled => {
          const pipeline = pipelines[at][i];
          const entries = bindings.map((binding, n) => ({
            binding: n,
            resource:
              binding.kind === "data"
                ? memory.rangeOf(binding.data)
                : { buffer: memory.arena, ...rangeOf(bound, binding.name) },
          }));
          const group = gpu.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
          return { pipeline, group, workgroups };
        }),
      ),
    );
    const why = await refused;
    if (why !== undefined) throw new Error(why);
    return runner(gpu, plan, bound, memory, compiled, fetched);
  } catch (error) {
    memory.destroy();
    throw error;
  }
}

function rangeOf({ places }: Bound, name: string): { offset: number; size: number } {
  const { offset, bytes } = places.get(name)!;
  return { offset, size: bytes };
}

/** What is read back behind each segment: what its nodes without a kernel read, in the end the graph's outputs. */
function fetchedBy(plan: ExecutionPlan, { segments, owner, places, uploaded }: Bound): string[][] {
  const fetched = new Set<string>(); // a value is read back once
  return segments.map(({ hosted }, at) => {
    const read = hosted.flatMap(({ inputs }) => inputs);
    const wanted =
      at === segments.length - 1 ? [...read, ...plan.graph.outputs.map(({ name }) => name)] : read;
    const names = new Set(wanted.filter((name) => name !== "").map(owner));
    return [...names].filter((name) => {
      if (!places.has(name) || uploaded.has(name) || fetched.has(name)) return false;
      fetched.add(name);
      return true;
    });
  });
}

function runner(
  gpu: Gpu,
  plan: ExecutionPlan,
  bound: Bound,
  memory: GpuMemory,
  compiled: readonly (readonly Compiled[])[],
  fetched: readonly (readonly string[])[],
): GpuExecutable {
  const { device } = gpu;
  const { graph, values } = plan;
  const { owner, places, segments } = bound;
  const constants = new Map<string, Tensor>(); // that nodes without a kernel read
  for (const { hosted } of segments) {
    for (const name of hosted.flatMap(({ inputs }) => inputs.map(owner))) {
      const constant = graph.constants.get(name);
      if (constant) constants.set(name, isSparse(constant) ? decodeWeight(constant) : constant);
    }
  }
  for (const { name } of graph.outputs) {
    const constant = graph.constants.get(owner(name));
    if (constant) constants.set(owner(name), isSparse(constant) ? decodeWeight(constant) : constant);
  }

  const painter = makePainter(gpu);
  /** Inputs that kernels alone read: a picture can be painted into their places. */
  const painted = new Set(places.keys());
  for (const { hosted } of segments)
    for (const { inputs } of hosted) for (const name of inputs) painted.delete(owner(name));
  for (const { name } of graph.outputs) painted.delete(owner(name));

  const upload = (name: string, { data }: Tensor) => {
    const place = places.get(name);
    if (!place) return;
    // int32, uint8 and bool are words of four bytes there.
    const words = data instanceof Uint8Array ? Int32Array.from(data) : data;
    device.queue.writeBuffer(memory.arena, place.offset, words as Float32Array<ArrayBuffer>);
  };
  const readBack = async (names: readonly string[]): Promise<Map<string, Float32Array>> => {
    const found = new Map<string, Float32Array>();
    if (!names.length) return found;
    const bytes = names.reduce((sum, name) => sum + places.get(name)!.bytes, 0);
    await memory.staging.mapAsync(mapRead, 0, bytes);
    const mapped = memory.staging.getMappedRange(0, bytes);
    let at = 0;
    for (const name of names) {
      found.set(name, new Float32Array(mapped.slice(at, at + places.get(name)!.bytes)));
      at += places.get(name)!.bytes;
    }
    memory.staging.unmap();
    return found;
  };
  const encode = (at: number, paintings: readonly Painting[]): GPUCommandBuffer => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { input, pipeline, resources, workgroups } of at === 0 ? paintings : []) {
      const arena = { buffer: memory.arena, ...rangeOf(bound, input) };
      const entries = [arena, ...resources].map((resource, binding) => ({ binding, resource }));
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(...workgroups);
    }
    for (const { pipeline, group, workgroups } of compiled[at]) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    let to = 0;
    for (const name of fetched[at]) {
      const { offset, bytes } = places.get(name)!;
      encoder.copyBufferToBuffer(memory.arena, offset, memory.staging, to, bytes);
      to += bytes;
    }
    return encoder.finish();
  };
  const host = ({ hosted }: Segment, known: Map<string, Tensor>, timed: Timed) => {
    for (const node of hosted) {
      const start = performance.now();
      const read = node.inputs.map((name) => {
        if (name === "") return undefined;
        const value = known.get(owner(name)) ?? constants.get(owner(name))!;
        return { ...value, shape: values.get(name)!.shape } as Tensor;
      });
      const made = node.outputs.filter((name) => name !== "");
      const results = operatorOf(node.op)!.reference(
        node,
        read,
        made.map((name) => values.get(name)!),
      );
      node.outputs.forEach((name, i) => {
        if (name === "") return;
        known.set(name, results[i]);
        upload(name, results[i]);
      });
      timed(nodeName(node), performance.now() - start);
    }
  };

  const run = async (
    inputs: Tensors,
    timed: Timed = () => {},
    paintings: readonly Painting[] = [],
  ): Promise<Tensors> => {
    const isGiven = ({ name }: ValueInfo) => paintings.every(({ input }) => input !== name);
    const given = graph.inputs.filter(isGiven);
    checkInputs({ ...plan, graph: { ...graph, inputs: given } }, inputs);
    if (gpu.lost.reason) throw new Error(gpu.lost.reason);
    const known = new Map<string, Tensor>();
    try {
      for (const { name } of given) {
        known.set(name, inputs[name]);
        upload(name, inputs[name]);
      }
      for (const [at, segment] of segments.entries()) {
        const { refused } = watched(gpu, () => device.queue.submit([encode(at, paintings)]));
        for (const [name, data] of await readBack(fetched[at])) {
          const { dtype, shape } = values.get(name)!;
          known.set(name, asTensor(dtype, shape, data));
        }
        const why = await refused;
        if (why !== undefined) throw new Error(`the GPU refused a run: ${why}`);
        host(segment, known, timed);
      }
    } catch (error) {
      throw new Error((await whyLost(gpu)) ?? (error as Error).message);
    }
    if (gpu.lost.reason) throw new Error(gpu.lost.reason);
    return Object.fromEntries(
      graph.outputs.map(({ name }) => {
        const { shape } = values.get(name)!;
        const value = known.get(owner(name)) ?? constants.get(owner(name))!;
        // An input or a constant that is also an output stays the caller's: it gets a copy.
        return [name, { ...value, shape, data: value.data.slice() } as Tensor];
      }),
    );
  };

  return {
    run: (inputs) => run(inputs),
    async runOnImages(inputs, images) {
      const all: Record<string, Tensor> = { ...inputs };
      const paintings: Painting[] = [];
      for (const [name, image] of Object.entries(images)) {
        const painting = painted.has(name) ? await painter.paint(image) : undefined;
        if (painting) paintings.push(painting);
        else Object.assign(all, tensorsOf({ [name]: image }));
      }
      return run(all, undefined, paintings);
    },

    memoryBytes: memory.bytes,
    choices: bound.choices,

    async profile(inputs, runs = 5) {
      await run(inputs);
      const rows: ProfileRow[] = [];
      for (const [at, { dispatches, hosted }] of segments.entries()) {
        const times = await timesOf(gpu, compiled[at], runs);
        for (const [i, { label, kernel, detail, flops }] of dispatches.entries()) {
          const ms = times[i];
          rows.push({ node: label, kernel, detail, ms, gflops: ms > 0 ? flops / ms / 1e6 : 0 });
        }
        for (const node of hosted) {
          const gflops = flopsOf(node, values);
          rows.push({ node: nodeName(node), kernel: "reference", detail: "no kernel", ms: 0, gflops });
        }
      }
      const spent = new Map<string, number>();
      for (let i = 0; i < runs; i++)
        await run(inputs, (name, ms) => void spent.set(name, (spent.get(name) ?? 0) + ms));
      return rows.map((row) => {
        if (row.kernel !== "reference") return row;
        const ms = (spent.get(row.node) ?? 0) / runs;
        return { ...row, ms, gflops: ms > 0 ? row.gflops / ms / 1e6 : 0 };
      });
    },

    dispose() {
      memory.destroy();
      painter.destroy();
    },
  };
}

type Timed = (node: string, ms: number) => void;

/** A value of the arena as a tensor: `data` holds words of four bytes, and maybe some behind the last. */
function asTensor(dtype: DType, shape: readonly number[], data: Float32Array): Tensor {
  const size = sizeOf(shape);
  if (dtype === "float32")
    return { dtype, shape, data: data.length === size ? data : data.slice(0, size) };
  const words = new Int32Array(data.buffer, 0, size);
  if (bytesPerElement(dtype) === 4) return { dtype, shape, data: words.slice() } as Tensor;
  const tensor = zeros(shape, dtype);
  tensor.data.set(words);
  return tensor;
}
