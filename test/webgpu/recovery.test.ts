/** What happens where the GPU is missing, small, slow, a software renderer, or fails: the right answer, and why. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Executable, Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Deadlines } from "../../runtime/gpu/deadline.ts";
import type { Taken } from "../../runtime/gpu/types.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { prepareModel } from "../../runtime/prepare.ts";
import type { Capabilities } from "../../runtime/session.ts";
import { takeGpu } from "../../runtime/webgpu.ts";
import { expectSame } from "../backend/run.ts";
import { randomTensor } from "../random.ts";
import { whyNoGpu } from "./gpu.ts";

/** Small, and quickly compiled: what is tested is around it. */
const graph: Graph = {
  name: "pooled",
  nodes: [
    { name: "pool", op: "MaxPool", inputs: ["x"], outputs: ["p"], attrs: { kernel_shape: [2, 2] } },
    { name: "gate", op: "Sigmoid", inputs: ["p"], outputs: ["y"], attrs: {} },
  ],
  inputs: [{ name: "x", dtype: "float32", shape: [1, 8, 20, 20] }],
  outputs: [{ name: "y", dtype: "float32", shape: [1, 8, 19, 19] }],
  constants: new Map(),
};
const inputs: Tensors = { x: randomTensor([1, 8, 20, 20], 1) };
const planned = plan(graph);
let wanted: Tensors;
let realGpu: GPU;

beforeAll(async () => {
  realGpu = globalThis.navigator?.gpu;
  wanted = await (await reference.prepare(planned)).run(inputs);
});
afterAll(() => offer(realGpu));

function offer(gpu: unknown): void {
  if (!globalThis.navigator)
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
}

/** An object in which some properties of `real` are others; its methods keep their `this`. */
function altered<T extends object>(real: T, changes: Readonly<Record<string, unknown>>): T {
  return new Proxy(real, {
    get(target, name) {
      if (typeof name === "string" && Object.hasOwn(changes, name)) return changes[name];
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("without a GPU", () => {
  const missing: [claim: string, gpu: unknown, why: RegExp][] = [
    ["no WebGPU", undefined, /this browser has no WebGPU/],
    ["no adapter", { requestAdapter: async () => null }, /no graphics adapter/],
    [
      "an adapter that cannot be asked for",
      { requestAdapter: () => Promise.reject(new Error("the driver is blocked")) },
      /the driver is blocked/,
    ],
    [
      "no device",
      {
        requestAdapter: async () => ({
          limits: {},
          features: new Set(),
          info: {},
          requestDevice: () => Promise.reject(new Error("device creation failed")),
        }),
      },
      /device creation failed/,
    ],
  ];
  test.each(missing)("%s: wasm runs the model, and the reason is told", async (_claim, gpu, why) => {
    offer(gpu);
    const bytes = await writeModel(graph);
    const options = { backend: "webgpu", threads: 1, cache: false } as const;
    const { executable, info } = await prepareModel(bytes, options);
    expect(info.capabilities.backend).toBe("wasm");
    expect(info.capabilities.reasons.join("; ")).toMatch(why);
    expectSame(await executable.run(inputs), wanted);
    executable.dispose();
  });
});

describe.skipIf(whyNoGpu !== undefined)(whyNoGpu ?? "on Dawn", () => {
  /** Dawn with other words of its own, a new device each time. */
  const gpuWith = (changes: {
    adapter?: Readonly<Record<string, unknown>>;
    device?: (device: GPUDevice) => Readonly<Record<string, unknown>>;
    seen?: GPUDevice[];
  }) => ({
    async requestAdapter() {
      const adapter = (await realGpu.requestAdapter())!;
      return altered(adapter, {
        ...changes.adapter,
        async requestDevice(descriptor: GPUDeviceDescriptor) {
          const device = await adapter.requestDevice(descriptor);
          changes.seen?.push(device);
          return changes.device ? altered(device, changes.device(device)) : device;
        },
      });
    },
  });

  /** The backend is asked anew: a device that another test left behind is lost. */
  async function prepared(gpu: unknown, backend: "webgpu" | "auto" = "webgpu") {
    offer(gpu);
    last?.destroy();
    last = undefined;
    await new Promise((resolve) => setTimeout(resolve, 20)); // its loss is heard of
    const changes: Capabilities[] = [];
    const onStep = (_done: number, _total: number, changed?: Capabilities) => {
      if (changed) changes.push(changed);
    };
    const bytes = await writeModel(graph);
    const options = { backend, threads: 1, cache: false } as const;
    return { ...(await prepareModel(bytes, options, onStep)), changes };
  }
  let last: GPUDevice | undefined;
  const keep = (seen: GPUDevice[]) => {
    last = seen[0];
  };

  test("a software adapter that is asked for by name runs the model, and says that it is slow", async () => {
    const seen: GPUDevice[] = [];
    const { executable, info } = await prepared(gpuWith({ seen }));
    keep(seen);
    expect(info.capabilities.backend).toBe("webgpu");
    expect(info.capabilities.reasons.join()).toMatch(/computes on the CPU, slower than wasm/);
    expectSame(await executable.run(inputs), wanted, 1e-4);
    executable.dispose();
  });

  test("auto never takes a software adapter", async () => {
    const seen: GPUDevice[] = [];
    const { executable, info } = await prepared(gpuWith({ seen }), "auto");
    keep(seen);
    expect(info.capabilities.backend).toBe("wasm");
    expect(info.capabilities.reasons[0]).toMatch(/webgpu is not used: .* computes on the CPU/);
    executable.dispose();
  });

  const hardware = { info: { vendor: "test", architecture: "gpu", isFallbackAdapter: false } };

  test("auto times both on the model and takes the faster, saying so", async () => {
    const seen: GPUDevice[] = [];
    const gpu = gpuWith({ seen, adapter: hardware });
    const { executable, info } = await prepared(gpu, "auto");
    keep(seen);
    const [said] = info.capabilities.reasons;
    const [, verdict, wasmMs, gpuMs] =
      /webgpu is (used|not used): wasm takes (\S+) ms a run, webgpu on 'test gpu' (\S+) ms/.exec(said)!;
    expect(verdict).toBe(Number(gpuMs) < Number(wasmMs) ? "used" : "not used");
    expect(info.capabilities.backend).toBe(verdict === "used" ? "webgpu" : "wasm");
    expectSame(await executable.run(inputs), wanted, 1e-4);
    executable.dispose();

    // The other answer: a rival that takes its time.
    const slow: Executable = {
      run: () => new Promise((resolve) => setTimeout(() => resolve(wanted), 400)),
      profile: async () => [],
      dispose: () => {},
    };
    offer(gpu);
    const taken = await takeGpu(planned, { mayChoose: true }, async () => ({
      executable: slow,
      by: wasm,
      reasons: [],
    }));
    expect(taken.by.name).toBe("webgpu");
    expect(taken.reasons[0]).toMatch(/webgpu is used: wasm takes 4\d\d ms a run/);
    taken.executable.dispose();
  });

  test("a device lost between two runs: wasm repeats the run, and the page is told before it has the answer", async () => {
    const seen: GPUDevice[] = [];
    const { executable, changes } = await prepared(gpuWith({ seen }));
    expectSame(await executable.run(inputs), wanted, 1e-4);
    seen[0].destroy();
    expectSame(await executable.run(inputs), wanted);
    expect(changes.map(({ backend }) => backend)).toEqual(["wasm"]);
    expect(changes[0].reasons[0]).toMatch(/webgpu failed: .*lost.*; wasm repeated the run and goes on/);
    expectSame(await executable.run(inputs), wanted);
    expect(changes).toHaveLength(1);
    executable.dispose();
  });

  test("a device lost in the middle of a run, too", async () => {
    const seen: GPUDevice[] = [];
    const { executable, changes } = await prepared(gpuWith({ seen }));
    const running = executable.run(inputs);
    seen[0].destroy();
    expectSame(await running, wanted);
    expect(changes.map(({ backend }) => backend)).toEqual(["wasm"]);
    executable.dispose();
  });

  const refusals: [claim: string, changes: Parameters<typeof gpuWith>[0], why: RegExp][] = [
    [
      "limits too small for the model",
      {
        device: (device) => ({ limits: altered(device.limits, { maxStorageBufferBindingSize: 1024 }) }),
      },
      /needs a buffer of .* this GPU allows/,
    ],
    [
      "a kernel that does not compile",
      {
        device: () => ({
          createComputePipelineAsync: () => Promise.reject(new Error("the compiler gave up")),
        }),
      },
      /MaxPool 'pool' \+ Sigmoid: its kernel does not compile: the compiler gave up/,
    ],
    [
      "memory that runs out",
      {
        device: (device) => ({
          popErrorScope: async () =>
            (await device.popErrorScope()) ?? { message: "not enough memory left" },
        }),
      },
      /not enough memory left/,
    ],
  ];
  test.each(refusals)(
    "%s: wasm runs the model, and the reason is told",
    async (_claim, changes, why) => {
      const seen: GPUDevice[] = [];
      const { executable, info } = await prepared(gpuWith({ ...changes, seen }));
      keep(seen);
      expect(info.capabilities.backend).toBe("wasm");
      expect(info.capabilities.reasons[0]).toMatch(why);
      expectSame(await executable.run(inputs), wanted);
      executable.dispose();
    },
  );

  test("memory that runs out in the middle of a run: wasm repeats it", async () => {
    const seen: GPUDevice[] = [];
    let isFull = false;
    const scopes: GPUErrorFilter[] = [];
    const device = (real: GPUDevice) => ({
      pushErrorScope(filter: GPUErrorFilter) {
        scopes.push(filter);
        real.pushErrorScope(filter);
      },
      async popErrorScope() {
        const filter = scopes.pop();
        const error = await real.popErrorScope();
        return isFull && filter === "out-of-memory" ? { message: "no memory for the commands" } : error;
      },
    });
    const { executable, changes } = await prepared(gpuWith({ seen, device }));
    keep(seen);
    expectSame(await executable.run(inputs), wanted, 1e-4);
    isFull = true;
    expectSame(await executable.run(inputs), wanted);
    expect(changes[0].reasons[0]).toMatch(/webgpu failed: .*no memory for the commands; wasm repeated/);
    executable.dispose();
  });

  /** What a driver that hangs gives. */
  const never = () => new Promise<never>(() => {});

  /** What takes the model where a driver has so long to answer. */
  async function taken(gpu: unknown, { requestMs = 10_000, runMs = 10_000 }) {
    offer(gpu);
    last?.destroy();
    last = undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const changes: Taken[] = [];
    const options = {
      mayChoose: false,
      deadlines: { requestMs, runMs },
      onChange: (change: Taken) => void changes.push(change),
    };
    const other = async () => ({ executable: await wasm.prepare(planned), by: wasm, reasons: [] });
    return { ...(await takeGpu(planned, options, other)), changes };
  }

  const hangs: [claim: string, gpu: () => unknown, deadlines: Partial<Deadlines>, why: RegExp][] = [
    ["an adapter", () => ({ requestAdapter: never }), { requestMs: 50 }, /gave no adapter in 0.05 s/],
    [
      "a device",
      () => ({
        requestAdapter: async () => ({
          features: new Set(),
          limits: {},
          info: {},
          requestDevice: never,
        }),
      }),
      { requestMs: 50 },
      /gave no device in 0.05 s/,
    ],
    [
      "a compiled kernel",
      () => gpuWith({ device: () => ({ createComputePipelineAsync: never }) }),
      { runMs: 300 },
      /webgpu is not used: the graphics driver did nothing for 0.3 s/,
    ],
    [
      "word of its memory",
      () => gpuWith({ device: () => ({ popErrorScope: never }) }),
      { runMs: 300 },
      /webgpu is not used: the graphics driver did nothing for 0.3 s/,
    ],
  ];
  test.each(hangs)(
    "a driver that never gives %s: wasm runs the model",
    async (_, gpu, deadlines, why) => {
      const { executable, by, reasons } = await taken(gpu(), deadlines);
      expect(by.name).toBe("wasm");
      expect(reasons[0]).toMatch(why);
      expectSame(await executable.run(inputs), wanted);
      executable.dispose();
    },
  );

  test("a driver that hangs in a run: wasm repeats it after the deadline, and the device is given up for all", async () => {
    const seen: GPUDevice[] = [];
    let hangs = false;
    const device = (real: GPUDevice) => ({
      createBuffer(descriptor: GPUBufferDescriptor) {
        const buffer = real.createBuffer(descriptor);
        const { mapAsync } = buffer;
        const value = (...range: Parameters<typeof mapAsync>) =>
          hangs ? never() : mapAsync.apply(buffer, range);
        return Object.defineProperty(buffer, "mapAsync", { value });
      },
    });
    const { executable, by, changes } = await taken(gpuWith({ seen, device }), { runMs: 1500 });
    expect(by.name).toBe("webgpu");
    expectSame(await executable.run(inputs), wanted, 1e-4);
    hangs = true;
    expectSame(await executable.run(inputs), wanted);
    expect(changes[0].reasons[0]).toMatch(/webgpu failed: no answer in 1.5 s; wasm repeated the run/);
    expectSame(await executable.run(inputs), wanted);
    expect(changes).toHaveLength(1);
    expect((await seen[0].lost).reason).toBe("destroyed");
    executable.dispose();

    const later = await taken(gpuWith({}), { runMs: 10_000 });
    expect(later.by.name).toBe("webgpu");
    later.executable.dispose();
  });

  test("inputs that are wrong are the caller's error, not the GPU's", async () => {
    const seen: GPUDevice[] = [];
    const { executable, changes } = await prepared(gpuWith({ seen }));
    keep(seen);
    await expect(executable.run({})).rejects.toThrow(/'x' is missing/);
    expectSame(await executable.run(inputs), wanted, 1e-4);
    expect(changes).toEqual([]);
    executable.dispose();
  });
});
