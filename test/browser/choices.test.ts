/** Which kernels were the fastest is remembered by model, shapes and browser, and used at the next load. */
import { clear, createStore, entries, get, set } from "idb-keyval";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type LoadOptions, load, type Session, type Shape } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";

const store = createStore("filigree-choices", "choices"); // as the runtime names it
const step = "y"; // the output of the only step that has a choice

const weight = randomTensor([32, 32, 1, 1], 1);

/** A 1x1 convolution of which every third weight is left: blocks run it, and panels. */
const graph: Graph = {
  name: "loose",
  inputs: [{ name: "x", dtype: "float32", shape: ["batch", 32, 16, 16] }],
  outputs: [{ name: "y", dtype: "float32", shape: ["batch", 32, 16, 16] }],
  nodes: [{ name: "conv", op: "Conv", inputs: ["x", "w"], outputs: ["y"], attrs: {} }],
  constants: new Map([["w", { ...weight, data: weight.data.map((w, i) => (i % 3 ? 0 : w)) }]]),
};

let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  bytes = (await writeModel(graph)) as Uint8Array<ArrayBuffer>;
});
beforeEach(() => clear(store));

const sessions: Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.dispose();
});

/** Loads and runs; how the convolution ran, and why. The outputs are those of the reference. */
async function open(options: LoadOptions = {}, shape: Shape = [1, 32, 16, 16]) {
  const session = await load(bytes, { threads: 1, shapes: { x: shape }, ...options });
  sessions.push(session);
  const x = randomTensor(shape, 2);
  const { y } = await session.run({ x });
  const executable = await reference.prepare(plan(graph, { shapes: { x: shape } }));
  const expected = (await executable.run({ x })).y.data as Float32Array;
  const error = (y.data as Float32Array).map((value, i) => Math.abs(value - expected[i]));
  expect(Math.max(...error)).toBeLessThan(1e-4);
  const { kernel, detail } = (await session.profile()).find(({ node }) => node.includes("conv"))!;
  return { kernel, detail };
}

/** Writing is not waited for by a load; on a busy machine it takes its time. */
const written = (isThere: () => Promise<boolean>) => vi.waitUntil(isThere, { timeout: 20_000 });

/** The only entry there is, once it has been written. */
async function remembered() {
  await written(async () => (await entries(store)).length > 0);
  const [[key, value], ...others] = await entries<string, { at: number; choices: Choices }>(store);
  expect(others).toEqual([]);
  return { key, name: value.choices.wasm[step] };
}
type Choices = Record<string, Record<string, string>>;

const entry = (name: unknown, at = Date.now()) => ({ at, choices: { wasm: { [step]: name } } });

test("what the first load chose, the second takes without a trial", async () => {
  const first = await open();
  expect(first.detail).toMatch(/measured, |predicted /);
  const { name } = await remembered();
  expect(first.detail).toContain(`${name}: `);
  const second = await open();
  expect(second).toEqual({ kernel: first.kernel, detail: expect.stringContaining("measured before") });
});

test("a remembered way runs, whatever a trial said", async () => {
  const first = await open();
  const { key } = await remembered();
  const [, taken, other] = first.detail.match(/(\w+ [\dx]+): (?:measured, )?(\w+ [\dx]+) /)!;
  expect(other).not.toBe(taken);
  await set(key, entry(other), store);
  const second = await open();
  expect(second.detail).toContain(`${other}: measured before`);
  expect(second.kernel).not.toBe(first.kernel);
});

test("cache: false remembers nothing, and takes nothing that is remembered", async () => {
  await open({ cache: false });
  expect(await entries(store)).toEqual([]);
  await open();
  await remembered();
  expect((await open({ cache: false })).detail).not.toContain("measured before");
});

test.each<[claim: string, spoilt: unknown]>([
  ["a text", "panel 24x1"],
  ["nothing", null],
  ["a list", [1, 2]],
  ["choices that are a text", { at: 1, choices: "wasm" }],
  ["choices of a backend that are null", { at: 1, choices: { wasm: null } }],
  ["a way that is not known", entry("panel 999x7")],
  ["a way that is a number", entry(8)],
  ["a way that is an object", entry({ name: "block 8" })],
])("an entry that is %s is ignored, and written anew", async (_, spoilt) => {
  await open();
  const { key, name } = await remembered();
  await set(key, spoilt, store);
  expect((await open()).detail).toMatch(/measured, |predicted /);
  await written(async () => (await get(key, store))?.choices?.wasm?.[step] !== undefined);
  expect(typeof (await remembered()).name).toBe(typeof name);
  expect((await open()).detail).toContain("measured before");
});

describe("what was measured elsewhere is not believed", () => {
  test("with other shapes", async () => {
    await open();
    await remembered();
    expect((await open({}, [2, 32, 16, 16])).detail).not.toContain("measured before");
    await written(async () => (await entries(store)).length === 2); // not into the next test
  });

  test.each([
    ["of another model", 0],
    ["in another browser", 2],
  ])("%s", async (_, part) => {
    await open();
    const { key, name } = await remembered();
    const foreign = JSON.parse(key);
    foreign[part] = "another";
    await clear(store);
    await set(JSON.stringify(foreign), entry(name), store);
    expect((await open()).detail).not.toContain("measured before");
    await written(async () => (await entries(store)).length === 2); // not into the next test
  });
});

test("entries do not pile up: the oldest go", async () => {
  const others = Array.from({ length: 100 }, (_, i) => `model ${i}`);
  for (const [i, key] of others.entries()) await set(key, entry("block 8", i + 1), store);
  await set("of a version that wrote no time", { wasm: {} }, store);
  await open();
  await written(async () => (await entries(store)).length <= 64);
  const kept = (await entries<string, { at: number }>(store)).map(([, { at }]) => at);
  expect(kept.length).toBe(64);
  expect(Math.min(...kept)).toBe(100 - 63 + 1); // beside the new one, the 63 that were the last
});
