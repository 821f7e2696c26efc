/** Convolutions with nodes between them that have no kernel: of two results, of other dtypes, over images and rows. */
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { randomTensor } from "../random.ts";

export function hostedNetwork(): { graph: Graph; inputs: Tensors; hosted: string[] } {
  const node = (
    op: string,
    inputs: string[],
    outputs: string[],
    attrs: Record<string, Attr> = {},
  ): Node => ({ name: outputs[0], op, inputs, outputs, attrs });
  const same = { pads: [1, 1, 1, 1] };
  const nodes = [
    node("Conv", ["x", "w0"], ["first"], same),
    node("Split", ["first", "sizes"], ["left", "right"], { axis: 1 }),
    node("Relu", ["left"], ["bounded"]),
    node("Conv", ["bounded", "w1"], ["second"], same),
    node("BatchNormalization", ["second", "scale", "scale", "scale", "scale"], ["normal"]),
    node("Conv", ["normal", "w2"], ["third"], same),
    node("Add", ["third", "right"], ["sum"]),
    node("Flatten", ["sum"], ["flat"]),
    node("Gemm", ["flat", "w3"], ["y"]),
    node("Add", ["counts", "counts"], ["twice"]),
    node("Mul", ["twice", "counts"], ["squares"]),
  ];
  const constants = new Map<string, Tensor>([
    ["w0", randomTensor([11, 3, 3, 3], 1)],
    ["sizes", tensor([2], Int32Array.of(4, 7), "int32")],
    ["w1", randomTensor([9, 4, 3, 3], 2)],
    ["scale", randomTensor([9], 3, 0.5, 2)],
    ["w2", randomTensor([7, 9, 3, 3], 4)],
    ["w3", randomTensor([7 * 30, 6], 5)],
  ]);
  return {
    graph: {
      name: "hosted",
      nodes,
      inputs: [
        { name: "x", dtype: "float32", shape: [1, 3, 5, 6] },
        { name: "counts", dtype: "int32", shape: [3] },
      ],
      outputs: [
        { name: "y", dtype: "float32", shape: [1, 6] },
        { name: "squares", dtype: "int32", shape: [3] },
        { name: "right", dtype: "float32", shape: [1, 7, 5, 6] },
      ],
      constants,
    },
    inputs: {
      x: randomTensor([1, 3, 5, 6], 6),
      counts: tensor([3], Int32Array.of(-2, 7, 2 ** 14), "int32"),
    },
    hosted: ["Split 'left'", "BatchNormalization 'normal'", "Add 'twice'", "Mul 'squares'"],
  };
}
