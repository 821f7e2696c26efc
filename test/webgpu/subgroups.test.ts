/**
 * Kernels with subgroups: when they are taken, and what they give where a GPU has subgroups. SwiftShader, which has them,
 * compiles such a kernel for minutes; on Mesa's lavapipe from 24 on they are tested, where VK_ICD_FILENAMES names its file.
 */
import { describe, expect, test } from "vitest";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type WebgpuExecutable, webgpu, withSubgroups } from "../../runtime/backends/webgpu/index.ts";
import { inTime } from "../../runtime/gpu/deadline.ts";
import { trySubgroups } from "../../runtime/gpu/subgroups.ts";
import type { SparsityPattern } from "../../runtime/model/pattern.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Shape, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { constant, single } from "../backend/cases/case.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { whyNoGpu } from "./gpu.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("kernels with subgroups", () => {
  const planned = plan(single("Relu", "relu", [randomTensor([4], 1)]).graph);
  const right = [0, 1, 2, 3];

  /** Takes `ms` a run; counts how often it is freed. */
  function made({ ms = 0, answer = right, fails = false }) {
    const freed = { times: 0 };
    const executable: WebgpuExecutable = {
      adapter: { name: "test gpu", isSoftware: false, lanes: 32 },
      hasHalf: false,
      isHalf: false,
      mayBroadcast: true,
      memoryBytes: 0,
      choices: { "Conv 'a'": "16x8" },
      async run(): Promise<Tensors> {
        await pause(ms);
        if (fails) throw new Error("the device is lost");
        return { y: tensor([4], Float32Array.from(answer)) };
      },
      profile: async () => [],
      dispose: () => void freed.times++,
    };
    return { executable, freed };
  }
  const within = <T>(work: Promise<T>) => inTime(work, 200);

  const rivals: [claim: string, rival: Parameters<typeof made>[0], subgroups: string, why: RegExp][] = [
    ["are taken where they are faster", {}, "on", /^subgroups are used: \S+ ms a run, without \S+$/],
    [
      "are not where they are slower",
      { ms: 60 },
      "off",
      /^subgroups are not used: (59|6\d|7\d)\.\d ms a run, wi/,
    ],
    ["are not where they hang", { ms: 1000 }, "off", /not used: no answer in 0.2 s/],
    ["are not where they fail", { fails: true }, "off", /not used: the device is lost/],
    [
      "are not where they are wrong",
      { answer: [0, 1, 2, 3.01] },
      "off",
      /not used: output 'y' would be off by 0\.0033 of its range/,
    ],
    ["are not where they give no number", { answer: [0, 1, NaN, 3] }, "off", /off by Infinity/],
  ];
  test.each(rivals)("%s", async (_claim, options, subgroups, why) => {
    const [plain, rival] = [made({ ms: 20 }), made(options)];
    const best = await trySubgroups(planned, plain.executable, async () => rival.executable, within);
    expect(best.reasons.join()).toMatch(why);
    expect(best.executable.choices).toEqual({ "Conv 'a'": "16x8", subgroups });
    const isTaken = subgroups === "on";
    expect([plain.freed.times, rival.freed.times]).toEqual([isTaken ? 1 : 0, isTaken ? 0 : 1]);
  });

  test("that are compiled too late are freed then", async () => {
    const [plain, rival] = [made({}), made({})];
    const late = pause(400).then(() => rival.executable);
    const best = await trySubgroups(planned, plain.executable, () => late, within);
    expect(best.reasons.join()).toMatch(/not used: no answer in 0.2 s/);
    expect([plain.freed.times, rival.freed.times]).toEqual([0, 0]);
    await late;
    await pause(0);
    expect([plain.freed.times, rival.freed.times]).toEqual([0, 1]);
  });

  test("are not compiled where the plain ones fail: that is the model's end on this GPU", async () => {
    const plain = made({ fails: true });
    const prepareRival = () => Promise.reject(new Error("asked for"));
    await expect(trySubgroups(planned, plain.executable, prepareRival, within)).rejects.toThrow("lost");
    expect(plain.freed.times).toBe(1);
  });
});

/** Not where SwiftShader is the GPU: a test that is skipped is taken for one that fails. */
async function hasQuickSubgroups(): Promise<boolean> {
  if (whyNoGpu !== undefined) return false;
  const { info, features } = (await navigator.gpu.requestAdapter())!;
  return features.has("subgroups") && !/swiftshader/i.test(`${info.description} ${info.device}`);
}

if (await hasQuickSubgroups())
  describe("on Dawn, kernels with subgroups are right", () => {
    const sparse = (shape: Shape, pattern: SparsityPattern) =>
      constant(encodeWeight(randomTensor(shape, 3), randomMask(shape, pattern, 0.4, 2)));
    const block = (rows: number, cols: number) => ({ kind: "block", rows, cols }) as const;
    const bias = constant(randomTensor([40], 4));
    const image = randomTensor([2, 24, 17, 19], 1);
    const matrix = randomTensor([201, 24], 5);
    const pads = [1, 1, 1, 1];
    const layers = [
      single("Conv", "3x3", [image, sparse([40, 24, 3, 3], block(16, 8)), bias], { pads }),
      single("Conv", "strided", [image, sparse([40, 24, 3, 3], block(8, 4))], { pads, strides: [1, 2] }),
      single("Conv", "of single places", [image, sparse([40, 24, 1, 1], block(8, 8)), bias]),
      single("Conv", "grouped", [image, sparse([32, 12, 3, 3], block(16, 4))], { group: 2 }),
      single("Conv", "2:4", [image, sparse([40, 24, 1, 1], { kind: "n:m", n: 2, m: 4, rows: 16 })]),
      single("Gemm", "Gemm", [matrix, sparse([40, 24], block(16, 8)), bias], { transB: 1 }),
      single("MatMul", "MatMul", [randomTensor([2, 100, 24], 6), sparse([24, 40], block(8, 16))]),
    ];
    test.each(layers.flatMap((layer) => [false, true].map((isHalf) => ({ ...layer, isHalf }))))(
      "$name, float16: $isHalf",
      async ({ graph, inputs, isHalf }) => {
        const executable = await webgpu.prepare(plan(graph), { choices: withSubgroups, isHalf });
        const found = await executable.run(inputs);
        const [{ kernel }] = await executable.profile(inputs, 1);
        executable.dispose();
        expect(kernel).toMatch(isHalf ? /_f16_subgroups$/ : /\d_subgroups$/);
        expectSame(found, await runOn(reference, graph, inputs), isHalf ? 5e-3 : 1e-5);
      },
    );
  });
