/**
 * Nodes without a kernel: their operator's plain loop runs between two phases, on the first thread, on values read
 * from the arena and written back to it. What the arena does not hold (another dtype than float32, no elements) is
 * kept as plain tensors, which only such nodes and the graph's own inputs and outputs read or make.
 */
import { nodeName } from "../../model/errors.ts";
import { isSparse, type Node } from "../../model/graph.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import { type Shape, sizeOf, type Tensor } from "../../model/tensor.ts";
import { operatorOf } from "../../ops/index.ts";
import { flopsOf } from "../../ops/work.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { copyPieces, packedRows } from "./copy.ts";
import { sharedPhase } from "./phase.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Binding, Phase, Placed } from "./step.ts";
import { sameWalk } from "./views.ts";

export interface Hosting {
  readonly plan: ExecutionPlan; // of what the arena holds: nodes without a kernel are of the operator Host
  readonly plain: Map<string, Tensor>; // what it does not hold, by name
}

/** One output of a node without a kernel. */
interface HostNode extends Node {
  readonly hosted: Node;
  readonly isFirst: boolean; // it computes the node's other outputs too
  readonly why: string;
  readonly original: ExecutionPlan;
  readonly plain: Map<string, Tensor>;
}

/** Does the arena hold values like this? */
export function isPlain(plan: ExecutionPlan, name: string): boolean {
  const { dtype, shape } = plan.values.get(name)!;
  return dtype !== "float32" || sizeOf(shape) === 0;
}

/** `why` says for which nodes there is no kernel. */
export function host(
  original: ExecutionPlan,
  why: (node: Node, plan: ExecutionPlan) => string | undefined,
): Hosting {
  const { graph } = original;
  const plain = new Map<string, Tensor>();
  for (const [name, constant] of graph.constants) {
    if (!isSparse(constant) && isPlain(original, name)) plain.set(name, constant);
  }
  const values = new Map(original.values);
  const inArena = (name: string) => name !== "" && !isPlain(original, name);
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const reason = why(node, original);
    if (reason === undefined) return [node];
    const read = node.inputs.filter((name) => inArena(name) && !graph.constants.has(name));
    const made = node.outputs.filter((name) => name !== "");
    return made.map((name, i): HostNode => {
      if (isPlain(original, name)) values.set(name, { dtype: "float32", shape: [] }); // stands for it in the arena
      const part = { name: i ? `${node.name} ${i}` : node.name, op: "Host", attrs: {}, outputs: [name] };
      const common = { hosted: node, isFirst: i === 0, why: reason, original, plain };
      return { ...part, ...common, inputs: i === 0 ? read : [] };
    });
  });
  const held = <T extends { readonly name: string }>(list: readonly T[]) =>
    list.filter(({ name }) => inArena(name));
  const plan = {
    ...original,
    values,
    graph: { ...graph, nodes, inputs: held(graph.inputs), outputs: held(graph.outputs) },
  };
  return { plan, plain };
}

export const hostBinding: Binding = {
  newAxes: true,
  reads: "any",
  writes: "any",
  scratch: (step, plan) =>
    [...step.inputs, step.output].reduce((bytes, name) => bytes + packedBytes(shapeOf(plan, name)), 0),

  bind(step, builder) {
    const { hosted, isFirst, why, original, plain, inputs } = step.node as HostNode;
    const label = nodeName(hosted);
    let free = builder.scratch;
    /** Where a value lies, or is put, row-major. */
    const packed = (value: Placed): Placed => {
      const whole = { ...packedRows(value.shape), address: free };
      const { origin } = value;
      if (sameWalk(value, { ...whole, origin })) return { ...whole, address: value.address + origin };
      free += packedBytes(value.shape);
      return whole;
    };
    const copied = (from: Placed, to: Placed): Phase[] =>
      from.address + from.origin === to.address + to.origin
        ? []
        : [sharedPhase({ ...step, label }, copyPieces(from, to, builder))];

    const sources = step.inputs.map((name) => builder.value(name));
    const packedSources = sources.map(packed);
    const constants = new Map<string, Tensor>();
    for (const name of hosted.inputs) {
      const constant = original.graph.constants.get(name);
      if (constant) constants.set(name, isSparse(constant) ? decodeWeight(constant) : constant);
    }
    const out = builder.value(step.output);
    const packedOut = packed(out);
    const made = hosted.outputs.filter((name) => name !== "");
    const outputs = made.map((name) => original.values.get(name)!);
    const view = (buffer: ArrayBufferLike, { address, shape }: Placed) =>
      new Float32Array(buffer as ArrayBuffer, address, sizeOf(shape));

    const run = (buffer: ArrayBufferLike) => {
      if (isFirst) {
        const read = hosted.inputs.map((name) => {
          const source = packedSources[inputs.indexOf(name)];
          if (!source) return constants.get(name) ?? plain.get(name);
          return { dtype: "float32", shape: source.shape, data: view(buffer, source) } as Tensor;
        });
        const results = operatorOf(hosted.op)!.reference(hosted, read, outputs);
        hosted.outputs.forEach((name, i) => void (name && plain.set(name, results[i])));
      }
      const name = step.node.outputs[0];
      if (isPlain(original, name)) return;
      view(buffer, packedOut).set(plain.get(name)!.data);
      plain.delete(name);
    };
    const flops = isFirst ? flopsOf(hosted, original.values) : 0;
    return [
      ...sources.flatMap((source, i) => copied(source, packedSources[i])),
      { label, kernel: "reference", detail: why, flops, calls: [[]], run },
      ...copied(packedOut, out),
    ];
  },
};

const packedBytes = (shape: Shape): number => Math.ceil(sizeOf(shape) / 16) * 64;
