/**
 * The JSON header of a model file: a graph without its bytes. `file.ts` says what the fields mean;
 * here they are made from a graph, and checked one by one on the way back.
 */
import type { Attr, Graph, Node, ValueInfo } from "./graph.ts";
import * as json from "./json.ts";
import type { SparseTensor } from "./sparse/format.ts";
import { dtypes, type Shape, sizeOf, type Tensor } from "./tensor.ts";

export type Constant = Tensor | SparseTensor;

export interface Section {
  readonly offset: number; // bytes from the end of the padded header; a multiple of 64
  readonly length: number; // bytes
  readonly sha256: string; // hex
  readonly bits?: number; // of each index, where the section is one of indices
  readonly count?: number; // of those indices
}

/** Turns stored tensors into numbers that stand for them in the JSON, and back. */
export interface TensorTable {
  indexOf(constant: Constant, what: string): number;
  at(index: number, what: string): Constant;
}

export function graphToJson(graph: Graph, tensors: Pick<TensorTable, "indexOf">): unknown {
  return {
    name: graph.name,
    inputs: graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    outputs: graph.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    nodes: graph.nodes.map((node) => ({
      name: node.name,
      op: node.op,
      inputs: node.inputs,
      outputs: node.outputs,
      attrs: mapRecord(node.attrs, (attr, key) =>
        attrToJson(attr, `node '${node.name}' attribute ${key}`, tensors),
      ),
    })),
    constants: Array.from(graph.constants, ([name, constant]) => ({
      name,
      tensor: tensors.indexOf(constant, `constant '${name}'`),
    })),
  };
}

export function graphFromJson(value: unknown, tensors: Pick<TensorTable, "at">): Graph {
  const graph = json.asRecord(value, "header: graph");
  const list = (field: string) => json.asArray(graph[field], `header: graph.${field}`);
  const constants = new Map<string, Constant>();
  list("constants").forEach((item, i) => {
    const what = `header: graph.constants[${i}]`;
    const entry = json.asRecord(item, what);
    const name = json.asString(entry.name, `${what}.name`);
    if (constants.has(name)) json.fail(`${what}.name`, `'${name}' again`, "names that differ");
    constants.set(name, tensors.at(json.asCount(entry.tensor, `${what}.tensor`), `constant '${name}'`));
  });
  return {
    name: json.asString(graph.name, "header: graph.name"),
    inputs: list("inputs").map((item, i) => valueFromJson(item, `header: graph.inputs[${i}]`)),
    outputs: list("outputs").map((item, i) => valueFromJson(item, `header: graph.outputs[${i}]`)),
    nodes: list("nodes").map((item, i) => nodeFromJson(item, `header: graph.nodes[${i}]`, tensors)),
    constants,
  };
}

export function shapeFromJson(value: unknown, what: string): Shape {
  const shape = json.asArray(value, what).map((dim, axis) => json.asCount(dim, `${what}[${axis}]`));
  sizeOf(shape, what);
  return shape;
}

function valueFromJson(value: unknown, what: string): ValueInfo {
  const info = json.asRecord(value, what);
  const shape = json
    .asArray(info.shape, `${what}.shape`)
    .map((dim, axis) => (typeof dim === "string" ? dim : json.asCount(dim, `${what}.shape[${axis}]`)));
  sizeOf(
    shape.filter((dim) => typeof dim === "number"),
    `${what}.shape`,
  );
  return {
    name: json.asString(info.name, `${what}.name`),
    dtype: json.asOneOf(info.dtype, dtypes, `${what}.dtype`),
    shape,
  };
}

function nodeFromJson(value: unknown, what: string, tensors: Pick<TensorTable, "at">): Node {
  const node = json.asRecord(value, what);
  const attrs = json.asRecord(node.attrs, `${what}.attrs`);
  return {
    name: json.asString(node.name, `${what}.name`),
    op: json.asString(node.op, `${what}.op`),
    inputs: json.asStrings(node.inputs, `${what}.inputs`),
    outputs: json.asStrings(node.outputs, `${what}.outputs`),
    attrs: mapRecord(attrs, (attr, key) => attrFromJson(attr, `${what}.attrs.${key}`, tensors)),
  };
}

function attrToJson(attr: Attr, what: string, tensors: Pick<TensorTable, "indexOf">): unknown {
  if (typeof attr === "string") return attr;
  if (typeof attr === "number") return numberToJson(attr);
  if (isList(attr)) return attr.map((item) => (typeof item === "number" ? numberToJson(item) : item));
  return { tensor: tensors.indexOf(attr, what) };
}

function attrFromJson(value: unknown, what: string, tensors: Pick<TensorTable, "at">): Attr {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) {
    const isText = value.length > 0 && typeof value[0] === "string";
    return isText
      ? json.asStrings(value, what)
      : value.map((item, i) => numberFromJson(item, `${what}[${i}]`));
  }
  if (typeof value === "number" || !Object.hasOwn(json.asRecord(value, what), "tensor")) {
    return numberFromJson(value, what);
  }
  const index = json.asCount((value as { tensor: unknown }).tensor, `${what}.tensor`);
  const constant = tensors.at(index, what);
  return "format" in constant ? json.fail(what, "a sparse tensor", "a dense one") : constant;
}

// JSON has no words for these four; ONNX attributes (Clip's bounds) do use them.
const unusual: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
  "-0": -0,
};

function numberToJson(value: number): unknown {
  const word = Object.keys(unusual).find((key) => Object.is(unusual[key], value));
  return word === undefined ? value : { number: word };
}

function numberFromJson(value: unknown, what: string): number {
  if (typeof value === "number") return value;
  const { number } = json.asRecord(value, what);
  return unusual[json.asOneOf(number, Object.keys(unusual), `${what}.number`)];
}

function isList(attr: Attr): attr is readonly number[] | readonly string[] {
  return Array.isArray(attr);
}

/** `Object.fromEntries` makes even "__proto__" a plain field. */
function mapRecord<A, B>(record: Readonly<Record<string, A>>, map: (value: A, key: string) => B) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
