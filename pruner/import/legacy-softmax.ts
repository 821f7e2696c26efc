/**
 * Softmax before opset 13 sees its input as a matrix: all dimensions from `axis` on (1, if it is left out) are
 * one row. Rewritten to the Softmax of one axis, with Flatten and Reshape around it where that is not the same.
 */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Shape, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import type { Rewriting } from "./rewrites.ts";

export function modernSoftmax(graph: Graph, rewriting: Rewriting): Graph {
  if (!graph.nodes.some(({ op }) => op === "Softmax")) return graph;
  const shapes = shapesOf(graph);
  return { ...graph, nodes: graph.nodes.flatMap((node) => rewrite(node, shapes, rewriting)) };
}

function rewrite(node: Node, shapes: ReadonlyMap<string, Shape>, rewriting: Rewriting): Node[] {
  if (node.op !== "Softmax") return [node];
  const asked = typeof node.attrs.axis === "number" ? node.attrs.axis : 1;
  const shape = shapes.get(node.inputs[0]);
  if (!shape)
    throw new ModelError(`${nodeName(node)}: reads '${node.inputs[0]}', whose shape is not known`);
  const axis = asked < 0 ? asked + shape.length : asked;
  if (axis < 0 || axis >= shape.length) {
    throw new ModelError(`${nodeName(node)}: axis ${asked} does not fit the shape [${shape}]`);
  }
  if (shape.slice(axis + 1).every((dim) => dim === 1)) return [{ ...node, attrs: { axis } }];
  const [flat, rows] = [`${node.name}.flat`, `${node.name}.rows`];
  // -1: the first size is the batch, which may be another one later.
  const back = Int32Array.of(-1, ...shape.slice(1));
  const backName = rewriting.addConstant(`${node.name}.shape`, tensor([back.length], back, "int32"));
  return [
    { name: flat, op: "Flatten", inputs: node.inputs, outputs: [flat], attrs: { axis } },
    { ...node, inputs: [flat], outputs: [rows], attrs: { axis: 1 } },
    {
      name: `${node.name}.unflat`,
      op: "Reshape",
      inputs: [rows, backName],
      outputs: node.outputs,
      attrs: {},
    },
  ];
}

/** The shapes of all values, which only a plan knows: every open size must be a first one. */
function shapesOf(graph: Graph): Map<string, Shape> {
  try {
    const { values } = plan(graph);
    return new Map(Array.from(values, ([name, { shape }]) => [name, shape]));
  } catch (error) {
    const { message } = error as Error;
    throw new ModelError(
      `Softmax before opset 13 needs the shape of its input, which is not known (${message}); export with opset 13 or later`,
    );
  }
}
