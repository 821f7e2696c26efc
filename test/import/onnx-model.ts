/** ONNX files of a few nodes, as bytes. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
} from "../../pruner/import/onnx_pb.ts";
import { attributeTypes, dataTypes } from "../../pruner/import/onnx-types.ts";

export type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
export type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
export type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;

export interface ModelInit {
  readonly opset?: number;
  readonly shape?: readonly (number | string)[];
  readonly nodes: readonly NodeInit[];
  readonly initializers?: readonly TensorInit[];
  readonly functions?: Uint8Array<ArrayBuffer>[];
}

/** The bytes of a model from input x, by default [2, 3], to output y. */
export function model({
  opset = 13,
  shape = [2, 3],
  nodes,
  initializers = [],
  functions,
}: ModelInit): Uint8Array {
  const dim = shape.map((size) =>
    typeof size === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(size) } }
      : { value: { case: "dimParam" as const, value: size } },
  );
  const info = (name: string) => ({
    name,
    type: {
      value: { case: "tensorType" as const, value: { elemType: dataTypes.float, shape: { dim } } },
    },
  });
  const bytes = create(ModelProtoSchema, {
    irVersion: 7n,
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: { node: [...nodes], initializer: [...initializers], input: [info("x")], output: [info("y")] },
    functions,
  });
  return toBinary(ModelProtoSchema, bytes);
}

export const int = (name: string, i: number): AttributeInit => ({
  name,
  type: attributeTypes.int,
  i: BigInt(i),
});
export const ints = (name: string, ...values: number[]): AttributeInit => ({
  name,
  type: attributeTypes.ints,
  ints: values.map(BigInt),
});
export const float = (name: string, f: number): AttributeInit => ({
  name,
  type: attributeTypes.float,
  f,
});
export const node = (
  opType: string,
  input: string[] = ["x"],
  attribute: AttributeInit[] = [],
): NodeInit => ({
  opType,
  input,
  output: ["y"],
  attribute,
});
export const bytesOf = (data: ArrayBufferView<ArrayBuffer>) => new Uint8Array(data.buffer);
export const float32 = (name: string, dims: number[], data: number[]): TensorInit => ({
  name,
  dims: dims.map(BigInt),
  dataType: dataTypes.float,
  rawData: bytesOf(Float32Array.from(data)),
});

export const int64 = (name: string, ...values: number[]): TensorInit => ({
  name,
  dims: [BigInt(values.length)],
  dataType: dataTypes.int64,
  int64Data: values.map(BigInt),
});
