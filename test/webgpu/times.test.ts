/** What a profile says that kernels take, by the GPU's own clock and where it has none. */
import { afterAll, describe, expect, test } from "vitest";
import { abandonGpu, webgpu } from "../../runtime/backends/webgpu/index.ts";
import { plan } from "../../runtime/plan.ts";
import { single } from "../backend/cases/case.ts";
import { randomTensor } from "../random.ts";
import { whyNoGpu } from "./gpu.ts";

const { graph, inputs } = single("MaxPool", "pool", [randomTensor([1, 16, 32, 32], 1)], {
  kernel_shape: [3, 3],
});
const runs = 10;

describe.skipIf(whyNoGpu !== undefined)(whyNoGpu ?? "on Dawn", () => {
  const real = globalThis.navigator?.gpu;
  const offer = (value: unknown) => {
    abandonGpu();
    Object.defineProperty(globalThis.navigator, "gpu", { value, configurable: true });
  };
  afterAll(() => offer(real));

  test.each([
    ["timestamps", "timestamp-query"],
    ["the clock, where there are none", undefined],
  ])("by %s, all runs of a kernel are shorter than what they are a part of", async (_by, feature) => {
    const queries: GPUQuerySetDescriptor[] = [];
    offer({
      async requestAdapter() {
        const adapter = (await real.requestAdapter())!;
        const { limits, info } = adapter;
        const features = new Set([feature].filter((name) => adapter.features.has(name as string)));
        const requestDevice = async (descriptor: GPUDeviceDescriptor) => {
          const device = await adapter.requestDevice(descriptor);
          const create = device.createQuerySet.bind(device);
          const value = (asked: GPUQuerySetDescriptor) => {
            queries.push(asked);
            return create(asked);
          };
          return Object.defineProperty(device, "createQuerySet", { value });
        };
        return { limits, info, features, requestDevice };
      },
    });
    const executable = await webgpu.prepare(plan(graph));
    const start = performance.now();
    const rows = await executable.profile(inputs, runs);
    const wallMs = performance.now() - start;
    const kernelsMs = rows.reduce((sum, { ms }) => sum + ms, 0);
    expect(rows).toHaveLength(1);
    expect(kernelsMs).toBeGreaterThan(0);
    expect(kernelsMs * runs).toBeLessThan(wallMs);
    expect(queries.map(({ count }) => count)).toEqual(feature ? [2] : []);
    executable.dispose();
  });
});
