/**
 * A MatMul of activations [..., K] by a constant matrix [K, N] becomes a Gemm of rows [-1, K] between two Reshapes,
 * with the vector that is added behind it: the one form in which such a weight is pruned and stored sparse.
 */
import type { Graph, Node, StaticValue } from "../../runtime/model/graph.ts";
import { type Shape, tensor } from "../../runtime/model/tensor.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { type Constants, countReads, denseConstant, freshName } from "./edit.ts";

export function gemmOfRows(graph: Graph, options: PlanOptions): Graph {
  const { values } = plan(graph, options);
  const grown = withLargerSizes(graph, options);
  const reads = countReads(graph);
  const readers = new Map(
    graph.nodes.flatMap((node) => node.inputs.map((name) => [name, node] as const)),
  );
  const constants: Constants = new Map(graph.constants);
  const added = new Set<Node>(); // Adds that a Gemm does
  const addShape = (base: string, shape: Shape): string => {
    const name = freshName(graph, constants, base);
    constants.set(name, tensor([shape.length], Int32Array.from(shape), "int32"));
    return name;
  };

  const nodes = graph.nodes.flatMap((node): Node[] => {
    const { op, name, inputs, outputs } = node;
    const weight = op === "MatMul" ? denseConstant(graph.constants, inputs[1]) : undefined;
    const shape = values.get(inputs[0])?.shape ?? [];
    const target =
      weight?.shape.length === 2 && shape.length > 2 && openShape(outputs[0], values, grown);
    if (!weight || !target) return [node];
    const [K, N] = weight.shape;
    const next = reads.get(outputs[0]) === 1 ? readers.get(outputs[0]) : undefined;
    const bias = next?.op === "Add" ? next.inputs.find((input) => input !== outputs[0]) : undefined;
    const isVector = denseConstant(graph.constants, bias)?.shape.join() === `${N}`;
    if (isVector) added.add(next!);
    const rows = freshName(graph, constants, `${outputs[0]}.rows`);
    const products = freshName(graph, constants, `${outputs[0]}.products`);
    const result = isVector ? next!.outputs[0] : outputs[0];
    return [
      reshape(`${name}.rows`, inputs[0], addShape(`${outputs[0]}.rows.shape`, [-1, K]), rows),
      {
        name,
        op: "Gemm",
        inputs: [rows, inputs[1], ...(isVector ? [bias!] : [])],
        outputs: [products],
        attrs: {},
      },
      reshape(`${name}.shape`, products, addShape(`${outputs[0]}.shape`, target), result),
    ];
  });
  return { ...graph, nodes: nodes.filter((node) => !added.has(node)), constants };
}

function reshape(name: string, from: string, shape: string, to: string): Node {
  return { name, op: "Reshape", inputs: [from, shape], outputs: [to], attrs: {} };
}

/** A value's shape with -1 where it is open; undefined where it is open in more than one place. */
function openShape(
  name: string,
  values: ReadonlyMap<string, StaticValue>,
  grown: ReadonlyMap<string, StaticValue> | undefined,
): number[] | undefined {
  const [shape, larger] = [values.get(name)!.shape, grown?.get(name)?.shape];
  const target = shape.map((size, axis) => (larger?.[axis] === size ? size : -1));
  return target.filter((size) => size < 0).length > 1 ? undefined : target;
}

/** All values with each open size of the inputs one larger; undefined where the graph does not allow that. */
function withLargerSizes(
  graph: Graph,
  options: PlanOptions,
): ReadonlyMap<string, StaticValue> | undefined {
  const planned = plan(graph, options);
  const shapes = Object.fromEntries(
    planned.graph.inputs.map(({ name, shape }, i) => [
      name,
      shape.map((size, axis) => {
        return typeof graph.inputs[i].shape[axis] === "string" ? (size as number) + 1 : (size as number);
      }),
    ]),
  );
  try {
    return plan(graph, { ...options, shapes }).values;
  } catch {
    return undefined;
  }
}
