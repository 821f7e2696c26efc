/**
 * Reorders the channels of a network so that neighbouring outputs have zeros of their own; what it computes stays.
 *
 * XNNPACK multiplies by sparse weights one output at a time, with SIMD, unless two or four outputs side by side share
 * at least 90 % of their nonzeros: its WebAssembly build has no SIMD for those. Weights that were pruned in blocks
 * always share them, until each four neighbours come from four different quarters of the channels.
 */
import { type Graph, isSparse, type Node } from "../../../runtime/model/graph.ts";
import { decodeWeight } from "../../../runtime/model/sparse/index.ts";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import type { ExecutionPlan } from "../../../runtime/plan.ts";

/** Their output has the channels of their input in the same places. */
const keepsChannels = new Set(
  [
    ["Clip", "Relu", "HardSwish", "Sigmoid", "Swish", "Tanh"],
    ["AveragePool", "MaxPool", "GlobalAveragePool", "Add"],
  ].flat(),
);

export function spreadChannels({ graph, values }: ExecutionPlan): Graph {
  const channelsOf = (value: string) => values.get(value)!.shape[1] ?? 1;
  const weightOf = (name: string) => {
    const constant = graph.constants.get(name);
    return constant && (decodeWeight(constant) as Tensor<"float32">);
  };
  const classes = classesOf(graph, values);
  const orderOf = (value: string) => (classes.isFixed(value) ? undefined : order(channelsOf(value)));

  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node): Node => {
    const [x, w, b] = node.inputs;
    const weight = makesChannels(node, graph) || isDepthwise(node, graph) ? weightOf(w) : undefined;
    if (!weight) return node;
    const outputs = node.op === "Conv" ? orderOf(node.outputs[0]) : undefined;
    const inputs = makesChannels(node, graph) ? orderOf(x) : undefined;
    const ofNode = (name: string, value: Tensor) => {
      constants.set(`${name}/${node.name}`, value);
      return `${name}/${node.name}`;
    };
    const bias = b ? weightOf(b)! : undefined;
    const moved = [x, ofNode(w, reordered(reordered(weight, 0, outputs), 1, inputs))];
    if (bias) moved.push(ofNode(b, reordered(bias, 0, outputs)));
    return { ...node, inputs: moved };
  });
  return { ...graph, nodes, constants };
}

/** Place k of the new order holds channel order(channels)[k]: one of each quarter in turn. */
function order(channels: number): number[] {
  const all = Array.from({ length: channels }, (_, channel) => channel);
  // Of few channels two quarters are of one block: they do not stand side by side.
  const [a, b, c, d] = [0, 2, 1, 3].map((quarter) =>
    all.filter((channel) => Math.floor((4 * channel) / channels) === quarter),
  );
  const most = Math.ceil(channels / 4);
  const rounds = Array.from({ length: most }, (_, k) => [a[k], b[k], c[k], d[k]]);
  return rounds.flat().filter((channel) => channel !== undefined);
}

/** Which values have their channels in a common order, and whether that has to stay. */
function classesOf(graph: Graph, values: ExecutionPlan["values"]): { isFixed(value: string): boolean } {
  const parents = new Map<string, string>();
  const fixed = new Set<string>();
  const rootOf = (value: string): string => {
    const parent = parents.get(value);
    return parent === undefined ? value : rootOf(parent);
  };
  const unite = (a: string, b: string) => {
    const [from, to] = [rootOf(a), rootOf(b)];
    if (from === to) return;
    parents.set(from, to);
    if (fixed.has(from)) fixed.add(to);
  };
  const fix = (value: string) => void fixed.add(rootOf(value));

  for (const { name } of [...graph.inputs, ...graph.outputs]) fix(name);
  for (const node of graph.nodes) {
    const [y] = node.outputs;
    const computed = node.inputs.filter((name) => name && !graph.constants.has(name));
    if (makesChannels(node, graph)) {
      if (node.op !== "Conv") fix(y);
    } else if (
      isDepthwise(node, graph) ||
      (keepsChannels.has(node.op) && hasChannels(node, graph, values)) ||
      (node.op === "Flatten" && sameCount(values.get(node.inputs[0])!.shape, values.get(y)!.shape))
    ) {
      for (const x of computed) unite(x, y);
    } else {
      for (const value of [...computed, ...node.outputs]) fix(value);
    }
  }
  return { isFixed: (value) => fixed.has(rootOf(value)) };
}

/** A convolution of all channels, or a Gemm, whose constant weight is [outputs, inputs, …]. */
function makesChannels({ op, inputs, attrs }: Node, { constants }: Graph): boolean {
  const areConstant = inputs.slice(1).every((name) => constants.has(name));
  if (op === "Conv") return areConstant && (attrs.group ?? 1) === 1;
  return op === "Gemm" && areConstant && attrs.transB === 1 && !attrs.transA;
}

function isDepthwise({ op, inputs, attrs }: Node, { constants }: Graph): boolean {
  const weight = constants.get(inputs[1]);
  return (
    op === "Conv" &&
    inputs.slice(1).every((name) => constants.has(name)) &&
    weight?.shape[0] === attrs.group &&
    weight?.shape[1] === 1
  );
}

/** Whether all that it computes with has the same channels, or is a number. */
function hasChannels({ inputs, outputs }: Node, { constants }: Graph, values: ExecutionPlan["values"]) {
  const { shape } = values.get(outputs[0])!;
  return inputs.every((name) => {
    if (!name) return true;
    const constant = constants.get(name);
    if (constant) return !isSparse(constant) && constant.data.length === 1;
    const given = values.get(name)!.shape;
    return given.length === 4 && shape.length === 4 && given[1] === shape[1];
  });
}

/** [1, C, 1, 1] and [1, C]. */
function sameCount(image: readonly number[], row: readonly number[]): boolean {
  return row.length === 2 && image[1] === row[1];
}

/** The weight with place k along `axis` (0 or 1) from place order[k]. */
function reordered(
  { shape, data }: Tensor,
  axis: 0 | 1,
  from: readonly number[] | undefined,
): Tensor<"float32"> {
  const source = data as Float32Array;
  if (!from) return tensor(shape, source);
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = axis === 0 ? 1 : shape[0];
  const result = new Float32Array(source.length);
  for (let i = 0, at = 0; i < outer; i++) {
    for (const k of from) {
      const start = (i * from.length + k) * inner;
      result.set(source.subarray(start, start + inner), at);
      at += inner;
    }
  }
  return tensor(shape, result);
}
