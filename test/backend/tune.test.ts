/** The choice among ways of running a step, by a clock that only kernels move. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { func, i32 } from "../../kernels-wasm/asm.ts";
import type { Builder, Candidate, Step } from "../../runtime/backends/wasm/step.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";

let clock = 0; // ms
let ran: string[] = []; // kernels, in order
/** What a run of a kernel takes, in ms; its name is that of the way. */
let costs: Readonly<Record<string, number | (() => number)>> = {};

beforeEach(() => {
  clock = 0;
  ran = [];
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  const { Instance } = WebAssembly;
  vi.spyOn(WebAssembly, "Instance").mockImplementation(function timed(module, imports) {
    const { exports } = new Instance(module, imports);
    const runs = Object.entries(exports).map(([name, run]) => [
      name,
      (...args: number[]) => {
        (run as (...args: number[]) => void)(...args);
        ran.push(name);
        const cost = costs[name];
        clock += typeof cost === "function" ? cost() : cost;
      },
    ]);
    return { exports: Object.fromEntries(runs) } as WebAssembly.Instance;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A way that is a kernel of its own. */
const way = (name: string, cycles: number): Candidate => ({
  name,
  cycles,
  bind(builder) {
    const kernel = builder.kernel(func(name, { at: "i32" }, ({ at }) => [i32.store(at, i32.const(1))]));
    return [{ label: "", kernel, detail: "", flops: 0, calls: [[{ kernel, args: [64] }]] }];
  },
});

/** Chooses for a step of 1000 pixels that makes `output`; its sample is as large as it is. */
function choose(tuner: ReturnType<typeof makeTuner>, output: string, ways: readonly Candidate[]) {
  const builder = { value: () => ({ n: 1, h: 10, w: 100 }) } as unknown as Builder;
  const { candidate, why } = tuner.choose({ output } as Step, ways, () => ways, builder, 1024);
  return { name: candidate.name, why };
}

test("a step with one way has no choice", () => {
  const tuner = makeTuner({}, 150);
  expect(choose(tuner, "y", [way("only", 1e6)])).toEqual({ name: "only", why: "" });
  expect(tuner.choices).toEqual({});
  expect(ran).toEqual([]);
});

test("what a coarse clock does not see is run more often", () => {
  vi.spyOn(performance, "now").mockImplementation(() => Math.floor(10 * clock) / 10);
  let isHeld = false; // once, when both are warm: so one run seems to be enough
  const a = () => {
    if (isHeld || clock < 20) return 0.02;
    isHeld = true;
    return 50;
  };
  costs = { a, b: 0.03 };
  const tuner = makeTuner({}, 1000);
  expect(choose(tuner, "y", [way("a", 1e6), way("b", 1e6)]).name).toBe("a");
  expect(choose(tuner, "z", [way("a", 1e6), way("b", 1e6)]).name).toBe("a");
});

test.each([
  ["as predicted", { a: 0.1, b: 0.13 }, "a", "a: measured, b 1.30x"],
  ["other than predicted", { a: 0.2, b: 0.1 }, "b", "b: measured, a 2.00x"],
])(
  "of ways that are predicted to be close, the one that is the fastest is taken: %s",
  (_, ms, name, why) => {
    costs = ms;
    const tuner = makeTuner({}, 150);
    expect(choose(tuner, "y", [way("a", 1e6), way("b", 1.2e6)])).toEqual({ name, why });
    expect(tuner.choices).toEqual({ y: name });
  },
);

test("a way that is predicted to be hopeless is not tried", () => {
  costs = { a: 0.1, b: 0.12, slow: 0.01 };
  const { name } = choose(makeTuner({}, 150), "y", [way("slow", 2e6), way("a", 1e6), way("b", 1.1e6)]);
  expect(name).toBe("a");
  expect(new Set(ran)).toEqual(new Set(["a", "b"]));
});

test("where all but one are hopeless nothing is tried, and the reason is the prediction", () => {
  expect(choose(makeTuner({}, 150), "y", [way("slow", 2e6), way("a", 1e6)])).toEqual({
    name: "a",
    why: "a: slow predicted 2.00x",
  });
  expect(ran).toEqual([]);
});

test("an interruption of a trial does not decide it", () => {
  let runs = 0;
  costs = { a: () => (runs++ % 7 === 3 ? 5 : 0.1), b: 0.13 };
  expect(choose(makeTuner({}, 150), "y", [way("a", 1e6), way("b", 1e6)]).name).toBe("a");
});

test("what is remembered is taken without a trial", () => {
  const tuner = makeTuner({ y: "b" }, 150);
  const chosen = choose(tuner, "y", [way("a", 1e6), way("b", 3e6)]);
  expect(chosen).toEqual({ name: "b", why: "b: measured before" });
  expect(tuner.choices).toEqual({ y: "b" });
  expect(ran).toEqual([]);
});

test.each([
  ["of another step", { z: "b" }],
  ["that the step does not have", { y: "c" }],
])("a remembered way %s is not taken", (_, remembered) => {
  costs = { a: 0.1, b: 0.2 };
  const { name, why } = choose(makeTuner(remembered, 150), "y", [way("a", 1e6), way("b", 1e6)]);
  expect(name).toBe("a");
  expect(why).toContain("measured, ");
});

test("without time for trials the predictions decide", () => {
  const { name, why } = choose(makeTuner({}, 0), "y", [way("a", 1.1e6), way("b", 1e6)]);
  expect([name, why]).toEqual(["b", "b: a predicted 1.10x"]);
  expect(ran).toEqual([]);
});

test("once the time is spent, what was measured before corrects the predictions", () => {
  costs = { a: 0.13, b: 0.1 };
  const tuner = makeTuner({}, 1);
  const ways = [way("a", 1e6), way("b", 1e6)];
  expect(choose(tuner, "first", ways).name).toBe("b");
  const trials = ran.length;
  expect(choose(tuner, "second", ways)).toEqual({ name: "b", why: "b: a predicted 1.30x" });
  expect(ran.length).toBe(trials);
});

test("all trials of a model end soon after their time is spent", () => {
  costs = { a: 0.3, b: 0.3 };
  const tuner = makeTuner({}, 60);
  for (let step = 0; step < 50; step++) choose(tuner, `${step}`, [way("a", 1e6), way("b", 1e6)]);
  expect(Object.keys(tuner.choices).length).toBe(50);
  expect(clock).toBeLessThan(150);
});
