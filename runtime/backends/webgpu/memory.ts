/** Buffers of one model: the arena, and all constant data packed into as few buffers as the limits allow. */
import { ModelError } from "../../model/errors.ts";
import type { Bound } from "./bind.ts";
import { type Gpu, watched } from "./device.ts";
import type { Data } from "./dispatch.ts";

export interface GpuMemory {
  readonly arena: GPUBuffer;
  readonly staging: GPUBuffer; // read back from: as large as all that one reading takes
  readonly bytes: number;
  /** What a kernel binds for its data. */
  rangeOf(data: Data): GPUBufferBinding;
  destroy(): void;
}

// The numbers of GPUBufferUsage and GPUMapMode, which Node has only where a program puts them.
const usage = { mapRead: 1, copySrc: 4, copyDst: 8, storage: 128 };
export const mapRead = 1;

const align = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

/** Uploads all data. Throws a ModelError where it does not fit the limits or the memory of the device. */
export async function allocate(gpu: Gpu, bound: Bound, stagingBytes: number): Promise<GpuMemory> {
  const { maxBufferSize, maxStorageBufferBindingSize: maxBinding } = gpu.device.limits;
  const all = new Set<Data>();
  for (const { dispatches } of bound.segments) {
    for (const { bindings } of dispatches)
      for (const binding of bindings) if (binding.kind === "data") all.add(binding.data);
  }
  const largest = Math.max(0, ...[...all].map(({ byteLength }) => byteLength));
  const largestValue = Math.max(0, ...[...bound.places.values()].map(({ bytes }) => bytes));
  const tooLarge = bound.arenaBytes > maxBufferSize ? bound.arenaBytes : 0;
  if (largest > maxBinding || largestValue > maxBinding || tooLarge) {
    const needed = Math.max(largest, largestValue, tooLarge);
    throw new ModelError(
      `the model needs a buffer of ${megabytes(needed)}; this GPU allows ${megabytes(tooLarge ? maxBufferSize : maxBinding)}`,
    );
  }
  const packs: { data: Data; offset: number }[][] = [[]];
  const sizes = [0];
  for (const data of all) {
    let last = packs.length - 1;
    if (sizes[last] + data.byteLength > maxBufferSize) last = packs.push([]) - 1;
    sizes[last] ??= 0;
    packs[last].push({ data, offset: sizes[last] });
    sizes[last] = align(sizes[last] + Math.max(16, data.byteLength), 256);
  }

  const buffers: GPUBuffer[] = [];
  const create = (size: number, use: number) => {
    const buffer = gpu.device.createBuffer({ size: Math.max(256, align(size, 256)), usage: use });
    buffers.push(buffer);
    return buffer;
  };
  const ranges = new Map<Data, GPUBufferBinding>();
  const { result, refused } = watched(gpu, () => {
    packs.forEach((pack, i) => {
      const buffer = create(sizes[i], usage.storage | usage.copyDst);
      for (const { data, offset } of pack) {
        gpu.device.queue.writeBuffer(buffer, offset, data as Float32Array<ArrayBuffer>);
        ranges.set(data, { buffer, offset, size: Math.max(16, align(data.byteLength, 16)) });
      }
    });
    const arena = create(bound.arenaBytes, usage.storage | usage.copyDst | usage.copySrc);
    return { arena, staging: create(stagingBytes, usage.mapRead | usage.copyDst) };
  });
  const bytes = buffers.reduce((sum, { size }) => sum + size, 0);
  const destroy = () => {
    for (const buffer of buffers) buffer.destroy();
  };
  const why = await refused;
  if (why !== undefined) {
    destroy();
    throw new ModelError(`the GPU has no ${megabytes(bytes)} of memory for the model: ${why}`);
  }
  return { ...result, bytes, rangeOf: (data) => ranges.get(data)!, destroy };
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;
