/** Operators that work element by element: in whatever layout their inputs lie. */
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import {
  type FileNode,
  fail,
  imageAxes,
  type Layout,
  optionsOf,
  type TfliteReader,
  transposed,
} from "./reader.ts";
import { activations } from "./schema.ts";

export const elementwise = {
  ADD: binary("Add", "AddOptions"),
  SUB: binary("Sub", "SubOptions"),
  MUL: binary("Mul", "MulOptions"),
  DIV: binary("Div", "DivOptions"),
  POW: binary("Pow"),
  RELU: unary("Relu"),
  LOGISTIC: unary("Sigmoid"),
  TANH: unary("Tanh"),
  ABS: unary("Abs"),
  CEIL: unary("Ceil"),
  COS: unary("Cos"),
  ELU: unary("Elu"),
  EXP: unary("Exp"),
  FLOOR: unary("Floor"),
  LOG: unary("Log"),
  NEG: unary("Neg"),
  ROUND: unary("Round"),
  SIN: unary("Sin"),
  SQRT: unary("Sqrt"),
  HARD_SWISH: unary("HardSwish"),
  RELU_N1_TO_1: (node: FileNode, reader: TfliteReader) => clip(node, reader, -1, 1),
  RELU_0_TO_1: (node: FileNode, reader: TfliteReader) => clip(node, reader, 0, 1),
  RELU6: (node: FileNode, reader: TfliteReader) => clip(node, reader, 0, 6),

  /** 1 / sqrt(x) */
  RSQRT(node: FileNode, reader: TfliteReader): void {
    const layout = reader.layoutOf(node.inputs[0]);
    const x = reader.valueOf(node.inputs[0], layout);
    const root = reader.add("Sqrt", [x], {}, `${node.name}/root`);
    reader.make(node, layout, "Reciprocal", [root]);
  },

  SQUARE(node: FileNode, reader: TfliteReader): void {
    const layout = reader.layoutOf(node.inputs[0]);
    const x = reader.valueOf(node.inputs[0], layout);
    reader.make(node, layout, "Mul", [x, x]);
  },

  /** The slopes broadcast to x. */
  PRELU: binary("PRelu"),

  SQUARED_DIFFERENCE(node: FileNode, reader: TfliteReader): void {
    const layout = commonLayout(node.inputs, reader);
    const inputs = node.inputs.map((place) => operandOf(place, layout, reader));
    const difference = reader.add("Sub", inputs, {}, `${node.name}/difference`);
    reader.make(node, layout, "Mul", [difference, difference]);
  },

  GELU(node: FileNode, reader: TfliteReader): void {
    const approximate = optionsOf(node, "GeluOptions").approximate ? "tanh" : "none";
    const layout = reader.layoutOf(node.inputs[0]);
    reader.make(node, layout, "Gelu", [reader.valueOf(node.inputs[0], layout)], { approximate });
  },

  LEAKY_RELU(node: FileNode, reader: TfliteReader): void {
    const { alpha } = optionsOf(node, "LeakyReluOptions");
    const layout = reader.layoutOf(node.inputs[0]);
    reader.make(node, layout, "LeakyRelu", [reader.valueOf(node.inputs[0], layout)], { alpha });
  },

  MAXIMUM: (node: FileNode, reader: TfliteReader) => {
    const bound = boundOf(node, reader);
    if (bound === undefined) binary("Max")(node, reader);
    else clip(node, reader, bound, undefined);
  },
  MINIMUM: (node: FileNode, reader: TfliteReader) => {
    const bound = boundOf(node, reader);
    if (bound === undefined) binary("Min")(node, reader);
    else clip(node, reader, undefined, bound);
  },

  SOFTMAX(node: FileNode, reader: TfliteReader): void {
    const { beta } = optionsOf(node, "SoftmaxOptions");
    if (beta !== 1) fail(node, `beta is ${beta}; supported: 1`);
    const layout = reader.layoutOf(node.inputs[0]);
    const axis = layout === "image" ? 1 : -1;
    reader.make(node, layout, "Softmax", [reader.valueOf(node.inputs[0], layout)], { axis });
  },
};

function unary(op: string) {
  return (node: FileNode, reader: TfliteReader): void => {
    const layout = reader.layoutOf(node.inputs[0]);
    reader.make(node, layout, op, [reader.valueOf(node.inputs[0], layout)]);
  };
}

function binary(op: string, kind?: "AddOptions" | "SubOptions" | "MulOptions" | "DivOptions") {
  return (node: FileNode, reader: TfliteReader): void => {
    const layout = commonLayout(node.inputs, reader);
    const inputs = node.inputs.map((place) => operandOf(place, layout, reader));
    const activation = kind && node.options ? optionsOf(node, kind).activation : activations.none;
    reader.make(node, layout, op, inputs, {}, activation);
  };
}

/** Images stay images if each input is one or a constant that can be put in their order. */
export function commonLayout(places: readonly number[], reader: TfliteReader): Layout {
  const computed = places.filter((place) => !reader.constantOf(place));
  const fit = computed.every((place) => reader.shapeOf(place).length === 4);
  return fit && computed.some((place) => reader.layoutOf(place) === "image") ? "image" : "plain";
}

/** Constants of fewer dimensions broadcast from the right, which is another end in the Graph's order. */
export function operandOf(place: number, layout: Layout, reader: TfliteReader): string {
  const constant = reader.constantOf(place);
  if (!constant || layout === "plain") return reader.valueOf(place, layout);
  if (constant.data.length === 1) return reader.valueOf(place, "plain");
  const shape = [...new Array<number>(4 - constant.shape.length).fill(1), ...constant.shape];
  const inOrder = transposed({ ...constant, shape } as Tensor, imageAxes);
  return reader.addConstant(`operand_${place}`, inOrder);
}

/** The one number that a value is compared with, where it is one. */
function boundOf(node: FileNode, reader: TfliteReader): number | undefined {
  const bound = node.inputs.length === 2 ? reader.constantOf(node.inputs[1]) : undefined;
  return bound?.data.length === 1 ? bound.data[0] : undefined;
}

function clip(node: FileNode, reader: TfliteReader, low?: number, high?: number): void {
  const layout = reader.layoutOf(node.inputs[0]);
  const bound = (value: number | undefined) =>
    value === undefined
      ? ""
      : reader.addConstant(`${node.name}/${value}`, tensor([], Float32Array.of(value)));
  const inputs = [reader.valueOf(node.inputs[0], layout), bound(low)];
  if (high !== undefined) inputs.push(bound(high));
  reader.make(node, layout, "Clip", inputs);
}
