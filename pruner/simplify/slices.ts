/**
 * Split becomes a Slice for each output; Gather of one index, or of indices at equal steps, becomes one Slice, with a
 * Squeeze where the dimension goes: all of them views of their input in the runtime.
 */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { gathering } from "../../runtime/ops/gather.ts";
import { splitting } from "../../runtime/ops/split.ts";
import { inferInputs, type PlanOptions, plan } from "../../runtime/plan.ts";
import { type Constants, freshName } from "./edit.ts";

export function slicesForSplits(graph: Graph, options: PlanOptions): Graph {
  if (!graph.nodes.some(({ op }) => op === "Split" || op === "Gather")) return graph;
  const { values } = plan(graph, options);
  const constants: Constants = new Map(graph.constants);
  const names = new Set(graph.nodes.map(({ name }) => name));
  const isOpen = graph.inputs.some(({ shape }) => shape.some((size) => typeof size === "string"));
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.op !== "Split" && node.op !== "Gather") return [node];
    const inputs = inferInputs(node, graph, values);
    if (node.op === "Split") {
      const { axis, sizes } = splitting(node, inputs);
      // Equal parts of what may be the batch are other ones at another size.
      if (isOpen && axis === 0 && !node.inputs[1]) return [node];
      let start = 0;
      return sizes.flatMap((size, i) => {
        const [from, output] = [start, node.outputs[i]];
        start += size;
        return output ? [slice(node, output, axis, from, from + size, 1)] : [];
      });
    }
    const { axis, indices, indicesShape } = gathering(node, inputs);
    const [first, second = first + 1] = indices;
    const step = second - first;
    const isEven = step > 0 && indices.every((index, i) => index === first + i * step);
    if (!isEven || indicesShape.length > 1) return [node];
    const asked = inputs[1]?.value?.data ?? [];
    if (isOpen && axis === 0 && asked.some((index) => index < 0)) return [node]; // counted from the batch's end
    const [output] = node.outputs;
    if (indicesShape.length === 1)
      return [slice(node, output, axis, first, (indices.at(-1) ?? 0) + 1, step)];
    const kept = freshName(graph, constants, `${output}.kept`);
    return [
      slice(node, kept, axis, first, first + 1, 1),
      {
        name: unused(`${node.name}.squeeze`),
        op: "Squeeze",
        inputs: [kept, ints(`${node.name}.axis`, axis)],
        outputs: [output],
        attrs: {},
      },
    ];
  });
  return { ...graph, nodes, constants };

  function slice(
    { name, inputs: [x] }: Node,
    output: string,
    axis: number,
    start: number,
    end: number,
    step: number,
  ): Node {
    const range = [start, end, axis, ...(step === 1 ? [] : [step])];
    const words = ["starts", "ends", "axes", "steps"];
    return {
      name: unused(`${name}.${output}`),
      op: "Slice",
      inputs: [x, ...range.map((value, i) => ints(`${output}.${words[i]}`, value))],
      outputs: [output],
      attrs: {},
    };
  }

  function ints(base: string, value: number): string {
    const name = freshName(graph, constants, base);
    constants.set(name, tensor([1], Int32Array.of(value), "int32"));
    return name;
  }

  function unused(base: string): string {
    let name = base;
    while (names.has(name)) name += "_";
    names.add(name);
    return name;
  }
}
