/** How long kernels take: by the GPU's own clock where it has one, else by the page's. */
import type { Gpu } from "./device.ts";
import { mapRead } from "./memory.ts";

/** A kernel with what it binds. */
export interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** The most timestamps of one set: WebGPU's limit. */
const mostTimestamps = 4096;

const usage = { mapRead: 1, copySrc: 4, copyDst: 8, queryResolve: 512 }; // of GPUBufferUsage

/** Milliseconds of one dispatch of each kernel, the mean of `runs` in a row. */
export async function timesOf(
  { device }: Gpu,
  kernels: readonly Compiled[],
  runs: number,
): Promise<number[]> {
  if (device.features.has("timestamp-query") && 2 * kernels.length <= mostTimestamps)
    return timesByGpu(device, kernels, runs);
  const times: number[] = [];
  for (const kernel of kernels) times.push(await timeByClock(device, kernel, runs));
  return times;
}

/** Each kernel has a pass of its own, with a timestamp before and behind it. Browsers round these, to 0.1 ms and finer. */
async function timesByGpu(
  device: GPUDevice,
  kernels: readonly Compiled[],
  runs: number,
): Promise<number[]> {
  if (!kernels.length) return [];
  const count = 2 * kernels.length;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const [size, { copySrc, copyDst, queryResolve }] = [8 * count, usage];
  const resolved = device.createBuffer({ size, usage: queryResolve | copySrc });
  const staging = device.createBuffer({ size, usage: usage.mapRead | copyDst });
  try {
    const encoder = device.createCommandEncoder();
    for (const [i, kernel] of kernels.entries()) {
      const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [2 * i, 2 * i + 1];
      const timestampWrites = { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex };
      dispatch(encoder.beginComputePass({ timestampWrites }), kernel, runs);
    }
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(mapRead);
    const ns = new BigUint64Array(staging.getMappedRange());
    return kernels.map((_, i) => Math.max(0, Number(ns[2 * i + 1] - ns[2 * i])) / 1e6 / runs);
  } finally {
    querySet.destroy();
    resolved.destroy();
    staging.destroy();
  }
}

/** Many dispatches in one submission, less the time of an empty one. */
async function timeByClock(device: GPUDevice, kernel: Compiled, runs: number): Promise<number> {
  const spent = async (times: number) => {
    const encoder = device.createCommandEncoder();
    dispatch(encoder.beginComputePass(), kernel, times);
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  await spent(1);
  const [none, all] = [await spent(0), await spent(runs)];
  return Math.max(0, all - none) / runs;
}

/** All of a pass. */
function dispatch(
  pass: GPUComputePassEncoder,
  { pipeline, group, workgroups }: Compiled,
  times: number,
) {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  for (let i = 0; i < times; i++) pass.dispatchWorkgroups(...workgroups);
  pass.end();
}
