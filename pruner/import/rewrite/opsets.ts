/** What other opsets write differently, rewritten to the form of opset 17. */
import type { Attr, Node } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { type Rewrite, type Rewriting, rankOf, refused, writerFor } from "./writer.ts";

/** Before opset 7 B lies along A from `axis` on, and only if `broadcast` is set. */
const aligned: Rewrite = (node, rewriting) => {
  const { broadcast, axis, ...attrs } = node.attrs;
  if (rewriting.opset >= 7 || (broadcast === undefined && axis === undefined)) return node;
  const [a, b] = node.inputs;
  const behind = axis === undefined ? 0 : rankOf(node, a, rewriting) - Number(axis);
  const missing = axis === undefined ? 0 : behind - rankOf(node, b, rewriting);
  if (missing <= 0) return { ...node, attrs };
  const w = writerFor(node, rewriting);
  const rank = rankOf(node, b, rewriting);
  const axes = w.ints(Array.from({ length: missing }, (_, i) => rank + i));
  return w.end(w.add(node.op, [a, w.add("Unsqueeze", [b, axes])], attrs));
};

const binaries = "Add And Div Equal Gemm Greater Less Mul Or Pow PRelu Sub Xor".split(" ");

export const opsets: Readonly<Record<string, Rewrite>> = {
  ...Object.fromEntries(binaries.map((op) => [op, aligned])),

  /** Opset 7 has `spatial`; only 1, one statistic for each channel, is what later opsets mean. */
  BatchNormalization(node) {
    const { spatial, is_test: _, ...attrs } = node.attrs; // is_test: before opset 7
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
  Dropout(node, { constant, isRead }) {
    const training = node.inputs[2] ? constant(node.inputs[2]) : undefined;
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

  /**
   * Before opset 13 the input is seen as a matrix: all dimensions from `axis` on (1, if it is left out) are one row.
   */
  Softmax(node, rewriting) {
    if (rewriting.opset >= 13) return node;
    const [x] = node.inputs;
    const rank = rankOf(node, x, rewriting);
    const asked = typeof node.attrs.axis === "number" ? node.attrs.axis : 1;
    const axis = asked < 0 ? asked + rank : asked;
    if (axis < 0 || axis >= rank) {
      throw refused(node, `axis ${asked} does not fit an input of ${rank} dimensions`);
    }
    const behind = rewriting.dims(x)!.slice(axis + 1);
    if (behind.every((dim) => dim === 1)) return { ...node, attrs: { axis } };
    const w = writerFor(node, rewriting);
    const rows = w.add("Softmax", [w.add("Flatten", [x], { axis })], { axis: 1 });
    return w.end(w.reshapeLike(rows, x));
  },

  Squeeze: axesAttributeToInput,
  Unsqueeze: axesAttributeToInput,

  /** Before opset 10 k is an attribute. */
  TopK(node, rewriting) {
    const { k, ...attrs } = node.attrs;
    if (k === undefined) return node;
    return { ...node, attrs, inputs: [node.inputs[0], vector(node, rewriting, "k", [Number(k)])] };
  },

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
