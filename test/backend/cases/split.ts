/** Cases of Split, with several outputs. */
import type { Attr } from "../../../runtime/model/graph.ts";
import type { Tensor } from "../../../runtime/model/tensor.ts";
import { plan } from "../../../runtime/plan.ts";
import { randomTensor } from "../../random.ts";
import { type Case, ints } from "./case.ts";

const rows: [name: string, x: Tensor, sizes: number[] | number, attrs: Record<string, Attr>][] = [
  ["two halves of the channels", randomTensor([1, 16, 3, 5], 1), 2, { axis: 1 }],
  ["parts of the channels", randomTensor([2, 9, 4, 3], 2), [2, 3, 4], { axis: 1 }],
  ["queries, keys and values", randomTensor([1, 5, 72], 3), 3, { axis: -1 }],
  ["rows", randomTensor([6, 5], 4), [1, 5], {}],
  ["a vector", randomTensor([8], 5), 4, {}],
];

export const split: Case[] = [
  ...rows.map(([name, x, sizes, attrs]) => cut(name, x, sizes, attrs)),
  cut("uneven parts", randomTensor([7, 4], 6), 3, { num_outputs: 3 }, 18),
];

/** A Split into so many equal parts, or into parts of these sizes. */
function cut(
  name: string,
  x: Tensor,
  sizes: number[] | number,
  attrs: Record<string, Attr>,
  opset?: number,
): Case {
  const count = typeof sizes === "number" ? sizes : sizes.length;
  const outputs = Array.from({ length: count }, (_, i) => `y${i}`);
  const graph = {
    name: "Split",
    nodes: [
      {
        name: "node",
        op: "Split",
        inputs: ["x", "split"].slice(0, typeof sizes === "number" ? 1 : 2),
        outputs,
        attrs,
      },
    ],
    inputs: [{ name: "x", dtype: x.dtype, shape: x.shape }],
    outputs: outputs.map((y) => ({ name: y, dtype: x.dtype, shape: [] })),
    constants: new Map(typeof sizes === "number" ? [] : [["split", ints(...sizes).constant]]),
  };
  return { name, graph: plan(graph).graph, inputs: { x }, ...(opset && { opset }) };
}
