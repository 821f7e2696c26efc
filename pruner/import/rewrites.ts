/** What other opsets write differently, rewritten to the form of opset 17. (Softmax: see legacy-softmax.ts.) */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Attr, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

/** What a rewrite may look at, and where it leaves new constants. */
export interface Rewriting {
  readonly opset: number;
  readonly constants: ReadonlyMap<string, Tensor>;
  isRead(value: string): boolean;
  /** Adds a constant and returns its name: `base`, with a number behind it where that is taken. */
  addConstant(base: string, value: Tensor): string;
}

type Rewrite = (node: Node, rewriting: Rewriting) => Node;

export const rewrites: Readonly<Record<string, Rewrite>> = {
  /** Opset 7 has `spatial`; only 1, one statistic for each channel, is what later opsets mean. */
  BatchNormalization(node) {
    const { spatial, ...attrs } = node.attrs;
    if (spatial !== undefined && spatial !== 1) throw refused(node, `spatial is ${spatial}; expected 1`);
    return { ...node, attrs };
  },

  /** Before opset 11 the range is two attributes. */
  Clip(node, rewriting) {
    if (rewriting.opset >= 11) return node;
    const { min, max, ...attrs } = node.attrs;
    const low = scalar(node, rewriting, "min", min);
    const high = scalar(node, rewriting, "max", max);
    return { ...node, attrs, inputs: trimmed([...node.inputs.slice(0, 1), low, high]) };
  },

  /** At inference the values pass through. */
  Dropout(node, { constants, isRead }) {
    const training = node.inputs[2] ? constants.get(node.inputs[2]) : undefined;
    if (node.inputs[2] && training?.data[0] !== 0) {
      throw refused(
        node,
        "training_mode is set, or not known before running; export the model for inference",
      );
    }
    const [, mask = ""] = node.outputs;
    if (mask !== "" && isRead(mask))
      throw refused(node, `the mask '${mask}' is read; expected no second output`);
    return {
      ...node,
      op: "Identity",
      inputs: node.inputs.slice(0, 1),
      outputs: node.outputs.slice(0, 1),
      attrs: {},
    };
  },

  /** Before opset 11 pads and value are attributes. */
  Pad(node, rewriting) {
    if (rewriting.opset >= 11) return node;
    const { pads, value, ...attrs } = node.attrs;
    return {
      ...node,
      attrs,
      inputs: trimmed([
        ...node.inputs.slice(0, 1),
        vector(node, rewriting, "pads", pads),
        scalar(node, rewriting, "value", value),
      ]),
    };
  },

  /** From opset 18 the axes are an input; no axes with noop_with_empty_axes means that nothing is reduced. */
  ReduceMean(node, { opset, constants }) {
    if (opset < 18) return node;
    const { noop_with_empty_axes: noop, ...attrs } = node.attrs;
    const given = node.inputs[1] ? constants.get(node.inputs[1]) : undefined;
    if (node.inputs[1] && !given)
      throw refused(node, `axes '${node.inputs[1]}' is computed while running`);
    const axes = Array.from(given?.data ?? []);
    const inputs = node.inputs.slice(0, 1);
    if (axes.length === 0 && noop) return { ...node, op: "Identity", inputs, attrs: {} };
    return { ...node, inputs, attrs: axes.length > 0 ? { ...attrs, axes } : attrs };
  },

  /** In opset 10 a Resize has no ways to find a place but one. */
  Resize(node, { opset }) {
    return opset >= 11 ? node : upsampled(node, node.inputs[1] ?? "");
  },

  /** Before opset 10 the ranges are attributes. */
  Slice(node, rewriting) {
    if (rewriting.opset >= 10) return node;
    const { starts, ends, axes, ...attrs } = node.attrs;
    return {
      ...node,
      attrs,
      inputs: trimmed([
        ...node.inputs.slice(0, 1),
        vector(node, rewriting, "starts", starts),
        vector(node, rewriting, "ends", ends),
        vector(node, rewriting, "axes", axes),
      ]),
    };
  },

  /** Before opset 13 the sizes are an attribute. */
  Split(node, rewriting) {
    if (rewriting.opset >= 13) return node;
    const { split, ...attrs } = node.attrs;
    const sizes = vector(node, rewriting, "split", split);
    return { ...node, attrs, inputs: trimmed([...node.inputs.slice(0, 1), sizes]) };
  },

  Squeeze: axesAttributeToInput,
  Unsqueeze: axesAttributeToInput,

  /** What a Resize was called before opset 10; its scales are an attribute before opset 9. */
  Upsample(node, rewriting) {
    const { scales, ...attrs } = node.attrs;
    if (scales === undefined) return upsampled(node, node.inputs[1] ?? "");
    if (!Array.isArray(scales)) throw refused(node, '"scales" is not a list');
    const value = tensor([scales.length], Float32Array.from(scales));
    const name = rewriting.addConstant(`${node.name}.scales`, value);
    return upsampled({ ...node, attrs }, name);
  },
};

/** The Resize that enlarges as they did before opset 11. */
function upsampled(node: Node, scales: string): Node {
  const attrs = { ...node.attrs, coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  return { ...node, op: "Resize", inputs: [node.inputs[0], "", scales], attrs };
}

/** Before opset 13 the axes are an attribute. */
function axesAttributeToInput(node: Node, rewriting: Rewriting): Node {
  if (rewriting.opset >= 13) return node;
  const { axes, ...attrs } = node.attrs;
  const input = vector(node, rewriting, "axes", axes);
  return { ...node, attrs, inputs: trimmed([...node.inputs.slice(0, 1), input]) };
}

function vector(node: Node, rewriting: Rewriting, what: string, attr: Attr | undefined): string {
  if (attr === undefined) return "";
  if (!Array.isArray(attr) || !attr.every(Number.isInteger))
    throw refused(node, `"${what}" is not a list of int`);
  return rewriting.addConstant(
    `${node.name}.${what}`,
    tensor([attr.length], Int32Array.from(attr), "int32"),
  );
}

function scalar(node: Node, rewriting: Rewriting, what: string, attr: Attr | undefined): string {
  if (attr === undefined) return "";
  if (typeof attr !== "number") throw refused(node, `"${what}" is not a number`);
  return rewriting.addConstant(`${node.name}.${what}`, tensor([], Float32Array.of(attr)));
}

function trimmed(inputs: string[]): string[] {
  while (inputs.at(-1) === "") inputs.pop();
  return inputs;
}

function refused(node: Node, message: string): ModelError {
  return new ModelError(`${nodeName(node)}: ${message}`);
}
