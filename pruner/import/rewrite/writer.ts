/** What a rewrite may look at, and how it writes nodes in the place of one. */
import { ModelError, nodeName } from "../../../runtime/model/errors.ts";
import type { Attr, Node } from "../../../runtime/model/graph.ts";
import { type DType, type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import type { Knowledge } from "../knowledge.ts";

export interface Rewriting extends Pick<Knowledge, "constant" | "dims" | "dtype"> {
  readonly opset: number;
  /** ONNX's own number for the element type of a value of the file, where that is written there. */
  elementType(value: string): number | undefined;
  /** By the name of a quantized value: that of the same whole numbers as float32. */
  readonly quantized: Map<string, string>;
  isRead(value: string): boolean;
  /** A name that no value has: `base`, with a number behind it where that is taken. */
  freshName(base: string): string;
  /** Adds a constant and returns its name, which begins with `base`. */
  addConstant(base: string, value: Tensor): string;
}

/** The node in the form of opset 17, or nodes that compute the same. */
export type Rewrite = (node: Node, rewriting: Rewriting) => Node | readonly Node[];

/** A size of a Reshape: a number, or size `axis` of the input, multiplied and divided. */
export type Size = number | { readonly axis: number; readonly times?: number; readonly over?: number };

export interface Writer {
  /** Adds a node; the name of its first result. */
  add(op: string, inputs: readonly string[], attrs?: Readonly<Record<string, Attr>>): string;
  /** A constant of one number, of x's dtype. */
  scalar(value: number, like?: string): string;
  ints(values: readonly number[]): string;
  floats(values: readonly number[]): string;
  reshape(x: string, sizes: readonly Size[]): string;
  /** x as it is, or with the shape of `like`. */
  reshapeLike(x: string, like: string): string;
  transpose(x: string, perm: readonly number[]): string;
  /** All nodes; the one that makes `value` makes the result of the node that is rewritten. */
  end(value: string): Node[];
}

export function writerFor(node: Node, rewriting: Rewriting): Writer {
  const nodes: Node[] = [];
  const { dims, dtype, addConstant } = rewriting;
  const writer: Writer = {
    add(op, inputs, attrs = {}) {
      const output = rewriting.freshName(`${node.name}.${op}`);
      nodes.push({ name: output, op, inputs, outputs: [output], attrs });
      return output;
    },
    scalar: (value, like) =>
      addConstant(`${node.name}.value`, scalarOf(value, like ? dtype(like) : undefined)),
    ints: (values) =>
      addConstant(`${node.name}.ints`, tensor([values.length], Int32Array.from(values), "int32")),
    floats: (values) =>
      addConstant(`${node.name}.floats`, tensor([values.length], Float32Array.from(values))),
    reshape(x, sizes) {
      const own = dims(x);
      const known = sizes.map((size, place) => {
        if (typeof size === "number") return size;
        const dim = own?.[size.axis];
        if (dim !== undefined) return (dim * (size.times ?? 1)) / (size.over ?? 1);
        return size.axis === place && (size.times ?? 1) === (size.over ?? 1) ? 0 : undefined;
      });
      if (known.filter((size) => size === undefined || size === -1).length < 2)
        return writer.add("Reshape", [x, writer.ints(known.map((size) => size ?? -1))]);
      const shape = writer.add("Shape", [x]);
      const parts = sizes.map((size) => {
        if (typeof size === "number") return writer.ints([size]);
        const dim = writer.add("Gather", [shape, writer.ints([size.axis])]);
        const more = writer.add("Mul", [dim, writer.ints([size.times ?? 1])]);
        return writer.add("Div", [more, writer.ints([size.over ?? 1])]);
      });
      return writer.add("Reshape", [x, writer.add("Concat", parts, { axis: 0 })]);
    },
    reshapeLike: (x, like) => writer.add("Reshape", [x, writer.add("Shape", [like])]),
    transpose: (x, perm) =>
      perm.every((axis, i) => axis === i) ? x : writer.add("Transpose", [x], { perm }),
    end(value) {
      const last = nodes.findIndex(({ outputs }) => outputs[0] === value);
      if (last < 0) nodes.push({ ...node, op: "Identity", inputs: [value], attrs: {} });
      else nodes[last] = { ...nodes[last], name: node.name, outputs: node.outputs.slice(0, 1) };
      return nodes;
    },
  };
  return writer;
}

function scalarOf(value: number, dtype: DType = "float32"): Tensor {
  if (dtype === "float32") return tensor([], Float32Array.of(value));
  return dtype === "int32"
    ? tensor([], Int32Array.of(value), dtype)
    : tensor([], Uint8Array.of(value), dtype);
}

/** The sizes of a value, all of which must be known. */
export function knownDims(node: Node, value: string, { dims }: Rewriting): number[] {
  const found = dims(value);
  if (!found || found.includes(undefined))
    throw refused(node, `the sizes of '${value}' are not known; export the model with fixed sizes`);
  return found as number[];
}

export function rankOf(node: Node, value: string, { dims }: Rewriting): number {
  const found = dims(value);
  if (!found) throw refused(node, `the shape of '${value}' is not known; export the model with shapes`);
  return found.length;
}

export function refused(node: Node, message: string): ModelError {
  return new ModelError(`${nodeName(node)}: ${message}`);
}
