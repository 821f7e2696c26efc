/** A small residual network with everything that is fused, split or laid out in its own way. */
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import type { Shape, Tensor } from "../../runtime/model/tensor.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";

export function tinyNetwork(): { graph: Graph; inputs: Tensors } {
  const constants = new Map<string, Tensor | SparseTensor>();
  const nodes: Node[] = [];
  const add = (op: string, inputs: string[], attrs: Record<string, Attr> = {}): string => {
    const name = `${op}${nodes.length}`;
    nodes.push({ name, op, inputs, outputs: [name], attrs });
    return name;
  };
  const weight = (shape: Shape, density: number): string => {
    const name = `w${constants.size}`;
    const seed = constants.size + 1;
    const dense = randomTensor(shape, seed, -0.3, 0.3);
    const mask = randomMask(shape, { kind: "block", rows: 16, cols: 8 }, density, seed);
    constants.set(name, encodeWeight(dense, mask));
    return name;
  };
  const same = { pads: [1, 1, 1, 1] };

  let x = add("Relu", [add("Conv", ["x", weight([16, 3, 3, 3], 1)], same)]);
  const skip = x;
  x = add("Relu", [add("Conv", [x, weight([32, 16, 3, 3], 0.5)], same)]);
  x = add("Conv", [x, weight([16, 32, 3, 3], 0.5)], same);
  x = add("Relu", [add("Add", [x, skip])]);
  const depthwise = add("Conv", [x, weight([16, 1, 3, 3], 1)], { ...same, strides: [2, 2], group: 16 });
  const pooled = add("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  x = add("Concat", [depthwise, pooled], { axis: 1 });
  x = add("Conv", [x, weight([24, 32, 1, 1], 0.6)]);
  x = add("Flatten", [add("GlobalAveragePool", [x])]);
  x = add("Softmax", [add("Gemm", [x, weight([10, 24], 1)], { transB: 1 })]);
  return {
    graph: {
      name: "tiny",
      nodes,
      inputs: [{ name: "x", dtype: "float32", shape: [2, 3, 15, 13] }],
      outputs: [{ name: x, dtype: "float32", shape: [2, 10] }],
      constants,
    },
    inputs: { x: randomTensor([2, 3, 15, 13], 99) },
  };
}
