/** ONNX's own sparse weights, sparse_initializer: read dense, and their zeros found. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { ModelProtoSchema, SparseTensorProtoSchema } from "../../pruner/import/onnx_pb.ts";
import { tensor } from "../../runtime/model/tensor.ts";

type Sparse = MessageInitShape<typeof SparseTensorProtoSchema>;

/** A Gemm with the weight [2, 3] = [[0, 5, 0], [6, 0, 7]], given as `sparse`. */
function file(sparse: Sparse): Uint8Array {
  const dense = exportOnnx({
    name: "sparse",
    inputs: [{ name: "x", dtype: "float32", shape: [1, 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: [1, 2] }],
    nodes: [{ name: "fc", op: "Gemm", inputs: ["x", "w"], outputs: ["y"], attrs: { transB: 1 } }],
    constants: new Map([["w", tensor([2, 3], new Float32Array(6))]]),
  });
  const model = fromBinary(ModelProtoSchema, dense);
  model.graph!.initializer = [];
  model.graph!.sparseInitializer = [create(SparseTensorProtoSchema, sparse)];
  return toBinary(ModelProtoSchema, model);
}

const values = { name: "w", dims: [3n], dataType: 1, floatData: [5, 6, 7] };
const ints = (dims: number[], data: number[]) => ({
  dims: dims.map(BigInt),
  dataType: 7,
  int64Data: data.map(BigInt),
});
const flat = { dims: [2n, 3n], values, indices: ints([3], [1, 3, 5]) };

test.each<[string, Sparse]>([
  ["places", flat],
  ["coordinates", { ...flat, indices: ints([3, 2], [0, 1, 1, 0, 1, 2]) }],
])("weights given by %s are read", (_, sparse) => {
  const { constants } = importOnnx(file(sparse));
  expect(constants.get("w")).toMatchObject({ shape: [2, 3], data: Float32Array.of(0, 5, 0, 6, 0, 7) });
});

test.each<[string, Sparse, string]>([
  [
    "an index outside",
    { ...flat, indices: ints([3], [1, 3, 6]) },
    "index 6 of value 2 is outside of [2,3]",
  ],
  ["indices that fall", { ...flat, indices: ints([3], [1, 5, 3]) }, "do not ascend at value 2"],
  ["too few indices", { ...flat, indices: ints([2], [1, 3]) }, "expected int64 [3] or [3, 2]"],
  ["no indices", { dims: [2n, 3n], values }, "missing"],
  ["a claim of 512 MB", { ...flat, dims: [2n ** 13n, 2n ** 14n] }, "too sparse to be written out"],
  ["a claim that overflows", { ...flat, dims: [2n ** 40n, 2n ** 40n] }, "overflows"],
])("%s is refused with the name of the weight", (_, sparse, message) => {
  expect(() => importOnnx(file(sparse))).toThrow("sparse_initializer 'w'");
  expect(() => importOnnx(file(sparse))).toThrow(message);
});
