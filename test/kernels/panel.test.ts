/** The panel kernels against a plain loop, over shapes that fill neither panels nor lists nor slices. */
import { expect, test } from "vitest";
import { hasRelaxedMadd } from "../../kernels-wasm/index.ts";
import { panelCandidates, panelScratchBytes } from "../../runtime/backends/wasm/panel.ts";
import { type ConvCase, prepareCase } from "./panel-case.ts";

const third = (_o: number, _i: number, _t: number, uniform: number) => uniform < 0.3;

const cases: Record<string, ConvCase> = {
  "one pixel": { size: [1, 1], inputs: 8, outputs: 8, keep: third },
  "one weight": { size: [3, 3], inputs: 1, outputs: 1, keep: () => true },
  "no weight at all": { size: [5, 5], inputs: 8, outputs: 9, keep: () => false },
  "3 inputs, 3 outputs": { size: [7, 7], inputs: 3, outputs: 3, keep: third },
  "49 pixels, 7 outputs": { size: [7, 7], inputs: 8, outputs: 7, keep: third },
  "53 pixels: two panels of unequal width": { size: [1, 53], inputs: 16, outputs: 8, keep: third },
  "two slices with a rest": { size: [7, 7], inputs: 193, outputs: 65, keep: third },
  "rows that nobody reads": {
    size: [4, 5],
    inputs: 400,
    outputs: 24,
    keep: (o, i, t, u) => i % 40 < 6 && third(o, i, t, u),
  },
  "outputs without weights": {
    size: [4, 5],
    inputs: 40,
    outputs: 33,
    keep: (o, i, t, u) => o % 3 === 0 && third(o, i, t, u),
  },
  "every weight there": { size: [9, 9], inputs: 40, outputs: 16, keep: () => true },
  "lists shared by four outputs": {
    size: [9, 9],
    inputs: 64,
    outputs: 20,
    keep: (o, i) => ((o >> 2) * 5 + i * 7) % 11 < 3,
  },
  "3x3 with a border": { size: [9, 11], inputs: 20, outputs: 17, kernel: 3, pad: 1, keep: third },
  "3x3 in many slices": { size: [6, 6], inputs: 64, outputs: 40, kernel: 3, pad: 1, keep: third },
  "5x5, stride 2": { size: [17, 15], inputs: 12, outputs: 8, kernel: 5, stride: 2, pad: 2, keep: third },
  "more pieces than threads": { size: [40, 40], inputs: 200, outputs: 24, keep: third },
  "a batch of 3": { images: 3, size: [5, 5], inputs: 24, outputs: 24, kernel: 3, pad: 1, keep: third },
};
const ends: Record<string, Partial<ConvCase>> = {
  plain: {},
  "residual and clamp": { residual: true, lo: -0.25, hi: 1.5 },
  "SiLU, then the residual": { residual: true, silu: true },
  "ReLU on two threads": { lo: 0, threads: 2 },
};
const variants = hasRelaxedMadd() ? [false, true] : [false];
const table = Object.keys(cases).flatMap((name) =>
  Object.keys(ends).flatMap((end) => variants.map((fma) => ({ name, end, fma }))),
);

test.each(table)("$name, $end, FMA $fma: as the plain loop", ({ name, end, fma }) => {
  const { work, bind } = prepareCase({ ...cases[name], ...ends[end], fma });
  const scratch = panelScratchBytes(work.weights.outputs, 2);
  const worst = panelCandidates(work).map((candidate) => {
    const bench = bind(candidate, scratch);
    bench.run();
    return bench.worst();
  });
  expect(worst).toHaveLength(2);
  for (const error of worst) expect(error).toBeLessThan(1e-6);
});

test("a step that is large enough is cut into pieces that have scratch memory of their own", () => {
  const { work, bind } = prepareCase({ ...cases["more pieces than threads"], threads: 2, fma: false });
  const [candidate] = panelCandidates(work);
  const { phase } = bind(candidate, panelScratchBytes(work.weights.outputs, 2));
  expect(phase.calls.length).toBeGreaterThan(2);
  const sums = phase.calls.map(([{ args }]) => args[11]); // the kernel's parameter `sums`
  expect(new Set(sums).size).toBe(phase.calls.length);
});

test.each([
  { claim: "grouped convolutions", change: { groups: 2 } },
  { claim: "pictures of 3 channels", change: { stride: 3 } },
])("$claim have no panels", ({ change }) => {
  const { work } = prepareCase(cases["3 inputs, 3 outputs"]);
  const { groups = 1, stride = work.x.stride } = change as { groups?: number; stride?: number };
  const changed = { ...work, weights: { ...work.weights, groups }, x: { ...work.x, stride } };
  expect(panelCandidates(changed)).toEqual([]);
});

test("the sparser, the cheaper; a list that two outputs share costs less than two lists", () => {
  const cyclesOf = (keep: ConvCase["keep"]) => {
    const { work } = prepareCase({ size: [14, 14], inputs: 128, outputs: 64, keep });
    return panelCandidates(work).map(({ cycles }) => cycles);
  };
  const [tenth] = cyclesOf((_o, _i, _t, uniform) => uniform < 0.1);
  const [half, halfByTwos] = cyclesOf((_o, _i, _t, uniform) => uniform < 0.5);
  const [single, byTwos] = cyclesOf((o, i) => ((o >> 1) * 5 + i * 7) % 11 < 5);
  expect(tenth).toBeLessThan(half);
  expect(half).toBeLessThan(halfByTwos);
  expect(byTwos).toBeLessThan(single);
});
