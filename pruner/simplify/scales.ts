/** Folds a Mul, Div, Add or Sub by one constant for each channel into the weight or bias of the Conv or Gemm before it. */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import {
  type Constants,
  countReads,
  denseConstant,
  freshName,
  replaceConstant,
  vector,
} from "./edit.ts";

export function foldScales(graph: Graph, options: PlanOptions): Graph {
  const { values } = plan(graph, options);
  const reads = countReads(graph);
  const constants: Constants = new Map(graph.constants);
  const nodes: Node[] = [];
  const makers = new Map<string, number>(); // index in `nodes` of the Conv or Gemm that makes a value
  for (const node of graph.nodes) {
    const [x, constantName] = operands(node, constants);
    const at = makers.get(x);
    const constant = denseConstant(constants, constantName);
    if (at !== undefined && constant && reads.get(x) === 1) {
      const { shape } = values.get(x)!;
      const channel = channelValues(constant, shape.length, shape[1]);
      const folded = channel && fold(node, nodes[at], channel);
      if (folded) {
        nodes[at] = { ...folded, outputs: node.outputs };
        makers.set(node.outputs[0], at);
        continue;
      }
    }
    if (node.op === "Conv" || isPlainGemm(node)) makers.set(node.outputs[0], nodes.length);
    nodes.push(node);
  }
  return { ...graph, nodes, constants };

  /** `maker` with `node` done inside it, or undefined where that cannot be. */
  function fold(node: Node, maker: Node, channel: readonly number[]): Node | undefined {
    const [x, weightName, biasName] = maker.inputs;
    const outputs = channel.length;
    const bias = biasName
      ? denseConstant(constants, biasName)
      : vector(new Array<number>(outputs).fill(0));
    if (bias?.shape.length !== 1 || bias.shape[0] !== outputs) return undefined;
    const storeBias = (combine: (old: number, c: number) => number) => {
      const value = vector(Array.from(bias.data, combine));
      if (biasName) return replaceConstant(graph, constants, reads, biasName, value);
      const name = freshName(graph, constants, `${maker.name}.bias`);
      constants.set(name, value);
      reads.set(name, 1);
      return name;
    };
    if (node.op === "Add" || node.op === "Sub") {
      const sign = node.op === "Add" ? 1 : -1;
      return { ...maker, inputs: [x, weightName, storeBias((old, c) => old + sign * channel[c])] };
    }
    const weight = denseConstant(constants, weightName);
    if (!weight) return undefined;
    const factors = node.op === "Mul" ? channel : channel.map((value) => 1 / value);
    const scaled = scaleRows(weight, factors);
    const inputs = [x, replaceConstant(graph, constants, reads, weightName, scaled)];
    if (biasName) inputs.push(storeBias((old, c) => old * factors[c]));
    return { ...maker, inputs };
  }
}

/** The value that is scaled or shifted, and the constant; nothing for other nodes. */
function operands(node: Node, constants: Constants): [x: string, constant: string] {
  const [a, b] = node.inputs;
  if (node.op === "Add" || node.op === "Mul") return constants.has(a) ? [b, a] : [a, b];
  return node.op === "Sub" || node.op === "Div" ? [a, b] : ["", ""];
}

/** A Gemm as `normalizeGemm` leaves it. */
function isPlainGemm(node: Node): boolean {
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = node.attrs;
  return node.op === "Gemm" && alpha === 1 && beta === 1 && transA === 0 && transB === 1;
}

/** The constant's value for each channel, where it broadcasts over all but dimension 1 of `rank`. */
function channelValues(constant: Tensor, rank: number, channels: number): number[] | undefined {
  const { shape, data } = constant;
  const shift = rank - shape.length;
  if (shift < 0 || !shape.every((dim, i) => dim === 1 || (i + shift === 1 && dim === channels))) {
    return undefined;
  }
  return Array.from({ length: channels }, (_, c) => data[data.length === 1 ? 0 : c]);
}

function scaleRows(weight: Tensor<"float32">, factors: readonly number[]): Tensor {
  const row = weight.data.length / factors.length;
  return tensor(
    weight.shape,
    weight.data.map((value, i) => value * factors[Math.floor(i / row)]),
  );
}
