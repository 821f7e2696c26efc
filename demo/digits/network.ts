/**
 * The network of `npm start`: a residual CNN for grey digits, 28x28, untrained.
 *
 *   stem 3x3, 1 -> 16, and MaxPool to 14x14; a block of 64 channels at 14x14; a block of 128 at 7x7;
 *   global average; 10 classes.
 *
 * A block is  relu(bn(conv3x3(relu(bn(conv3x3 x)))) + bn(conv1x1 x)).
 */
import { type Graph, type Node, normal, random, type Tensor, tensor } from "../../pruner/index.ts";

export interface DigitsWidths {
  readonly stem?: number;
  readonly blocks?: readonly number[]; // channels of each residual block; all after the first halve the image
}

/** Weights by He et al. 2015: deviation sqrt(2 / fan-in). The same seed gives the same network. */
export function digitsNetwork(
  seed: number,
  { stem = 16, blocks = [64, 128] }: DigitsWidths = {},
): Graph {
  const net = builder(seed);
  let x = net.relu(net.convBn("stem", "image", 1, stem, 3, 1));
  x = net.node("stem.pool", "MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  let inC = stem;
  blocks.forEach((outC, i) => {
    const stride = i === 0 ? 1 : 2;
    const name = `block${i + 1}`;
    const inner = net.relu(net.convBn(`${name}.conv1`, x, inC, outC, 3, stride));
    const outer = net.convBn(`${name}.conv2`, inner, outC, outC, 3, 1);
    const skip = net.convBn(`${name}.skip`, x, inC, outC, 1, stride);
    x = net.relu(net.node(`${name}.add`, "Add", [outer, skip]));
    inC = outC;
  });
  x = net.node("pool", "GlobalAveragePool", [x]);
  x = net.node("flat", "Flatten", [x], { axis: 1 });
  net.weight("head.weight", [10, inC], 1 / Math.sqrt(inC));
  net.fill("head.bias", 10, 0);
  const logits = net.node("head", "Gemm", [x, "head.weight", "head.bias"], { transB: 1 });
  return {
    name: "digits",
    nodes: net.nodes,
    inputs: [{ name: "image", dtype: "float32", shape: ["batch", 1, 28, 28] }],
    outputs: [{ name: logits, dtype: "float32", shape: ["batch", 10] }],
    constants: net.constants,
  };
}

function builder(seed: number) {
  const draw = normal(random(seed));
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();

  const weight = (name: string, shape: number[], deviation: number) => {
    const size = shape.reduce((a, b) => a * b);
    constants.set(
      name,
      tensor(
        shape,
        Float32Array.from({ length: size }, () => draw() * deviation),
      ),
    );
  };
  const fill = (name: string, size: number, value: number) => {
    constants.set(name, tensor([size], new Float32Array(size).fill(value)));
  };
  const node = (name: string, op: string, inputs: string[], attrs: Node["attrs"] = {}) => {
    const output = `${name}.out`;
    nodes.push({ name, op, inputs, outputs: [output], attrs });
    return output;
  };
  const relu = (x: string) => node(`${x.replace(/\.out$/, "")}.relu`, "Relu", [x]);
  const convBn = (name: string, x: string, inC: number, outC: number, k: number, stride: number) => {
    weight(`${name}.weight`, [outC, inC, k, k], Math.sqrt(2 / (inC * k * k)));
    const pads = new Array<number>(4).fill((k - 1) / 2);
    const conv = node(name, "Conv", [x, `${name}.weight`], { pads, strides: [stride, stride] });
    const parts = ["scale", "shift", "mean", "variance"];
    for (const part of parts)
      fill(`${name}.bn.${part}`, outC, part === "scale" || part === "variance" ? 1 : 0);
    return node(`${name}.bn`, "BatchNormalization", [
      conv,
      ...parts.map((part) => `${name}.bn.${part}`),
    ]);
  };
  return { nodes, constants, weight, fill, node, relu, convBn };
}
