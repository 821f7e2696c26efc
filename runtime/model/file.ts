/**
 * The file `.filigree`. This comment is its specification; numbers are little-endian.
 *
 *      0  8 bytes  "FILIGREE"
 *      8  u32      version: 1
 *     12  u32      length of the header in bytes
 *     16  32 bytes SHA-256 of the header
 *     48           the header, JSON in UTF-8, then zeros up to a multiple of 64: here the data begins
 *    data          sections, each at a multiple of 64 with zeros before it; the last one ends the file
 *
 * The header is `{ graph, tensors, meta }`.
 * - `graph`: `{ name, inputs, outputs, nodes, constants }` in ONNX's words. inputs and outputs:
 *   `{ name, dtype, shape }`, where a string in a shape is a size given at load. nodes, in running
 *   order: `{ name, op, inputs, outputs, attrs }`; an attribute is a number, a string, a list of
 *   either, `{ "tensor": i }`, or, for what JSON cannot say, `{ "number": "NaN" | "Infinity" |
 *   "-Infinity" | "-0" }`. constants: `{ name, tensor: i }`, i being an index into `tensors`.
 * - `tensors`: `{ name, format, dtype, shape, sections }`. The name is for messages. dtype is float32, int32, uint8 or bool (a byte).
 *   Sections by format, stored in this order (`sparse/format.ts` describes the layouts):
 *     dense          values (row-major)
 *     block          rowPtr, colIdx, values; and the field `blockShape`: [rows, cols]
 *     n:m            indices, values; and the fields `n`, `m` and, where it is not 1, `rows`
 *     unstructured   rowPtr, colIdx, values
 *   A section is `{ offset, length, sha256 }`: bytes from the beginning of the data, bytes, hex.
 *   rowPtr, colIdx and indices also have `{ bits, count }`: `count` numbers of `bits` bits each, one
 *   after the other, lowest bit first.
 * - `meta`: any JSON object; how the model came about.
 */
import { checkGraph } from "./check-graph.ts";
import { ModelError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { type Constant, graphFromJson, graphToJson, type Section, shapeFromJson } from "./header.ts";
import * as json from "./json.ts";
import { digest, hex } from "./sha256.ts";
import { checkWeight, formats, indexParts } from "./sparse/index.ts";
import { bitsOf, packedBytes, packIndices, unpackIndices } from "./sparse/packed.ts";
import { bytesPerElement, dtypes, maxElements, viewOf } from "./tensor.ts";

export interface Model {
  readonly graph: Graph;
  readonly meta: Readonly<Record<string, unknown>>;
}

const magic = new TextEncoder().encode("FILIGREE");
const version = 1;
const headerStart = 48;

/** The bytes of a model file. Throws a ModelError on a graph or a constant that could not be read back. */
export async function writeModel(graph: Graph, meta: Record<string, unknown> = {}): Promise<Uint8Array> {
  checkGraph(graph);
  json.checkJson(meta, "meta");
  const tensors = new Map<Constant, { index: number; what: string }>();
  const indexOf = (constant: Constant, what: string) => {
    if (!tensors.has(constant)) tensors.set(constant, { index: tensors.size, what });
    return tensors.get(constant)!.index;
  };
  const graphJson = graphToJson(graph, { indexOf });
  const sections: { offset: number; bytes: Uint8Array }[] = [];
  let end = 0;
  const addSection = async (bytes: Uint8Array): Promise<Section> => {
    const offset = align(end);
    sections.push({ offset, bytes });
    end = offset + bytes.length;
    return { offset, length: bytes.length, sha256: hex(await digest(bytes)) };
  };
  const tensorsJson: unknown[] = [];
  for (const [constant, { what }] of tensors) {
    checkWeight(constant, what);
    tensorsJson.push({ name: what, ...(await tensorToJson(constant, addSection)) });
  }
  const header = new TextEncoder().encode(
    JSON.stringify({ graph: graphJson, tensors: tensorsJson, meta }),
  );
  const dataStart = align(headerStart + header.length);
  const file = new Uint8Array(dataStart + end);
  file.set(magic);
  const view = new DataView(file.buffer);
  view.setUint32(8, version, true);
  view.setUint32(12, header.length, true);
  file.set(await digest(header), 16);
  file.set(header, headerStart);
  for (const { offset, bytes } of sections) file.set(bytes, dataStart + offset);
  return file;
}

/**
 * The model in a file. Values are views of `bytes`, which must not change afterwards (one copy is made
 * where `bytes` is not aligned to 4 in its buffer, or shared). Everything is checked before it is
 * trusted: throws a ModelError that names the section or field, what was found and what was expected.
 */
export async function readModel(bytes: Uint8Array): Promise<Model> {
  const isUsable = bytes.buffer instanceof ArrayBuffer && bytes.byteOffset % 4 === 0;
  const file = isUsable ? bytes : new Uint8Array(bytes);
  const { header, dataStart } = await readHeader(file);
  const takeSection = sectionReader(file, dataStart);
  const tensors: Constant[] = [];
  for (const [i, entry] of json.asArray(header.tensors, "header: tensors").entries()) {
    const { name } = json.asRecord(entry, `header: tensors[${i}]`);
    const what = `${json.asString(name, `header: tensors[${i}].name`)} (tensors[${i}])`;
    const constant = await tensorFromJson(entry, what, takeSection.next);
    checkWeight(constant, what);
    tensors.push(constant);
  }
  takeSection.end();
  const graph = graphFromJson(header.graph, {
    at: (index, what) =>
      tensors[index] ??
      json.fail(`${what}: its tensor`, `${index}`, `one of the ${tensors.length} stored`),
  });
  checkGraph(graph);
  const meta = json.asRecord(header.meta, "header: meta");
  json.checkJson(meta, "header: meta");
  return { graph, meta };
}

/** What tells one model from another: the hash of its header, which holds the hashes of all else. */
export function modelHash(file: Uint8Array): string {
  return hex(file.subarray(16, headerStart));
}

async function readHeader(file: Uint8Array) {
  if (magic.some((byte, i) => file[i] !== byte)) {
    throw new ModelError(
      `not a model file: it does not start with FILIGREE (${file.length} bytes); was it the right URL?`,
    );
  }
  if (file.length < headerStart) {
    throw new ModelError(
      `model file: cut off after ${file.length} bytes; expected at least ${headerStart}`,
    );
  }
  const view = new DataView(file.buffer, file.byteOffset, headerStart);
  const found = view.getUint32(8, true);
  if (found !== version) {
    throw new ModelError(`model file: version ${found}; this is a reader of version ${version}`);
  }
  const length = view.getUint32(12, true);
  const dataStart = align(headerStart + length);
  if (dataStart > file.length) {
    throw new ModelError(
      `model file: the header should end at byte ${dataStart}; the file has ${file.length} bytes`,
    );
  }
  const text = file.subarray(headerStart, headerStart + length);
  checkHash(await digest(text), hex(file.subarray(16, headerStart)), "header");
  checkZeros(file.subarray(headerStart + length, dataStart), "header");
  return { header: json.asRecord(parse(text), "header"), dataStart };
}

/** Takes the sections in the order of the file, so that none overlaps another and nothing lies between. */
function sectionReader(file: Uint8Array, dataStart: number) {
  let end = dataStart;
  return {
    async next(value: unknown, what: string): Promise<Uint8Array> {
      const { offset, length, sha256 } = json.asRecord(value, what);
      const start = align(end);
      checkZeros(file.subarray(end, start), what);
      if (offset !== start - dataStart) {
        json.fail(
          `${what}: offset`,
          json.show(offset),
          `${start - dataStart}, where the section before ends`,
        );
      }
      end = start + json.asCount(length, `${what}: length`);
      if (end > file.length) {
        json.fail(
          what,
          `cut off: it ends at byte ${end}`,
          `at most ${file.length}, the size of the file`,
        );
      }
      const bytes = file.subarray(start, end);
      checkHash(await digest(bytes), json.asString(sha256, `${what}: sha256`), what);
      return bytes;
    },
    end() {
      if (end !== file.length) {
        json.fail("model file", `${file.length} bytes long`, `${end}, the end of the last section`);
      }
    },
  };
}

async function tensorToJson(constant: Constant, addSection: (bytes: Uint8Array) => Promise<Section>) {
  const sections: Record<string, Section> = {};
  if (!("format" in constant)) {
    const { dtype, shape, data } = constant;
    sections.values = await addSection(bytesOf(data));
    return { format: "dense", dtype, shape, sections };
  }
  for (const [name, indices] of indexParts(constant)) {
    const bits = bitsOf(indices);
    sections[name] = { ...(await addSection(packIndices(indices, bits))), bits, count: indices.length };
  }
  sections.values = await addSection(bytesOf(constant.values));
  const { format, shape } = constant;
  const common = { format, dtype: "float32", shape, sections };
  if (constant.format === "block") return { ...common, blockShape: constant.blockShape };
  if (constant.format === "n:m") {
    const { n, m, rows } = constant;
    return rows === undefined ? { ...common, n, m } : { ...common, n, m, rows };
  }
  return common;
}

async function tensorFromJson(
  value: unknown,
  what: string,
  takeSection: (value: unknown, what: string) => Promise<Uint8Array>,
): Promise<Constant> {
  const entry = json.asRecord(value, what);
  const sections = json.asRecord(entry.sections, `${what}.sections`);
  const shape = shapeFromJson(entry.shape, `${what}.shape`);
  const formatNames = ["dense", ...Object.keys(formats)] as ("dense" | keyof typeof formats)[];
  const format = json.asOneOf(entry.format, formatNames, `${what}.format`);
  const dtype = json.asOneOf(entry.dtype, format === "dense" ? dtypes : ["float32"], `${what}.dtype`);
  const values = async <D extends typeof dtype>(type: D) => {
    const section = `${what} section values`;
    const bytes = await takeSection(sections.values, section);
    const size = bytesPerElement(type);
    if (bytes.length % size) json.fail(`${section}: length`, `${bytes.length}`, `a multiple of ${size}`);
    return viewOf(type, bytes.buffer, bytes.byteOffset, bytes.length / size);
  };
  const indices = async (
    name: string,
    array: typeof Int32Array | typeof Uint8Array,
    maxBits: number,
  ) => {
    const section = `${what} section ${name}`;
    const part = json.asRecord(sections[name], section);
    const bits = json.asCount(part.bits, `${section}: bits`, maxBits);
    const count = json.asCount(part.count, `${section}: count`, maxElements);
    const bytes = await takeSection(part, section);
    if (bits < 1 || bytes.length !== packedBytes(count, bits)) {
      json.fail(section, `${bytes.length} bytes for ${count} indices of ${bits} bits`, "what they need");
    }
    return unpackIndices(bytes, bits, new array(count));
  };
  const rows = async () => ({
    rowPtr: (await indices("rowPtr", Int32Array, 31)) as Int32Array,
    colIdx: (await indices("colIdx", Int32Array, 31)) as Int32Array,
  });
  if (format === "dense") return { dtype, shape, data: await values(dtype) };
  if (format === "unstructured")
    return { format, shape, ...(await rows()), values: await values("float32") };
  if (format === "block") {
    const blockShape = shapeFromJson(entry.blockShape, `${what}.blockShape`) as [number, number];
    return { format, shape, blockShape, ...(await rows()), values: await values("float32") };
  }
  return {
    format,
    shape,
    n: json.asCount(entry.n, `${what}.n`),
    m: json.asCount(entry.m, `${what}.m`),
    ...(entry.rows === undefined ? {} : { rows: json.asCount(entry.rows, `${what}.rows`) }),
    indices: (await indices("indices", Uint8Array, 8)) as Uint8Array,
    values: await values("float32"),
  };
}

function parse(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (error) {
    throw new ModelError(`header: not JSON: ${(error as Error).message}`);
  }
}

function checkHash(found: Uint8Array, expected: string, what: string): void {
  if (hex(found) !== expected) {
    json.fail(`${what}: SHA-256`, hex(found), `${expected}; the file is damaged: fetch it again`);
  }
}

function checkZeros(padding: Uint8Array, what: string): void {
  if (padding.some((byte) => byte !== 0)) json.fail(`${what}: padding`, "not zero", "zeros");
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The next multiple of 64: a cache line, and more than any SIMD load asks for. */
function align(offset: number): number {
  return Math.ceil(offset / 64) * 64;
}
