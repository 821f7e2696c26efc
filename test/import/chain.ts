/** Graphs in a row, for tests of the importer and of simplify: each node reads the one before it. */
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";

export interface Layer {
  readonly op: string;
  readonly constants?: readonly (Tensor | SparseTensor)[]; // inputs after the first
  readonly attrs?: Readonly<Record<string, Attr>>;
}

/** The graph x -> layer 0 -> layer 1 … -> y. Node i is called `${op}${i}` and makes the value `v${i}`. */
export function chain(x: Tensor, layers: readonly Layer[]): { graph: Graph; inputs: Tensors } {
  const constants = new Map<string, Tensor | SparseTensor>();
  const nodes = layers.map(({ op, constants: extra = [], attrs = {} }, i): Node => {
    const names = extra.map((value, place) => {
      constants.set(`c${i}.${place}`, value);
      return `c${i}.${place}`;
    });
    const output = i === layers.length - 1 ? "y" : `v${i}`;
    return {
      name: `${op}${i}`,
      op,
      inputs: [i ? `v${i - 1}` : "x", ...names],
      outputs: [output],
      attrs,
    };
  });
  const graph: Graph = {
    name: "chain",
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape: ["batch", ...x.shape.slice(1)] }],
    outputs: [{ name: "y", dtype: "float32", shape: [] }],
    constants,
  };
  const outputs = plan(graph, { shapes: { x: x.shape } }).graph.outputs;
  return { graph: { ...graph, outputs }, inputs: { x } };
}
