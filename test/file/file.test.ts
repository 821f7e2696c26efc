/** The model file: what is written is read again, byte for byte, and nothing damaged gets through. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { tensor } from "../../runtime/model/tensor.ts";
import { onePerKind, tinyClassifier } from "../fixtures.ts";

const meta = { method: "smart", sparsity: 0.7, seeds: [1, 2], report: { accuracy: 0.98, notes: null } };

let bytes: Uint8Array; // of `onePerKind`, which has a section of every kind
beforeAll(async () => {
  bytes = await writeModel(onePerKind(), meta);
});

const modelError = (message: RegExp) =>
  expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) });

test.each([
  ["one of each kind", onePerKind()],
  ["the tiny classifier", tinyClassifier("batch")],
])("%s comes back equal", async (_, graph) => {
  const model = await readModel(await writeModel(graph, meta));
  expect(model.graph).toEqual(graph);
  expect(Object.keys(model.graph.nodes[0].attrs)).toEqual(Object.keys(graph.nodes[0].attrs));
  expect(model.meta).toEqual(meta);
});

test("the same graph gives the same bytes", async () => {
  expect(await writeModel(onePerKind(), meta)).toEqual(bytes);
});

test("values are views of the file, unless it is not aligned", async () => {
  const dataOf = ({ graph }: { graph: Graph }) =>
    (graph.constants.get("tied") as { data: Float32Array }).data;
  expect(dataOf(await readModel(bytes)).buffer).toBe(bytes.buffer);

  const shifted = new Uint8Array(bytes.length + 1).subarray(1);
  shifted.set(bytes);
  const model = await readModel(shifted);
  expect(dataOf(model).buffer).not.toBe(shifted.buffer);
  expect(model.graph).toEqual(onePerKind());
});

test("a constant used under two names is stored once", async () => {
  const { graph } = await readModel(bytes);
  expect(graph.constants.get("tied again")).toBe(graph.constants.get("tied"));
});

test("the layout is the documented one, read here with nothing but this comment's words", () => {
  const view = new DataView(bytes.buffer);
  const [version, length] = [view.getUint32(8, true), view.getUint32(12, true)];
  const text = bytes.subarray(48, 48 + length);
  expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe("FILIGREE");
  expect(version).toBe(1);
  expect(Buffer.from(bytes.subarray(16, 48)).toString("hex")).toBe(sha256(text));
  const header = JSON.parse(new TextDecoder().decode(text));
  const dataStart = Math.ceil((48 + length) / 64) * 64;
  for (const { sections } of header.tensors) {
    for (const section of Object.values(sections) as {
      offset: number;
      length: number;
      sha256: string;
    }[]) {
      expect(section.offset % 64).toBe(0);
      const start = dataStart + section.offset;
      expect(sha256(bytes.subarray(start, start + section.length))).toBe(section.sha256);
    }
  }
  const flags = header.tensors[header.graph.constants[4].tensor];
  expect([header.graph.constants[4].name, flags.dtype]).toEqual(["flags", "bool"]);
  expect([...bytes.subarray(dataStart + flags.sections.values.offset).subarray(0, 2)]).toEqual([1, 0]);
});

describe("damage", () => {
  test("a file cut off anywhere is refused", async () => {
    for (let length = 0; length < bytes.length; length += 64) {
      await expect(readModel(bytes.slice(0, length)), `${length} bytes`).rejects.toThrow(
        modelError(/./),
      );
    }
    await expect(readModel(bytes.slice(0, -1))).rejects.toThrow(modelError(/cut off/));
  });

  test("a flipped bit in any byte is refused", async () => {
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << (at % 8);
      await expect(readModel(flipped), `byte ${at}`).rejects.toThrow(modelError(/./));
    }
  });

  test("a flipped byte in a section is told by that section's name", async () => {
    const classifier = await writeModel(tinyClassifier());
    const at = classifier.length - 1;
    await expect(readModel(classifier.with(at, classifier[at] ^ 255))).rejects.toThrow(
      modelError(
        /^constant 'fc.bias' \(tensors\[3\]\) section values: SHA-256 is .* the file is damaged/,
      ),
    );
  });

  test("bytes after the last section are refused", async () => {
    const longer = new Uint8Array(bytes.length + 64);
    longer.set(bytes);
    await expect(readModel(longer)).rejects.toThrow(modelError(/is \d+ bytes long; expected \d+/));
  });

  test.each<[claim: string, change: (view: DataView) => void, message: RegExp]>([
    ["another magic", (view) => view.setUint8(0, 0x50), /does not start with FILIGREE/],
    [
      "another version",
      (view) => view.setUint32(8, 2, true),
      /version 2; this is a reader of version 1/,
    ],
    [
      "a huge header",
      (view) => view.setUint32(12, 2 ** 32 - 1, true),
      /header should end at byte 4294967/,
    ],
    ["a shorter header", (view) => view.setUint32(12, 5, true), /header: SHA-256/],
  ])("%s is refused", async (_, change, message) => {
    const copy = bytes.slice();
    change(new DataView(copy.buffer));
    await expect(readModel(copy)).rejects.toThrow(modelError(message));
  });

  test("whatever bytes change, the answer is a ModelError or the model as it was", async () => {
    const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.array(edit, { minLength: 1, maxLength: 8 }),
        fc.nat(bytes.length),
        async (edits, cut) => {
          const copy = bytes.slice(0, cut % 4 === 0 ? cut : undefined);
          for (const [at, byte] of edits) if (at < copy.length) copy[at] = byte;
          await readModel(copy).then(
            (model) => expect(model).toEqual({ graph: onePerKind(), meta }),
            (error) => expect(error.name, error.stack).toBe("ModelError"),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** A header that lies, with all hashes right: what an attacker would send. */
describe("a hostile header", () => {
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape is the point
  type Header = any;

  /** `onePerKind` with its header changed, and hashed again. */
  function forge(change: (header: Header) => unknown): Uint8Array {
    const oldLength = new DataView(bytes.buffer).getUint32(12, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(48, 48 + oldLength)));
    const changed = change(header);
    const text = new TextEncoder().encode(
      typeof changed === "string" ? changed : JSON.stringify(header),
    );
    const data = bytes.subarray(Math.ceil((48 + oldLength) / 64) * 64);
    const start = Math.ceil((48 + text.length) / 64) * 64;
    const file = new Uint8Array(start + data.length);
    file.set(bytes.subarray(0, 12));
    new DataView(file.buffer).setUint32(12, text.length, true);
    file.set(Buffer.from(sha256(text), "hex"), 16);
    file.set(text, 48);
    file.set(data, start);
    return file;
  }

  test("forging nothing reads as before, so that what follows fails for its own reason", async () => {
    expect((await readModel(forge(() => {}))).graph).toEqual(onePerKind());
  });

  const csr = 0;
  const ints = 2;
  test.each<[claim: string, change: (header: Header) => unknown, message: RegExp]>([
    ["that is no JSON", () => "{", /header: not JSON/],
    ["that is a number", () => "1", /header is 1; expected an object/],
    ["that is null", () => "null", /header is null; expected an object/],
    ["nested without end", () => `${"[".repeat(200_000)}${"]".repeat(200_000)}`, /header is|not JSON/],
    [
      "with meta nested without end",
      (h) => void (h.meta = nest(2000)),
      /nested deeper; expected at most 32/,
    ],
    ["without a graph", (h) => delete h.graph, /header: graph is missing/],
    ["without tensors", (h) => delete h.tensors, /header: tensors is missing; expected a list/],
    ["without meta", (h) => delete h.meta, /header: meta is missing/],
    [
      "with a node that is a string",
      (h) => void (h.graph.nodes[0] = "Conv"),
      /graph.nodes\[0\] is "Conv"/,
    ],
    [
      "with an op that is a list",
      (h) => void (h.graph.nodes[0].op = []),
      /nodes\[0\].op is a list of 0/,
    ],
    ["with an input that is a number", (h) => void (h.graph.nodes[0].inputs[0] = 1), /inputs\[0\] is 1/],
    ["with an attribute null", (h) => void (h.graph.nodes[0].attrs.text = null), /attrs.text is null/],
    ["with an odd number", (h) => void (h.graph.nodes[0].attrs.text = { number: "1" }), /one of NaN, /],
    [
      "with an attribute of mixed kinds",
      (h) => void (h.graph.nodes[0].attrs.list = [1, "a"]),
      /list\[1\]/,
    ],
    [
      "with an attribute tensor that is absent",
      (h) => void (h.graph.nodes[0].attrs.value = { tensor: 99 }),
      /is 99; expected one of/,
    ],
    [
      "with an attribute tensor that is sparse",
      (h) => void (h.graph.nodes[0].attrs.value = { tensor: h.graph.constants[csr].tensor }),
      /a sparse tensor; expected a dense one/,
    ],
    [
      "with a constant that is absent",
      (h) => void (h.graph.constants[0].tensor = 99),
      /constant 'csr': its tensor is 99/,
    ],
    ["with a constant named twice", (h) => void (h.graph.constants[1].name = "csr"), /'csr' again/],
    [
      "with an unknown dtype",
      (h) => void (tensorOf(h, ints).dtype = "float64"),
      /dtype is "float64"; expected one of float32/,
    ],
    [
      "with an inherited dtype",
      (h) => void (tensorOf(h, ints).dtype = "constructor"),
      /dtype is "constructor"/,
    ],
    [
      "with an unknown format",
      (h) => void (tensorOf(h, csr).format = "toString"),
      /format is "toString"/,
    ],
    [
      "with a sparse int32",
      (h) => void (tensorOf(h, csr).dtype = "int32"),
      /dtype is "int32"; expected one of float32/,
    ],
    [
      "with a shape whose product overflows",
      (h) => void (tensorOf(h, csr).shape = [65536, 65536]),
      /overflows/,
    ],
    [
      "with an input whose product overflows",
      (h) => void (h.graph.inputs[0].shape = ["b", 65536, 65536]),
      /overflows/,
    ],
    ["with a negative size", (h) => void (tensorOf(h, csr).shape = [-6, 5]), /shape\[0\] is -6/],
    [
      "with a size of 1e999",
      (h) => JSON.stringify(h).replace('"shape":[3]', '"shape":[1e999]'),
      /is Infinity/,
    ],
    [
      "with another shape",
      (h) => void (tensorOf(h, csr).shape = [5, 6]),
      /constant 'csr'.*: rowPtr has 7 elements; expected 6/,
    ],
    [
      "with a smaller shape",
      (h) => void (tensorOf(h, csr).shape = [6, 3]),
      /constant 'csr'.*: colIdx\[\d+\] is [34]/,
    ],
    [
      "with a dense shape too small",
      (h) => void (tensorOf(h, ints).shape = [2]),
      /needs 2 values, there are 3/,
    ],
    [
      "with blocks of no columns",
      (h) => void (tensorOf(h, 1).blockShape = [1, 0]),
      /blockShape is \[1,0\]/,
    ],
    ["with blocks of one size", (h) => void (tensorOf(h, 1).blockShape = [5]), /blockShape is \[5\]/],
    ["with indices of 0 bits", (h) => void (sectionOf(h, csr, "colIdx").bits = 0), /indices of 0 bits/],
    ["with indices of 40 bits", (h) => void (sectionOf(h, csr, "colIdx").bits = 40), /bits is 40/],
    [
      "with more indices than bytes",
      (h) => void (sectionOf(h, csr, "colIdx").count = 2 ** 28),
      /268435456 indices/,
    ],
    [
      "with an offset outside",
      (h) => void (sectionOf(h, csr, "values").offset = 2 ** 40),
      /offset is 1099511627776/,
    ],
    [
      "with sections that overlap",
      (h) => void (sectionOf(h, csr, "values").offset = 0),
      /offset is 0; expected/,
    ],
    ["with a negative offset", (h) => void (sectionOf(h, csr, "rowPtr").offset = -64), /offset is -64/],
    ["with a length outside", (h) => void (sectionOf(h, csr, "rowPtr").length = 2 ** 40), /cut off/],
    [
      "with a fractional length",
      (h) => void (sectionOf(h, csr, "rowPtr").length = 1.5),
      /length is 1.5/,
    ],
    ["without a section", (h) => delete tensorOf(h, csr).sections.colIdx, /section colIdx is missing/],
    ["without a hash", (h) => delete sectionOf(h, csr, "values").sha256, /sha256 is missing/],
    ["that drops a tensor", (h) => h.tensors.splice(-2), /is \d+ bytes long; expected/],
    [
      "with a value made twice",
      (h) => void (h.graph.nodes[0].outputs[1] = "y"),
      /'y' is already made by/,
    ],
    ["with a value made by no one", (h) => void (h.graph.nodes[0].inputs[0] = "ghost"), /reads 'ghost'/],
    ["with an output made by no one", (h) => void (h.graph.outputs[0].name = "ghost"), /output 'ghost'/],
    [
      "with two nodes of one name",
      (h) => h.graph.nodes.push({ ...h.graph.nodes[0], outputs: [] }),
      /same name/,
    ],
  ])("%s is refused", async (_, change, message) => {
    await expect(readModel(forge(change))).rejects.toThrow(modelError(message));
  });

  test("with any field replaced by anything, it is refused with a ModelError or read", async () => {
    const junk = fc.oneof(
      fc.constantFrom(
        null,
        true,
        -1,
        0.5,
        0,
        1,
        2 ** 31,
        2 ** 53,
        1e300,
        "",
        "x",
        "__proto__",
        "csr",
        [],
        {},
      ),
      fc.constantFrom<unknown>(
        [[]],
        [null],
        [1, -1],
        [2 ** 30, 2 ** 30],
        { tensor: 0 },
        { number: "NaN" },
      ),
    );
    let [refused, read] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), junk, async (path, value) => {
        await readModel(forge((header) => replaceAt(header, path, value))).then(
          () => read++,
          (error) => {
            expect(error.name, error.stack).toBe("ModelError");
            refused++;
          },
        );
      }),
      { numRuns: 1500 },
    );
    expect(Math.min(refused, read)).toBeGreaterThan(50); // both happen: names and meta may be anything
  });

  /** Walks down: each number chooses a field of what it has reached. */
  function replaceAt(header: Header, path: readonly number[], value: unknown): void {
    let at = header;
    for (const [depth, choice] of path.entries()) {
      const fields = Object.keys(at);
      const field = fields[choice % fields.length];
      const isLeaf =
        typeof at[field] !== "object" || at[field] === null || !Object.keys(at[field]).length;
      if (isLeaf || depth === path.length - 1) {
        at[field] = value;
        return;
      }
      at = at[field];
    }
  }

  const tensorOf = (header: Header, constant: number) =>
    header.tensors[header.graph.constants[constant].tensor];
  const sectionOf = (header: Header, constant: number, name: string) =>
    tensorOf(header, constant).sections[name];
});

describe("writeModel refuses what could not be read back", () => {
  const graph = tinyClassifier();
  test.each<[claim: string, graph: Graph, meta: Record<string, unknown>, message: RegExp]>([
    ["a weight with a bad index", spoiled(), {}, /constant 'stem.weight': colIdx\[0\] is 99/],
    [
      "a graph that reads what is not there",
      { ...graph, nodes: graph.nodes.slice(1) },
      {},
      /reads 'stem.out'/,
    ],
    ["meta with a function", graph, { f: () => 1 }, /meta.f is .*; expected what JSON can hold/],
    [
      "meta with a date",
      graph,
      { at: new Date(0) },
      /meta.at is an object; expected what JSON can hold/,
    ],
    ["meta with NaN", graph, { loss: [Number.NaN] }, /meta.loss.0 is NaN/],
    [
      "values that are too few",
      withConstant("fc.bias", { dtype: "float32", shape: [5], data: new Float32Array(4) }),
      {},
      /needs 5 values/,
    ],
    [
      "values of another type",
      withConstant("fc.bias", { dtype: "int32", shape: [5], data: new Float32Array(5) }),
      {},
      /int32 is held by a Float32Array/,
    ],
  ])("%s", async (_, bad, meta, message) => {
    await expect(writeModel(bad, meta)).rejects.toThrow(modelError(message));
  });

  function withConstant(name: string, constant: object): Graph {
    const constants = new Map(tinyClassifier().constants).set(
      name,
      constant as ReturnType<typeof tensor>,
    );
    return { ...tinyClassifier(), constants };
  }

  function spoiled(): Graph {
    const weight = tinyClassifier().constants.get("stem.weight") as { colIdx: Int32Array };
    return withConstant("stem.weight", { ...weight, colIdx: weight.colIdx.with(0, 99) });
  }
});

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function nest(depth: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = { value };
  return value;
}
