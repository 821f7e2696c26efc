/** FULLY_CONNECTED as Gemm, BATCH_MATMUL as MatMul. */
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { type FileNode, fail, optionsOf, type TfliteReader } from "./reader.ts";

export const matrices = {
  FULLY_CONNECTED(node: FileNode, reader: TfliteReader): void {
    const { activation, weightsFormat } = optionsOf(node, "FullyConnectedOptions");
    if (weightsFormat) fail(node, `the weights' format ${weightsFormat} is not supported`);
    const [x, w = -1, bias = -1] = node.inputs;
    const weight = w < 0 ? undefined : reader.constantOf(w);
    if (weight?.dtype !== "float32" || weight.shape.length !== 2) {
      fail(node, "its weight (input 1) must be a constant matrix");
    }
    const [N, K] = weight.shape;
    const shape = reader.shapeOf(x);
    const [place] = node.outputs;
    const outShape = reader.shapeOf(place);
    const ints = (base: string, list: readonly number[]) =>
      reader.addConstant(base, tensor([list.length], Int32Array.from(list), "int32"));
    let rows = reader.valueOf(x, "plain");
    if (shape.length !== 2 || shape[1] !== K) {
      const matrix = ints(`${node.name}/rows`, [-1, K]);
      rows = reader.add("Reshape", [rows, matrix], {}, `${node.name}/matrix`);
    }
    const weightName = reader.addConstant(`${node.name}/weight`, weight as Tensor);
    const inputs = [rows, weightName, ...(bias < 0 ? [] : [reader.valueOf(bias, "plain")])];
    reader.make(node, "plain", "Gemm", inputs, { transB: 1 }, activation);
    if (outShape.length === 2) return;
    const product = reader.valueOf(place, "plain");
    if (outShape.at(-1) !== N) fail(node, `the output [${outShape}] does not end in ${N}`);
    const target = ints(`${node.name}/shape`, outShape);
    reader.define(place, "plain", reader.add("Reshape", [product, target], {}, `${node.name}/shaped`));
  },

  BATCH_MATMUL(node: FileNode, reader: TfliteReader): void {
    const { adjX, adjY } = optionsOf(node, "BatchMatMulOptions");
    const [a, b] = node.inputs;
    const operand = (place: number, adjoint: number) => {
      const value = reader.valueOf(place, "plain");
      if (!adjoint) return value;
      const perm = reader.shapeOf(place).map((_, axis) => axis);
      perm.push(...perm.splice(-2).reverse());
      return reader.add("Transpose", [value], { perm }, `${node.name}/transposed`);
    };
    reader.make(node, "plain", "MatMul", [operand(a, adjX), operand(b, adjY)]);
  },
};
