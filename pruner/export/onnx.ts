/**
 * Writes any Graph as an ONNX file, also with operators that the runtime does not know (training graphs have them).
 * What a Graph does not say (which numbers are floats, which int32 values ONNX wants as int64) is in the small
 * tables below. Sparse constants are written dense.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Attr, Graph, Node, ValueInfo } from "../../runtime/model/graph.ts";
import { decodeWeight } from "../../runtime/model/sparse/index.ts";
import { type DType, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import {
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "../import/onnx_pb.ts";
import { attributeTypes, dataTypes } from "../import/onnx-types.ts";

export interface ExportOptions {
  /**
   * By default 17, which is what the operators of a Graph mean, or 20 where there is a Gelu, which came with it. Of
   * the operators that changed since 17, reductions and Swish are written as `opset` has them.
   */
  readonly opset?: number;
  /** A size for the inputs' and outputs' first dimension, where that is open. */
  readonly batch?: number;
}

/** The bytes of the file. Weights that are stored sparse have their zeros in it, as other runtimes want them. */
export function exportOnnx(model: Graph, options: ExportOptions = {}): Uint8Array {
  const { opset = model.nodes.some(({ op }) => op === "Gelu") ? 20 : 17, batch } = options;
  const older = opset >= 24 ? model : withoutSwish(model);
  const graph = withAxesAsInputs(older, opset);
  const longs = int64Names(graph);
  const info = (value: ValueInfo) => exportInfo(value, longs, batch);
  const message = create(ModelProtoSchema, {
    irVersion: opset <= 17 ? 8n : opset <= 20 ? 9n : 10n,
    producerName: "filigree",
    opsetImport: [
      { domain: "", version: BigInt(opset) },
      ...[...new Set(graph.nodes.map(({ op }) => domainAndType(op)[0]))]
        .filter((domain) => domain !== "")
        .map((domain) => ({ domain, version: 1n })),
    ],
    graph: {
      name: graph.name,
      node: graph.nodes.map(exportNode),
      initializer: Array.from(graph.constants, ([name, constant]) =>
        exportTensor("format" in constant ? decodeWeight(constant) : constant, name, longs.has(name)),
      ),
      input: graph.inputs.map(info),
      output: graph.outputs.map(info),
    },
  });
  return toBinary(ModelProtoSchema, message);
}

/** Before opset 24 a Swish is written as x * sigmoid(αx). */
function withoutSwish(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === "Swish")) return graph;
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.op !== "Swish") return [node];
    const { name, inputs, outputs, attrs } = node;
    const [x, y] = [inputs[0], outputs[0]];
    const { alpha = 1 } = attrs as { alpha?: number };
    const scaled = alpha === 1 ? x : `${y}.scaled`;
    const gate = { name: `${name}.sigmoid`, op: "Sigmoid", inputs: [scaled], outputs: [`${y}.share`] };
    const product = { name, op: "Mul", inputs: [x, `${y}.share`], outputs };
    const parts = [gate, product];
    if (alpha !== 1) {
      constants.set(`${y}.alpha`, tensor([], Float32Array.of(alpha)));
      parts.unshift({ name: `${name}.scale`, op: "Mul", inputs: [x, `${y}.alpha`], outputs: [scaled] });
    }
    return parts.map((part) => ({ ...part, attrs: {} }));
  });
  return { ...graph, nodes, constants };
}

/** `axes` of reductions, an attribute here, are an input since opset 18, and those of ReduceSum since opset 13. */
function withAxesAsInputs(graph: Graph, opset: number): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node): Node => {
    const { axes, ...attrs } = node.attrs;
    const isInput = node.op === "ReduceSum" || (node.op.startsWith("Reduce") && opset >= 18);
    if (!isInput || axes === undefined) return node;
    const name = `${node.outputs[0]}.axes`;
    constants.set(name, tensor([(axes as number[]).length], Int32Array.from(axes as number[]), "int32"));
    return { ...node, inputs: [node.inputs[0], name], attrs };
  });
  return { ...graph, nodes, constants };
}

/** Inputs that ONNX wants as int64, where a Graph has int32: by operator, the places of the inputs. */
const int64Inputs: Readonly<Record<string, readonly number[]>> = {
  ConstantOfShape: [0],
  Expand: [1],
  GatherND: [1],
  OneHot: [1],
  Pad: [1, 3],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceLogSumExp: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [1],
  Resize: [3],
  ScatterND: [1],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Squeeze: [1],
  Tile: [1],
  TopK: [1],
  Trilu: [1],
  Unsqueeze: [1],
};

/** Results that ONNX makes as int64. */
const int64Outputs: Readonly<Record<string, readonly number[]>> = {
  ArgMax: [0],
  ArgMin: [0],
  NonZero: [0],
  Shape: [0],
  Size: [0],
  TopK: [1],
};

/** Attributes that are floats also where their value is a whole number. */
const floatAttrs = new Set(
  (
    "alpha beta bias gamma epsilon momentum lambd ratio high low mean scale scales seed sample_size clip " +
    "extrapolation_value cubic_coeff_a spatial_scale value_float value_floats norm_coefficient decay_factor"
  ).split(" "),
);

/** The values that must be written as int64 because an operator reads or makes them so. */
function int64Names(graph: Graph): Set<string> {
  const names = new Set<string>();
  for (const { op, inputs, outputs } of graph.nodes) {
    for (const place of int64Inputs[op] ?? []) if (inputs[place]) names.add(inputs[place]);
    for (const place of int64Outputs[op] ?? []) if (outputs[place]) names.add(outputs[place]);
  }
  return names;
}

/** An operator that is not of ONNX itself is named "domain:Type". */
function domainAndType(op: string): [domain: string, type: string] {
  const colon = op.indexOf(":");
  return [op.slice(0, Math.max(colon, 0)), op.slice(colon + 1)];
}

function exportNode(node: Node): MessageInitShape<typeof NodeProtoSchema> {
  const [domain, opType] = domainAndType(node.op);
  return {
    name: node.name,
    domain,
    opType,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attrs).map(([name, value]) => exportAttr(name, value)),
  };
}

function exportAttr(name: string, value: Attr): MessageInitShape<typeof AttributeProtoSchema> {
  const isFloat = (number: number) => floatAttrs.has(name) || !Number.isInteger(number);
  if (typeof value === "string") return { name, type: attributeTypes.string, s: utf8(value) };
  if (typeof value === "number") {
    if (isFloat(value)) return { name, type: attributeTypes.float, f: value };
    return { name, type: attributeTypes.int, i: BigInt(value) };
  }
  if ("dtype" in value) return { name, type: attributeTypes.tensor, t: exportTensor(value, "", false) };
  if (value.length > 0 && value.every((item) => typeof item === "string")) {
    return { name, type: attributeTypes.strings, strings: value.map(utf8) };
  }
  const numbers = value as readonly number[];
  if (floatAttrs.has(name) || numbers.some(isFloat)) {
    return { name, type: attributeTypes.floats, floats: [...numbers] };
  }
  return { name, type: attributeTypes.ints, ints: numbers.map(BigInt) };
}

const dataTypeOf: Record<DType, number> = {
  float32: dataTypes.float,
  int32: dataTypes.int32,
  uint8: dataTypes.uint8,
  bool: dataTypes.bool,
};

function exportTensor(
  { dtype, shape, data }: Tensor,
  name: string,
  asInt64: boolean,
): MessageInitShape<typeof TensorProtoSchema> {
  const wide = asInt64 && dtype === "int32";
  const values = wide ? BigInt64Array.from(data as Int32Array, BigInt) : data;
  return {
    name,
    dims: shape.map(BigInt),
    dataType: wide ? dataTypes.int64 : dataTypeOf[dtype],
    rawData: new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength),
  };
}

function exportInfo(
  { name, dtype, shape }: ValueInfo,
  longs: ReadonlySet<string>,
  batch: number | undefined,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = shape.map((size, axis) => {
    const known = typeof size === "string" && axis === 0 && batch !== undefined ? batch : size;
    return typeof known === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(known) } }
      : { value: { case: "dimParam" as const, value: known } };
  });
  const elemType = dtype === "int32" && longs.has(name) ? dataTypes.int64 : dataTypeOf[dtype];
  return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}
