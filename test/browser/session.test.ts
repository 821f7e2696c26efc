/** The session in a real browser: a model in a worker, from bytes to outputs, and whatever goes wrong between. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type LoadOptions, type LoadProgress, load, type Session } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import { serveModels } from "./serve.ts";

const url = "/models/tiny.filigree";
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  bytes = (await writeModel(tinyClassifier("batch"), { made: "by hand" })) as Uint8Array<ArrayBuffer>;
});

const sessions: Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.dispose();
});

/** `load` that is disposed of after the test. */
async function open(source: Parameters<typeof load>[0] = bytes, options: LoadOptions = {}) {
  const session = await load(source, { cache: false, ...options });
  sessions.push(session);
  return session;
}

/** What the reference backend says, on this page. */
async function expectedLogits(image: Float32Array, batch = 1): Promise<Float32Array> {
  const planned = plan(tinyClassifier("batch"), { shapes: { image: [batch, 3, 9, 9] } });
  const executable = await reference.prepare(planned);
  const outputs = await executable.run({ image: tensor([batch, 3, 9, 9], image) });
  return outputs.logits.data as Float32Array;
}

async function logitsOf(session: Session, image: Float32Array): Promise<Float32Array> {
  return (await session.run({ image })).logits.data as Float32Array;
}

function expectClose(found: Float32Array, expected: Float32Array): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(found[i] - value), `value ${i}`).toBeLessThan(1e-4);
  });
}

const modelError = (message: RegExp) =>
  expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) });

describe("load and run", () => {
  test.each<[string, () => Parameters<typeof load>[0]]>([
    ["bytes", () => bytes],
    ["a view into a larger buffer", () => new Uint8Array([0, ...bytes, 0]).subarray(1, -1)],
    ["an ArrayBuffer", () => bytes.slice().buffer],
    ["a Blob", () => new Blob([bytes])],
    ["a Response", () => new Response(bytes)],
    ["a blob: URL", () => URL.createObjectURL(new Blob([bytes]))],
    ["a URL object", () => new URL(URL.createObjectURL(new Blob([bytes])))],
  ])("a model from %s gives what the reference gives", async (_, source) => {
    const session = await open(source());
    expectClose(await logitsOf(session, tinyImage(1)), await expectedLogits(tinyImage(1)));
  });

  test.each(["wasm", "reference"] as const)(
    "the backend %s is used when it is asked for",
    async (backend) => {
      const session = await open(bytes, { backend });
      expect(session.capabilities.backend).toBe(backend);
      expectClose(await logitsOf(session, tinyImage(2)), await expectedLogits(tinyImage(2)));
    },
  );

  test("the session tells its inputs, outputs and meta, sizes closed", async () => {
    const session = await open(bytes, { shapes: { image: [2, 3, 9, 9] } });
    expect(session.inputs).toEqual([{ name: "image", dtype: "float32", shape: [2, 3, 9, 9] }]);
    expect(session.outputs).toEqual([{ name: "logits", dtype: "float32", shape: [2, 5] }]);
    expect(session.meta).toEqual({ made: "by hand" });
    const outputs = await session.run({ image: tinyImage(3, 2) });
    expect(outputs.logits.shape).toEqual([2, 5]);
    expectClose(outputs.logits.data as Float32Array, await expectedLogits(tinyImage(3, 2), 2));
  });

  test("the bytes that were given stay the caller's", async () => {
    const own = bytes.slice();
    await open(own);
    expect(own).toEqual(bytes);
  });

  test("a model of one input takes it under the name input, and as a tensor", async () => {
    const session = await open();
    const expected = await expectedLogits(tinyImage(4));
    const byAlias = await session.run({ input: tinyImage(4) });
    expectClose(byAlias.logits.data as Float32Array, expected);
    const asTensor = await session.run({ image: tensor([1, 3, 9, 9], tinyImage(4)) });
    expectClose(asTensor.logits.data as Float32Array, expected);
  });

  test("inputs are those of the moment of the call, and stay the caller's", async () => {
    const session = await open();
    const image = tinyImage(5);
    const running = logitsOf(session, image);
    image.fill(0);
    expectClose(await running, await expectedLogits(tinyImage(5)));
    expect(image.length).toBe(243);
  });

  test("a view of a large buffer is run alone", async () => {
    const session = await open();
    const pool = new Float32Array(1000);
    pool.set(tinyImage(6), 100);
    expectClose(await logitsOf(session, pool.subarray(100, 343)), await expectedLogits(tinyImage(6)));
  });

  test("transferred inputs are gone from the page", async () => {
    const session = await open();
    const image = tinyImage(7);
    const { logits } = await session.run({ image }, { transfer: true });
    expect(image.length).toBe(0);
    expectClose(logits.data as Float32Array, await expectedLogits(tinyImage(7)));
  });

  test("outputs that are given back are filled again, and gone from the page", async () => {
    const session = await open();
    const first = await session.run({ image: tinyImage(1) });
    const again = await session.run({ image: tinyImage(2) }, { reuse: first });
    expect(first.logits.data.length).toBe(0);
    expectClose(again.logits.data as Float32Array, await expectedLogits(tinyImage(2)));
  });

  test("calls that overlap each get their own result", async () => {
    const session = await open();
    const seeds = Array.from({ length: 12 }, (_, i) => i + 10);
    const found = await Promise.all(seeds.map((seed) => logitsOf(session, tinyImage(seed))));
    for (const [i, seed] of seeds.entries())
      expectClose(found[i], await expectedLogits(tinyImage(seed)));
  });

  test("two sessions live side by side", async () => {
    const [a, b] = await Promise.all([open(), open()]);
    a.dispose();
    expectClose(await logitsOf(b, tinyImage(8)), await expectedLogits(tinyImage(8)));
  });

  test("profile names every step, with and without inputs", async () => {
    const session = await open();
    for (const rows of [await session.profile(), await session.profile({ image: tinyImage(9) }, 2)]) {
      const nodes = rows.map((row) => row.node).join(" ");
      for (const name of ["stem", "pool", "fc"]) expect(nodes).toContain(`'${name}'`);
      for (const { ms } of rows) expect(ms).toBeGreaterThanOrEqual(0);
    }
  });

  test("debug level 3 finds no difference on a sound model", async () => {
    const session = await open(bytes, { debug: 3 });
    expectClose(await logitsOf(session, tinyImage(11)), await expectedLogits(tinyImage(11)));
  });
});

describe("capabilities", () => {
  test("an isolated page gets the threads it asks for, and no reason against", async () => {
    expect(crossOriginIsolated).toBe(true);
    const session = await open(bytes, { threads: 2 });
    expect(session.capabilities).toMatchObject({
      backend: "wasm",
      threads: 2,
      crossOriginIsolated: true,
    });
    expect(session.capabilities.reasons).toEqual([]);
    expectClose(await logitsOf(session, tinyImage(12)), await expectedLogits(tinyImage(12)));
  });

  test("a node that the fast backend has no kernel for is named", async () => {
    const session = await open(await writeModel(integerModel), { threads: 1 });
    expect(session.capabilities.backend).toBe("wasm");
    expect(session.capabilities.reasons).toEqual(["Identity 'copy' runs as a plain loop: 'x' is int32"]);
    const { y } = await session.run({ x: Int32Array.of(1, -2, 3) });
    expect(y).toEqual(tensor([3], Int32Array.of(1, -2, 3), "int32"));
  });

  test("a backend that is asked for is not replaced", async () => {
    const session = await open(await writeModel(integerModel), { backend: "reference" });
    expect(session.capabilities.backend).toBe("reference");
  });

  const integerModel = {
    name: "integers",
    inputs: [{ name: "x", dtype: "int32", shape: [3] }],
    outputs: [{ name: "y", dtype: "int32", shape: [3] }],
    nodes: [{ name: "copy", op: "Identity", inputs: ["x"], outputs: ["y"], attrs: {} }],
    constants: new Map(),
  } as const;
});

describe("progress and abort", () => {
  test("a download reports its bytes up to the whole, then the preparation its steps", async () => {
    const headers = { "Content-Length": String(bytes.length) };
    const server = await serveModels(() => ({ status: 200, headers, body: bytes }));
    const seen: LoadProgress[] = [];
    await open(url, { onProgress: (progress) => void seen.push(progress) });
    await server.stop();
    const downloads = seen.filter(({ phase }) => phase === "download");
    const steps = seen.filter(({ phase }) => phase === "prepare");
    expect(downloads.at(-1)).toEqual({ phase: "download", loaded: bytes.length, total: bytes.length });
    expect(downloads.map(({ loaded }) => loaded)).toEqual(
      downloads.map(({ loaded }) => loaded).sort((a, b) => a - b),
    );
    expect(steps.map(({ loaded }) => loaded)).toEqual([0, 1, 2, 3]);
    expect(seen.indexOf(steps[0])).toBe(downloads.length);
  });

  test("a signal that is aborted already starts nothing", async () => {
    await expect(open(bytes, { signal: AbortSignal.abort(new Error("no more")) })).rejects.toThrow(
      "no more",
    );
  });

  test("a download is aborted with the signal's reason", async () => {
    const control = new AbortController();
    const reason = new Error("changed my mind");
    const server = await serveModels(() => {
      control.abort(reason);
      return new Promise(() => {});
    });
    await expect(open(url, { signal: control.signal })).rejects.toBe(reason);
    await server.stop();
  });

  test("the preparation is aborted with the signal's reason", async () => {
    const control = new AbortController();
    const reason = new Error("too slow");
    const onProgress = ({ phase }: LoadProgress) => phase === "prepare" && control.abort(reason);
    await expect(open(bytes, { signal: control.signal, onProgress })).rejects.toBe(reason);
  });

  test("a signal that comes after the load ends nothing", async () => {
    const control = new AbortController();
    const session = await open(bytes, { signal: control.signal });
    control.abort();
    expectClose(await logitsOf(session, tinyImage(13)), await expectedLogits(tinyImage(13)));
  });
});

describe("what is wrong is refused, and the page lives", () => {
  test.each<[claim: string, inputs: object, message: RegExp]>([
    ["no input", {}, /input 'image' is missing; expected float32 \[1,3,9,9\]/],
    [
      "an unknown input",
      { image: tinyImage(1), other: tinyImage(1) },
      /input 'other' is not known; the model has 'image'/,
    ],
    ["too few values", { image: new Float32Array(242) }, /input 'image' is of 242 values/],
    [
      "another shape",
      { image: tensor([1, 9, 9, 3], tinyImage(1)) },
      /input 'image' is of shape \[1,9,9,3\]/,
    ],
    ["another rank", { image: tensor([243], tinyImage(1)) }, /input 'image' is of shape \[243\]/],
    [
      "another dtype",
      { image: tensor([1, 3, 9, 9], new Int32Array(243), "int32") },
      /input 'image' is int32/,
    ],
    [
      "a bare array of another type",
      { image: new Int32Array(243) },
      /input 'image' is held by a Int32Array/,
    ],
    ["a Float64Array", { image: new Float64Array(243) }, /input 'image' is held by a Float64Array/],
    ["a list", { image: Array(243).fill(0) }, /input 'image' is a object that is neither a tensor nor/],
    ["null", { image: null }, /input 'image' is missing/],
  ])("%s", async (_, inputs, message) => {
    const session = await open();
    await expect(session.run(inputs as never)).rejects.toThrow(modelError(message));
    expectClose(await logitsOf(session, tinyImage(14)), await expectedLogits(tinyImage(14)));
  });

  test.each<[claim: string, spoil: (good: Uint8Array<ArrayBuffer>) => Uint8Array, message: RegExp]>([
    ["no bytes", () => new Uint8Array(0), /not a model file/],
    ["a web page", () => new TextEncoder().encode("<!doctype html>"), /not a model file/],
    ["a file cut off", (good) => good.slice(0, -100), /cut off/],
    ["a flipped byte", (good) => good.with(good.length - 1, 77), /constant 'fc.bias' .*SHA-256/],
    ["a flipped byte of the header", (good) => good.with(100, 7), /header: SHA-256/],
  ])("%s is a ModelError", async (_, spoil, message) => {
    await expect(open(spoil(bytes))).rejects.toThrow(modelError(message));
    expectClose(await logitsOf(await open(), tinyImage(15)), await expectedLogits(tinyImage(15)));
  });

  test("an unknown operator is a ModelError that names the node", async () => {
    const graph = tinyClassifier();
    const nodes = graph.nodes.map((node) => (node.name === "pool" ? { ...node, op: "Teleport" } : node));
    await expect(open(await writeModel({ ...graph, nodes }))).rejects.toThrow(
      modelError(/Teleport 'pool'/),
    );
  });

  test.each<[claim: string, options: object, message: RegExp]>([
    [
      "an unknown backend",
      { backend: "abacus" },
      /backend "abacus" is not known; expected auto, webgpu, wasm or reference/,
    ],
    ["no threads", { threads: 0 }, /threads is 0; expected a whole number ≥ 1/],
    ["an integrity that is none", { integrity: "sha1-abc" }, /integrity is "sha1-abc"/],
    [
      "an integrity of other bytes",
      { integrity: `sha256-${"A".repeat(43)}=` },
      /SHA-256 of the model is/,
    ],
  ])("%s is a ModelError", async (_, options, message) => {
    await expect(open(bytes, options)).rejects.toThrow(modelError(message));
  });

  test("the right integrity passes", async () => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    await open(bytes, { integrity: `sha256-${btoa(String.fromCharCode(...hash))}` });
  });

  test("an address without a model is an Error that says the answer", async () => {
    const server = await serveModels(() => ({ status: 404 }));
    await expect(open(url)).rejects.toThrow(/tiny.filigree answered 404/);
    await server.stop();
  });

  test("a network that is down is an Error that says so", async () => {
    const server = await serveModels(() => "offline");
    await expect(open(url)).rejects.toThrow(/tiny.filigree cannot be reached/);
    await server.stop();
  });
});

describe("the worker's end", () => {
  test("a disposed session runs no more", async () => {
    const session = await open();
    session.dispose();
    session.dispose();
    await expect(session.run({ image: tinyImage(1) })).rejects.toThrow("the session is disposed");
    await expect(session.profile()).rejects.toThrow("the session is disposed");
  });

  test("what runs while the session is disposed rejects", async () => {
    const session = await open();
    const running = session.run({ image: tinyImage(1) });
    session.dispose();
    await expect(running).rejects.toThrow("the session is disposed");
  });

  test("a script that does not load is an Error at load", async () => {
    const worker = () => new Worker("/there-is-no-such-worker.js", { type: "module" });
    await expect(open(bytes, { worker })).rejects.toThrow(/the worker did not start: /);
  });

  test("a script that throws is an Error at load", async () => {
    const script = URL.createObjectURL(new Blob(["throw new Error('broken build')"]));
    await expect(open(bytes, { worker: new Worker(script) })).rejects.toThrow(
      /did not start: .*broken build/,
    );
  });

  test("a worker of the caller's own is used", async () => {
    const session = await open(bytes, { worker: makeWorker() });
    expectClose(await logitsOf(session, tinyImage(16)), await expectedLogits(tinyImage(16)));
  });

  test("a worker that dies without a word lets no call hang", async () => {
    const worker = makeWorker();
    const session = await open(bytes, { worker });
    worker.terminate();
    await expect(session.run({ image: tinyImage(1) })).rejects.toThrow("the worker died");
  });

  function makeWorker(): Worker {
    return new Worker(new URL("../../runtime/worker.ts", import.meta.url), { type: "module" });
  }
});
