/** Gemm and MatMul: FULLY_CONNECTED where the right matrix is constant, else BATCH_MATMUL. */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Tensor, tensor, zeros } from "../../../runtime/model/tensor.ts";
import { fail } from "../../../runtime/ops/checks.ts";
import { type Emitter, transposed } from "./emitter.ts";

export function Gemm(node: Node, emitter: Emitter): void {
  const [a, b, c] = node.inputs;
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = node.attrs as Record<string, number>;
  const weight = emitter.constantOf(b) as Tensor<"float32"> | undefined;
  const addend = c ? (emitter.constantOf(c) as Tensor<"float32"> | undefined) : zeros([1]);
  if (!weight || !addend || transA) {
    fail(node, "only A B + C with constant B and C and without transA can be written as TFLite");
  }
  const { output, activation } = emitter.fusionOf(node);
  const [, N] = emitter.shapeOf(output);
  if (addend.data.length !== N && addend.data.length !== 1) {
    fail(node, `C [${addend.shape}] differs by row, which cannot be written as TFLite`);
  }
  const rows = transB ? weight : transposed(weight, [1, 0]); // [N, K]
  const bias = Float32Array.from({ length: N }, (_, n) => beta * addend.data[n % addend.data.length]);
  emitter.add(
    "FULLY_CONNECTED",
    [
      emitter.tensorOf(a, "plain"),
      emitter.constant(
        alpha === 1
          ? rows
          : tensor(
              rows.shape,
              rows.data.map((value) => alpha * value),
            ),
      ),
      emitter.constant(tensor([N], bias)),
    ],
    emitter.define(output, "plain"),
    { kind: "FullyConnectedOptions", activation },
  );
}

export function MatMul(node: Node, emitter: Emitter): void {
  const [a, b] = node.inputs;
  if (emitter.shapeOf(a).length < 2 || emitter.shapeOf(b).length < 2) {
    fail(node, "a product of a vector cannot be written as TFLite");
  }
  const x = emitter.tensorOf(a, "plain");
  const { output, activation, bias } = emitter.fusionOf(node);
  const weight = emitter.constantOf(b);
  if (weight?.shape.length === 2) {
    const rows = transposed(weight, [1, 0]);
    const addend = bias ? emitter.constantOf(bias)! : zeros([weight.shape[1]]);
    const inputs = [x, emitter.constant(rows), emitter.constant(addend)];
    const keepNumDims = emitter.shapeOf(a).length > 2 ? 1 : 0;
    const options = { kind: "FullyConnectedOptions", activation, keepNumDims } as const;
    emitter.add("FULLY_CONNECTED", inputs, emitter.define(output, "plain"), options);
    return;
  }
  if (activation || bias) fail(node, "an activation behind a MatMul of two values cannot be written");
  const y = emitter.define(output, "plain");
  emitter.add("BATCH_MATMUL", [x, emitter.tensorOf(b, "plain")], y, { kind: "BatchMatMulOptions" });
}
