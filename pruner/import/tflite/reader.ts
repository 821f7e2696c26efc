/** Builds a Graph while the operators of a TFLite file are read one after the other. */
import { ModelError, nodeName } from "../../../runtime/model/errors.ts";
import type { Attr, Graph, Node } from "../../../runtime/model/graph.ts";
import {
  type DType,
  type Shape,
  sameShape,
  type Tensor,
  tensor,
} from "../../../runtime/model/tensor.ts";
import { operatorOf } from "../../../runtime/ops/index.ts";
import { Transpose } from "../../../runtime/ops/transpose.ts";
import type { ExecutionPlan } from "../../../runtime/plan.ts";
import { constantOf } from "./constants.ts";
import type { Table, Union } from "./flatbuffer.ts";
import { activations, tensorTypes } from "./schema.ts";

type Options = NonNullable<Table<"Operator">["options"]>;

/** An operator of the file: its tensors by number, -1 or absent where one is left out. */
export interface FileNode {
  readonly index: number; // its place in the file
  readonly op: string; // TFLite's name
  readonly name: string; // of the tensor that it makes first
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: Options;
}

/** "image": the Graph's value is NCHW where the tensor is NHWC; "plain": both have the same order. */
export type Layout = "image" | "plain";

export interface TfliteReader {
  open(op: string, operator: Table<"Operator">, index: number): FileNode;
  shapeOf(place: number): Shape; // in the file
  nameOf(place: number): string;
  layoutOf(place: number): Layout;
  /** The value of a constant tensor, in the file's order. */
  constantOf(place: number): Tensor | undefined;
  /** Makes a tensor a constant: for operators that only unpack one. */
  setConstant(place: number, value: Tensor): void;
  /** The name of a tensor's value in the asked layout; a Transpose is put before where it lies in the other. */
  valueOf(place: number, layout: Layout): string;
  addConstant(base: string, value: Tensor): string;
  /** A node that makes a new value, called after `base`. */
  add(op: string, inputs: readonly string[], attrs: Node["attrs"], base: string): string;
  /** Nodes that are made elsewhere, of names that `freshName` gave. */
  addNodes(made: readonly Node[]): void;
  freshName(base: string): string;
  /** From now on the tensor's value is this one. */
  define(place: number, layout: Layout, value: string): void;
  /** The node that makes the tensor, then the activation that is fused into it. */
  make(
    node: FileNode,
    layout: Layout,
    op: string,
    inputs: readonly string[],
    attrs?: Node["attrs"],
    activation?: number,
  ): void;
  finish(name: string): Graph;
  /** Throws where the shapes that the file claims are not those that follow from its operators. */
  checkShapes(plan: ExecutionPlan): void;
}

/** Axis i of the Graph's image is axis `imageAxes[i]` of the file's, and the other way round. */
export const imageAxes = [0, 3, 1, 2] as const;
export const fileAxes = [0, 2, 3, 1] as const;

/** The operators that make several tensors. */
const hasParts: readonly string[] = ["SPLIT", "SPLIT_V", "UNPACK"];

/** Sparse tensors are larger than what is stored of them, but hardly by more than this: values for a byte of the file. */
const mostValues = 64;

export function createReader(
  model: Table<"Model">,
  subgraph: Table<"SubGraph">,
  fileBytes: number,
): TfliteReader {
  const { tensors } = subgraph;
  const constants = new Map<string, Tensor>();
  const nodes: Node[] = [];
  const folded = new Map<number, Tensor>();
  const values = new Map<number, Partial<Record<Layout, string>>>();
  const taken = new Set<string>();
  const outputPlaces = new Set(subgraph.outputs);
  const room = { values: mostValues * fileBytes };
  let reading = "the file";

  const reader: TfliteReader = {
    open(op, { inputs, outputs, options }, index) {
      reading = `${op} (operator ${index})`;
      const name = outputs.length ? nameOf(outputs[0]) || `${op}_${outputs[0]}` : op;
      const node: FileNode = { index, op, name, inputs: [...inputs], outputs: [...outputs], options };
      reading = nodePlace(node);
      if (outputs.length !== 1 && !hasParts.includes(op)) {
        fail(node, `has ${outputs.length} outputs; expected one`);
      }
      for (const place of inputs) if (place !== -1) tensorAt(place);
      return node;
    },

    shapeOf: (place) => Array.from(tensorAt(place).shape),
    nameOf: (place) => nameOf(place) || `value_${place}`,
    layoutOf: (place) => (values.get(place)?.image === undefined ? "plain" : "image"),

    constantOf(place) {
      const known = folded.get(place);
      if (known) return known;
      const constant = constantOf(tensorAt(place), model.buffers, room, reading);
      if (constant) folded.set(place, constant);
      return constant;
    },

    setConstant: (place, value) => void folded.set(place, value),

    valueOf(place, layout) {
      const name = nameOf(place);
      const forms = values.get(place) ?? {};
      values.set(place, forms);
      const known = forms[layout];
      if (known !== undefined) return known;
      const constant = reader.constantOf(place);
      const other = forms[layout === "image" ? "plain" : "image"];
      let value: string;
      if (constant) {
        const inOrder = layout === "image" ? transposed(constant, imageAxes) : constant;
        value = reader.addConstant(name, inOrder);
      } else {
        if (other === undefined) throw new ModelError(`${reading}: reads '${name}' before it is made`);
        const shape = reader.shapeOf(place);
        if (shape.length !== 4) throw new ModelError(`${reading}: '${name}' [${shape}] is no image`);
        const perm = layout === "image" ? imageAxes : fileAxes;
        const inOrder = perm.map((axis) => shape[axis]);
        // One pixel, or one channel: the values lie in the same order.
        if (shape[1] * shape[2] === 1 || shape[3] === 1) {
          const target = layout === "image" ? inOrder : shape;
          value = reader.add("Reshape", [other, ints(`${name}/shape`, target)], {}, name);
        } else {
          value = reader.add("Transpose", [other], { perm }, name);
        }
      }
      forms[layout] = value;
      return value;
    },

    addConstant(base, value) {
      const name = unique(base);
      constants.set(name, value);
      return name;
    },

    add(op, inputs, attrs, base) {
      if (!operatorOf(op)) {
        throw new ModelError(`${reading}: is ONNX's ${op}, which is not supported`);
      }
      const name = unique(base);
      nodes.push({ name, op, inputs, outputs: [name], attrs });
      return name;
    },

    addNodes: (made) => void nodes.push(...made),
    freshName: (base) => unique(base),

    define: (place, layout, value) => void values.set(place, { [layout]: value }),

    make(node, layout, op, inputs, attrs = {}, activation = activations.none) {
      const [place] = node.outputs;
      const linear = reader.add(op, inputs, attrs, activation ? `${node.name}/linear` : node.name);
      reader.define(place, layout, activated(node, linear, activation));
    },

    finish(name) {
      reading = "the outputs";
      const outputs = Array.from(subgraph.outputs, (place) => {
        const value = reader.valueOf(place, layoutAtDoor(place));
        return { name: value, ...described(place) };
      });
      return { name, nodes, inputs, outputs, constants };
    },

    checkShapes(plan) {
      for (const [place, forms] of values) {
        const shape = reader.shapeOf(place);
        for (const [layout, value] of Object.entries(forms)) {
          const claimed = layout === "image" ? imageAxes.map((axis) => shape[axis]) : shape;
          const found = plan.values.get(value)!.shape;
          if (sameShape(found, claimed)) continue;
          throw new ModelError(`'${value}' is [${claimed}] in the file, but [${found}] is computed`);
        }
      }
    },
  };

  const inputs = Array.from(subgraph.inputs, (place) => {
    const name = unique(tensorAt(place).name || `input_${place}`);
    reader.define(place, layoutAtDoor(place), name);
    return { name, ...described(place) };
  });
  return reader;

  function activated(node: FileNode, linear: string, activation: number): string {
    if (activation === activations.none) return linear;
    if (activation === activations.relu) return reader.add("Relu", [linear], {}, node.name);
    if (activation !== activations.relu6) fail(node, `the activation ${activation} is not supported`);
    const bound = (value: number) =>
      reader.addConstant(`${node.name}/${value}`, tensor([], Float32Array.of(value)));
    return reader.add("Clip", [linear, bound(0), bound(6)], {}, node.name);
  }

  function tensorAt(place: number): Table<"Tensor"> {
    const found = tensors[place];
    if (!found) throw new ModelError(`${reading}: names the tensor ${place} of ${tensors.length}`);
    return found;
  }

  /**
   * Converters join the names of all that they fuse: "a;b;c". The last one is enough, but for what goes in and out,
   * which is asked for by its name.
   */
  function nameOf(place: number): string {
    const { name } = tensorAt(place);
    return outputPlaces.has(place) ? name : name.slice(name.lastIndexOf(";") + 1);
  }

  function layoutAtDoor(place: number): Layout {
    return tensorAt(place).shape.length === 4 ? "image" : "plain";
  }

  function described(place: number): { dtype: DType; shape: Shape } {
    const { type, name } = tensorAt(place);
    const shape = reader.shapeOf(place);
    const dtype = Object.entries(tensorTypes).find(([, number]) => number === type)?.[0];
    if (!dtype || ["float16", "int64", "int8"].includes(dtype)) {
      throw new ModelError(`'${name}' is of the type ${dtype ?? type}, which is not supported here`);
    }
    const inOrder = shape.length === 4 ? imageAxes.map((axis) => shape[axis]) : shape;
    return { dtype: dtype as DType, shape: inOrder };
  }

  function ints(base: string, list: readonly number[]): string {
    return reader.addConstant(base, tensor([list.length], Int32Array.from(list), "int32"));
  }

  function unique(base: string): string {
    let name = base || "value";
    for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    return name;
  }
}

/** Throws `CONV_2D 'stem' (operator 0): …`. */
export function fail(node: FileNode, message: string): never {
  throw new ModelError(`${nodePlace(node)}: ${message}`);
}

function nodePlace(node: FileNode): string {
  return `${nodeName(node)} (operator ${node.index})`;
}

/** The operator's options, which must be of this kind; a file may leave out options that are all default. */
export function optionsOf<K extends Options["kind"]>(node: FileNode, kind: K): Union<K> {
  if (!node.options) fail(node, `its ${kind} are missing`);
  if (node.options.kind !== kind) fail(node, `has ${node.options.kind}; expected ${kind}`);
  return node.options as Union<K>;
}

/** Where an axis of the file stands in the Graph. */
export function placeOf(axis: number, layout: Layout): number {
  return layout === "image" ? imageAxes.indexOf(axis as 0) : axis;
}

/** The whole numbers in a constant input, or undefined where it is left out. */
export function constantInts(
  reader: TfliteReader,
  node: FileNode,
  index: number,
  what: string,
): readonly number[] {
  const place = node.inputs[index] ?? -1;
  const constant = place < 0 ? undefined : reader.constantOf(place);
  if (constant?.dtype !== "int32") fail(node, `${what} (input ${index}) must be constant whole numbers`);
  return Array.from(constant.data);
}

/** A constant with its dimensions in another order. */
export function transposed<T extends Tensor>(constant: T, perm: readonly number[]): T {
  const shape = perm.map((axis) => constant.shape[axis]);
  if (constant.shape.length !== perm.length) {
    throw new ModelError(`a constant [${constant.shape}] has not ${perm.length} dimensions`);
  }
  const attrs: Record<string, Attr> = { perm };
  const node = { name: "constant", op: "Transpose", inputs: [], outputs: [], attrs };
  return Transpose.reference(node, [constant], [{ dtype: constant.dtype, shape }])[0] as T;
}
