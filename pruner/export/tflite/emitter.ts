/** Collects what a TFLite file is made of while nodes are written one after the other. */
import { ModelError } from "../../../runtime/model/errors.ts";
import type { Node } from "../../../runtime/model/graph.ts";
import { decodeWeight } from "../../../runtime/model/sparse/index.ts";
import { type DType, type Shape, sizeOf, type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { Transpose } from "../../../runtime/ops/transpose.ts";
import type { ExecutionPlan } from "../../../runtime/plan.ts";
import { builtinOperators, tensorTypes } from "../../import/tflite/schema.ts";
import { type Draft, type DraftUnion, writeFlatBuffer } from "./flatbuffer.ts";
import type { Fusion, Fusions } from "./fuse.ts";
import { encodeSparse } from "./sparse.ts";

export type OptionsDraft = DraftUnion<
  Extract<NonNullable<Draft<"Operator">["options"]>["kind"], string>
>;

/** How the values of an image lie; all other values are "plain": as in the Graph. */
export type Layout = "image" | "plain";

/** Tensors of the file are numbers: their places in its list. */
export interface Emitter {
  readonly sparse: boolean; // TfliteOptions.sparse
  shapeOf(value: string): Shape; // as in the Graph
  layoutOf(value: string): Layout;
  constantOf(value: string): Tensor | undefined;
  /** A value's tensor in the asked layout, put into it by a TRANSPOSE where it lies in the other. */
  tensorOf(value: string, layout: Layout): number;
  fusionOf(node: Node): Fusion;
  isNonNegative(value: string): boolean; // for certain
  /** The tensor of a new value: `shape` is that in the Graph. */
  define(value: string, layout: Layout): number;
  /** A tensor that is no value of the Graph; `shape` as in the file. */
  temporary(shape: Shape): number;
  constant(value: Tensor): number;
  ints(values: readonly number[]): number;
  /** A weight as a sparse tensor and the DENSIFY that reads it. */
  densified(weight: Tensor<"float32">): number;
  /** From now on `value` is another name of this tensor. */
  alias(value: string, layout: Layout, of: number): void;
  shapeInFile(of: number): Shape;
  add(
    operator: keyof typeof builtinOperators,
    inputs: readonly number[],
    output: number,
    options?: OptionsDraft,
  ): void;
  finish(): Uint8Array;
}

/** Axis i of the image in the file is axis `imageAxes[i]` of the Graph. */
export const imageAxes = [0, 2, 3, 1] as const;
const plainAxes = [0, 3, 1, 2] as const;

export function createEmitter(
  { graph, values }: ExecutionPlan,
  { fusions, nonNegative }: Fusions,
  sparse: boolean,
): Emitter {
  const tensors: Draft<"Tensor">[] = [];
  const buffers: Draft<"Buffer">[] = [{}];
  const operators: Draft<"Operator">[] = [];
  const codes: (keyof typeof builtinOperators)[] = [];
  const places = new Map<string, Partial<Record<Layout, number>>>();
  let dataBytes = 0;

  const emitter: Emitter = {
    sparse,
    shapeOf: (value) => values.get(value)!.shape,
    layoutOf: (value) => (places.get(value)?.image === undefined ? "plain" : "image"),
    constantOf(value) {
      const constant = graph.constants.get(value);
      return constant && "format" in constant ? decodeWeight(constant) : constant;
    },

    tensorOf(value, layout) {
      const known = places.get(value) ?? {};
      places.set(value, known);
      const there = known[layout];
      if (there !== undefined) return there;
      const shape = emitter.shapeOf(value);
      const axes = layout === "image" ? imageAxes : plainAxes;
      const constant = emitter.constantOf(value);
      let place: number;
      if (constant) {
        place = emitter.constant(layout === "image" ? transposed(constant, imageAxes) : constant);
      } else {
        const other = known[layout === "image" ? "plain" : "image"];
        if (other === undefined) throw new ModelError(`'${value}' is read before it is made`);
        place = addTensor(value, layout === "image" ? axes.map((axis) => shape[axis]) : shape);
        // One pixel, or one channel: the values lie in the same order.
        if (shape[1] === 1 || shape[2] * shape[3] === 1) {
          const newShape = [...emitter.shapeInFile(place)];
          const options = { kind: "ReshapeOptions", newShape } as const;
          emitter.add("RESHAPE", [other, emitter.ints(newShape)], place, options);
        } else {
          emitter.add("TRANSPOSE", [other, emitter.ints(axes)], place, { kind: "TransposeOptions" });
        }
      }
      known[layout] = place;
      return place;
    },

    fusionOf: (node) => fusions.get(node.name) ?? { output: node.outputs[0], activation: 0 },

    isNonNegative: (value) => nonNegative.has(value),

    define(value, layout) {
      const { shape, dtype } = values.get(value)!;
      const inFile = layout === "image" ? imageAxes.map((axis) => shape[axis]) : shape;
      const place = addTensor(value, inFile, dtype);
      places.set(value, { [layout]: place });
      return place;
    },

    temporary: (shape) => addTensor(`temporary_${tensors.length}`, shape),

    constant({ shape, data, dtype }) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return addTensor(`constant_${tensors.length}`, shape, dtype, { buffer: addBuffer(bytes) });
    },

    ints: (list) => emitter.constant(tensor([list.length], Int32Array.from(list), "int32")),

    densified(weight) {
      const { sparsity, values: kept } = encodeSparse(weight);
      const bytes = new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength);
      const name = `sparse_${tensors.length}`;
      const stored = addTensor(name, weight.shape, "float32", { buffer: addBuffer(bytes), sparsity });
      const dense = emitter.temporary(weight.shape);
      emitter.add("DENSIFY", [stored], dense, { kind: "DensifyOptions" });
      return dense;
    },

    alias: (value, layout, of) => void places.set(value, { [layout]: of }),
    shapeInFile: (of) => tensors[of].shape as Shape,

    add(operator, inputs, output, options) {
      if (!codes.includes(operator)) codes.push(operator);
      const opcodeIndex = codes.indexOf(operator);
      operators.push({ opcodeIndex, inputs, outputs: [output], options });
    },

    finish() {
      const outputs = graph.outputs.map(({ name }) => {
        const constant = graph.constants.get(name);
        if (
          constant &&
          ("format" in constant || constant.dtype !== "float32" || !constant.data.length)
        ) {
          throw new ModelError(`the output '${name}' is a constant that cannot be written as TFLite`);
        }
        const place = emitter.tensorOf(name, layoutAtDoor(name));
        return inputs.includes(place) || graph.constants.has(name) ? copyOf(place) : place;
      });
      return writeFlatBuffer(
        {
          version: 3,
          description: graph.name,
          operatorCodes: codes.map((code) => {
            const builtinCode = builtinOperators[code];
            return { deprecatedBuiltinCode: Math.min(127, builtinCode), builtinCode };
          }),
          subgraphs: [{ name: graph.name, tensors, operators, inputs, outputs }],
          buffers,
        },
        dataBytes + 2 ** 16,
      );
    },
  };

  const inputs = graph.inputs.map(({ name }) => emitter.define(name, layoutAtDoor(name)));
  return emitter;

  function layoutAtDoor(value: string): Layout {
    return emitter.shapeOf(value).length === 4 ? "image" : "plain";
  }

  /** No tensor may come in and go out. */
  function copyOf(place: number): number {
    const newShape = [...emitter.shapeInFile(place)];
    const copy = addTensor(`copy_${place}`, newShape, dtypeOf(place));
    emitter.add("RESHAPE", [place, emitter.ints(newShape)], copy, { kind: "ReshapeOptions", newShape });
    return copy;
  }

  function dtypeOf(place: number): DType {
    const { type } = tensors[place];
    return (Object.keys(tensorTypes) as DType[]).find((dtype) => tensorTypes[dtype] === type)!;
  }

  function addTensor(
    name: string,
    shape: Shape,
    dtype: DType = "float32",
    more: Draft<"Tensor"> = {},
  ): number {
    tensors.push({ name, shape, type: tensorTypes[dtype], ...more });
    return tensors.length - 1;
  }

  function addBuffer(data: Uint8Array): number {
    dataBytes += data.length + 32;
    buffers.push({ data });
    return buffers.length - 1;
  }
}

/** A constant with its dimensions in another order. */
export function transposed<T extends Tensor>(constant: T, perm: readonly number[]): T {
  const shape = perm.map((axis) => constant.shape[axis]);
  const node = { name: "constant", op: "Transpose", inputs: [], outputs: [], attrs: { perm } };
  sizeOf(shape);
  return Transpose.reference(node, [constant], [{ dtype: constant.dtype, shape }])[0] as T;
}
