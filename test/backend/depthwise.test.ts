/** Depthwise convolution on the wasm backend: every strip, kernel, stride and dilation against the reference. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { bind } from "../../runtime/backends/wasm/bind.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";
import { expectSame, runOn } from "./run.ts";

interface Geometry {
  readonly n: number;
  readonly c: number;
  readonly size: readonly [h: number, w: number];
  readonly kernel: readonly [kH: number, kW: number];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly after: "nothing" | "clamp" | "sigmoid";
}

const same = (k: number): number[] => [k >> 1, k >> 1, k >> 1, k >> 1];

const square: Geometry = {
  n: 2,
  c: 64,
  size: [40, 40],
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: same(3),
  after: "nothing",
};

test.each([
  { width: 1, kernel: 3, stride: 1 },
  { width: 5, kernel: 3, stride: 1 },
  { width: 7, kernel: 3, stride: 1 },
  { width: 14, kernel: 3, stride: 2 },
  { width: 17, kernel: 3, stride: 1 }, // strips overlap
  { width: 28, kernel: 5, stride: 1 },
  { width: 29, kernel: 5, stride: 2 },
  { width: 13, kernel: 7, stride: 1 }, // fills the registers
  { width: 12, kernel: 11, stride: 1 }, // more taps a row than registers
  { width: 22, kernel: 22, stride: 1 }, // too many taps for more than one pixel at once
])("$kernel x $kernel, stride $stride, rows of $width pixels", async ({ width, kernel, stride }) => {
  await expectEqual({
    n: 1,
    c: 12,
    size: [Math.max(9, kernel), width],
    kernel: [kernel, kernel],
    strides: [stride, stride],
    dilations: [1, 1],
    pads: same(kernel),
    after: "clamp",
  });
});

test("random depthwise convolutions, with a clamp or an activation behind them or nothing", async () => {
  const small = (max: number, min = 1) => fc.integer({ min, max });
  const geometry: fc.Arbitrary<Geometry> = fc.record({
    n: small(2),
    c: small(20, 2),
    size: fc.tuple(small(9), small(20)),
    kernel: fc.tuple(small(5), small(5)),
    strides: fc.tuple(small(3), small(3)),
    dilations: fc.tuple(small(2), small(3)),
    pads: fc.tuple(...[0, 1, 2, 3].map(() => small(2, 0))),
    after: fc.constantFrom("nothing", "clamp", "sigmoid"),
  });
  await fc.assert(fc.asyncProperty(geometry, expectEqual), { numRuns: 150, seed: 4 });
});

test("what follows runs in the kernel", () => {
  const kernels = (after: Geometry["after"]) => {
    const graph = graphOf({ ...square, after });
    return bind(plan(graph), { threads: 1, fma: false, tuner: makeTuner({}, 0) }).functions.map(
      ({ name }) => name,
    );
  };
  expect(kernels("sigmoid")).toContain("f32_depthwise_3x3_s1_8x4_sigmoid");
  expect(kernels("clamp")).toEqual(kernels("nothing"));
});

test("three threads share all rows of both images", () => {
  const graph = graphOf(square);
  const phases = (threads: number) =>
    bind(plan(graph), { threads, fma: false, tuner: makeTuner({}, 0) }).phases.filter(({ kernel }) =>
      /depthwise/.test(kernel),
    );
  const spans = phases(3)[0]
    .calls.flat()
    .map(({ args }) => [args[0], args[1]]);
  expect(spans.length).toBeGreaterThan(2);
  for (let i = 1; i < spans.length; i++) expect(spans[i][0]).toBe(spans[i - 1][1]);
  const [[{ args }]] = phases(1)[0].calls;
  expect(spans[spans.length - 1][1] - spans[0][0]).toBe(args[1] - args[0]);
});

async function expectEqual(geometry: Geometry): Promise<void> {
  const { size, kernel, dilations, pads } = geometry;
  const fits = [0, 1].every(
    (axis) => size[axis] + pads[axis] + pads[axis + 2] > (kernel[axis] - 1) * dilations[axis],
  );
  if (!fits) return;
  const graph = graphOf(geometry);
  const inputs = { x: randomTensor([geometry.n, geometry.c, ...size], 3) };
  expectSame(await runOn(wasm, graph, inputs), await runOn(reference, graph, inputs));
}

function graphOf({ n, c, size, kernel, strides, dilations, pads, after }: Geometry): Graph {
  const attrs = { group: c, strides, dilations, pads };
  const node = (op: string, inputs: string[], output: string, attrs = {}) => {
    return { name: output, op, inputs, outputs: [output], attrs };
  };
  const behind = {
    nothing: [],
    clamp: [node("Clip", ["y", "lo", "hi"], "z")],
    sigmoid: [node("Sigmoid", ["y"], "z")],
  };
  return {
    name: "depthwise",
    nodes: [node("Conv", ["x", "w", "b"], "y", attrs), ...behind[after]],
    inputs: [{ name: "x", dtype: "float32", shape: [n, c, ...size] }],
    outputs: [{ name: after === "nothing" ? "y" : "z", dtype: "float32", shape: [] }],
    constants: new Map([
      ["w", randomTensor([c, 1, ...kernel], 1)],
      ["b", randomTensor([c], 2)],
      ["lo", { dtype: "float32", shape: [], data: Float32Array.of(-0.5) }],
      ["hi", { dtype: "float32", shape: [], data: Float32Array.of(1) }],
    ]),
  };
}
