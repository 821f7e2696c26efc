/** Operators that work element by element: in whatever layout their inputs lie. */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import type { builtinOperators } from "../../import/tflite/schema.ts";
import { type Emitter, imageAxes, type Layout, type OptionsDraft, transposed } from "./emitter.ts";

type Builtin = keyof typeof builtinOperators;

export const elementwise = {
  Add: binary("ADD", "AddOptions"),
  Sub: binary("SUB", "SubOptions"),
  Mul: binary("MUL", "MulOptions"),
  Div: binary("DIV", "DivOptions"),
  Relu: unary("RELU"),
  Sigmoid: unary("LOGISTIC"),
  Tanh: unary("TANH"),
  Abs: unary("ABS"),
  Exp: unary("EXP"),
  Log: unary("LOG"),
  Neg: unary("NEG"),
  Sqrt: unary("SQRT"),
  HardSwish: unary("HARD_SWISH", () => ({ kind: "HardSwishOptions" })),
  Gelu: unary("GELU", ({ attrs }) => ({
    kind: "GeluOptions",
    approximate: attrs.approximate === "tanh" ? 1 : 0,
  })),

  LeakyRelu: unary("LEAKY_RELU", ({ attrs }) => ({
    kind: "LeakyReluOptions",
    alpha: (attrs.alpha as number | undefined) ?? 0.01,
  })),

  /** x sigmoid(alpha x) */
  Swish(node: Node, emitter: Emitter): void {
    const [x] = node.inputs;
    const { alpha = 1 } = node.attrs as { alpha?: number };
    const layout = emitter.layoutOf(x);
    const from = emitter.tensorOf(x, layout);
    const shape = emitter.shapeInFile(from);
    const sigmoid = emitter.temporary(shape);
    let gate = from;
    if (alpha !== 1) {
      gate = emitter.temporary(shape);
      const factor = emitter.constant(tensor([1], Float32Array.of(alpha)));
      emitter.add("MUL", [from, factor], gate, { kind: "MulOptions" });
    }
    emitter.add("LOGISTIC", [gate], sigmoid);
    emitter.add("MUL", [from, sigmoid], emitter.define(node.outputs[0], layout), { kind: "MulOptions" });
  },

  Clip(node: Node, emitter: Emitter): void {
    const [x, low, high] = node.inputs;
    const limit = (name: string | undefined, absent: number) =>
      (name ? emitter.constantOf(name)?.data[0] : undefined) ?? absent;
    const [from, to] = [limit(low, -Infinity), limit(high, Infinity)];
    const layout = emitter.layoutOf(x);
    const value = emitter.tensorOf(x, layout);
    const y = emitter.define(node.outputs[0], layout);
    if (from === 0 && (to === 6 || to === Infinity)) {
      emitter.add(to === 6 ? "RELU6" : "RELU", [value], y);
      return;
    }
    const lower = emitter.temporary(emitter.shapeInFile(value));
    const constant = (number: number) => emitter.constant(tensor([1], Float32Array.of(number)));
    emitter.add("MAXIMUM", [value, constant(from)], lower, { kind: "MaximumMinimumOptions" });
    emitter.add("MINIMUM", [lower, constant(to)], y, { kind: "MaximumMinimumOptions" });
  },
};

function unary(operator: Builtin, options?: (node: Node) => OptionsDraft) {
  return (node: Node, emitter: Emitter): void => {
    const layout = emitter.layoutOf(node.inputs[0]);
    const x = emitter.tensorOf(node.inputs[0], layout);
    emitter.add(operator, [x], emitter.define(node.outputs[0], layout), options?.(node));
  };
}

function binary(operator: Builtin, kind: "AddOptions" | "SubOptions" | "MulOptions" | "DivOptions") {
  return (node: Node, emitter: Emitter): void => {
    const layout = commonLayout(node.inputs, emitter);
    const inputs = node.inputs.map((value) => operandOf(value, layout, emitter));
    const { activation, output } = emitter.fusionOf(node);
    emitter.add(operator, inputs, emitter.define(output, layout), { kind, activation });
  };
}

/** Images stay images if each input is one or a constant that can be put in their order. */
export function commonLayout(values: readonly string[], emitter: Emitter): Layout {
  const computed = values.filter((value) => !emitter.constantOf(value));
  const isImage = (value: string) => emitter.layoutOf(value) === "image";
  const fit = computed.every((value) => emitter.shapeOf(value).length === 4);
  return fit && computed.some(isImage) ? "image" : "plain";
}

/** Constants of fewer dimensions broadcast from the right, which is another end in an image's order. */
export function operandOf(value: string, layout: Layout, emitter: Emitter): number {
  const constant = emitter.constantOf(value);
  if (!constant || layout === "plain") return emitter.tensorOf(value, layout);
  const shape = [...new Array<number>(4 - constant.shape.length).fill(1), ...constant.shape];
  return emitter.constant(transposed({ ...constant, shape } as Tensor, imageAxes));
}
