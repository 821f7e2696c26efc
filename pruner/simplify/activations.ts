/**
 * Finds activations that are written out in simpler operators, and makes each one node: SiLU, GELU in both forms,
 * hard-swish, hard-sigmoid, in whatever form they were exported.
 *
 * Nodes that together compute one function of one value, with scalars as constants, are found by walking back from
 * the last of them; which function it is, is seen from its values at some places.
 */
import { type Graph, isSparse, type Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { operatorOf } from "../../runtime/ops/index.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { countReads, dropUnused } from "./edit.ts";

const elementwise = new Set(
  (
    "Abs Add Clip Div Erf Exp Gelu HardSigmoid HardSwish Mul Neg Pow Reciprocal Relu Sigmoid Sqrt Sub " +
    "Swish Tanh"
  ).split(" "),
);

/** What a written-out activation has at most: GELU with its tanh, and some spare. */
const mostNodes = 12;

const near = Array.from({ length: 121 }, (_, i) => (i - 60) / 5); // -12 to 12
const probes = Float32Array.of(...near, -1000, -100, -30, 30, 100, 1000);

export function recognizeActivations(graph: Graph, options: PlanOptions): Graph {
  if (!graph.nodes.some(({ op }) => op === "Mul" || op === "Div")) return graph;
  const { values } = plan(graph, options);
  const reads = countReads(graph);
  const makers = new Map<string, Node>(); // as they are by now
  const place = new Map<string, number>();
  const nodes = graph.nodes.map((node, i) => {
    const found = elementwise.has(node.op) ? recognize(node) : undefined;
    const kept = found ?? node;
    for (const name of node.outputs) {
      makers.set(name, kept);
      place.set(name, i);
    }
    return kept;
  });
  return dropUnused({ ...graph, nodes });

  /** The one node that does what `last` and those before it do, or undefined. */
  function recognize(last: Node): Node | undefined {
    const region = [last];
    let leaves = operandsOf(last);
    if (values.get(last.outputs[0])!.dtype !== "float32") return undefined;
    while (leaves.size > 0 && region.length < mostNodes) {
      const [leaf] = leaves;
      if (leaves.size === 1 && region.length > 1) {
        const match = functionOf(region, leaf);
        if (match) return { ...match, name: last.name, inputs: [leaf], outputs: last.outputs };
      }
      // The leaf that is made last is computed from the others, if it is one value with them.
      const newest = [...leaves].reduce((a, b) => ((place.get(b) ?? -1) > (place.get(a) ?? -1) ? b : a));
      const maker = makers.get(newest);
      if (!maker || !elementwise.has(maker.op) || !isInside(newest, region)) return undefined;
      region.unshift(maker);
      leaves = new Set([...leaves, ...operandsOf(maker)]);
      leaves.delete(newest);
    }
    return undefined;
  }

  /** Values that a node reads, but for scalar constants. */
  function operandsOf(node: Node): Set<string> {
    return new Set(node.inputs.filter((name) => name !== "" && !scalarOf(name, node)));
  }

  /** A constant of one value, which does not add dimensions to the node's result. */
  function scalarOf(name: string, node: Node): Tensor | undefined {
    const constant = graph.constants.get(name);
    if (!constant || isSparse(constant) || constant.data.length !== 1) return undefined;
    const isLower = node.inputs.every(
      (other) => graph.constants.has(other) || other === "" || rank(other) >= constant.shape.length,
    );
    return isLower ? tensor([], constant.data as Float32Array, constant.dtype as "float32") : undefined;
  }

  function rank(name: string): number {
    return values.get(name)!.shape.length;
  }

  /** Do only these nodes read the value? */
  function isInside(name: string, region: readonly Node[]): boolean {
    const inside = region.reduce(
      (count, { inputs }) => count + inputs.filter((input) => input === name).length,
      0,
    );
    return reads.get(name) === inside;
  }

  /** The operator and attributes that the region, a function of `leaf`, is. */
  function functionOf(region: readonly Node[], leaf: string): Pick<Node, "op" | "attrs"> | undefined {
    const known = new Map<string, Tensor>([[leaf, tensor([probes.length], probes)]]);
    for (const node of region) {
      const inputs = node.inputs.map((name) =>
        name === "" ? undefined : (known.get(name) ?? scalarOf(name, node)),
      );
      const [output] = node.outputs;
      const shape = inputs.some((input) => input?.shape.length) ? [probes.length] : [];
      known.set(output, operatorOf(node.op)!.reference(node, inputs, [{ dtype: "float32", shape }])[0]);
    }
    const y = known.get(region[region.length - 1].outputs[0])!.data as Float32Array;
    return candidatesFor(y).find((candidate) => computes(candidate, y));
  }
}

/** Activations that may have these values at the probes. */
function candidatesFor(y: Float32Array): Pick<Node, "op" | "attrs">[] {
  const at = (x: number) => y[60 + Math.round(5 * x)];
  const alpha = -Math.log(1 / at(1) - 1); // of x / (1 + e^-αx)
  const slope = (at(0.2) - at(-0.2)) / 0.4;
  return [
    { op: "Swish", attrs: {} },
    ...(alpha > 0 ? [{ op: "Swish", attrs: { alpha: shortest(alpha) } }] : []),
    { op: "Gelu", attrs: {} },
    { op: "Gelu", attrs: { approximate: "tanh" } },
    { op: "HardSwish", attrs: {} },
    { op: "HardSigmoid", attrs: { alpha: shortest(slope), beta: shortest(at(0)) } },
  ];
}

/** The simplest number near x: of few decimals, or a sixth. */
function shortest(x: number): number {
  const near = [Number(x.toFixed(3)), 1 / 6].find((value) => Math.abs(value - x) < 1e-6);
  return near ?? x;
}

/** Are these the operator's values at the probes? Constants of float32 make them differ a little. */
function computes({ op, attrs }: Pick<Node, "op" | "attrs">, y: Float32Array): boolean {
  if (Object.values(attrs).some((value) => typeof value === "number" && !Number.isFinite(value)))
    return false;
  const node: Node = { name: op, op, inputs: ["x"], outputs: ["y"], attrs };
  const shape = [probes.length];
  const [wanted] = operatorOf(op)!.reference(
    node,
    [tensor(shape, probes)],
    [{ dtype: "float32", shape }],
  );
  return y.every((value, i) => Math.abs(value - wanted.data[i]) <= 2e-6 * Math.max(1, Math.abs(value)));
}
