/** Einsum of one or two operands as Transpose, Reshape, MatMul and ReduceSum. */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Rewrite, type Rewriting, rankOf, refused, type Size, writerFor } from "./writer.ts";

/** A value whose axes have labels: a letter each. */
interface Labelled {
  readonly name: string;
  readonly labels: string;
}

export const einsum: Readonly<Record<string, Rewrite>> = {
  Einsum(node, rewriting) {
    const w = writerFor(node, rewriting);
    const { operands, result, sizes } = parse(node, rewriting);
    /** The sum over all labels but those kept. */
    const summed = ({ name, labels }: Labelled, kept: string): Labelled => {
      const axes = [...labels].flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
      if (axes.length === 0) return { name, labels };
      const left = [...labels].filter((label) => kept.includes(label)).join("");
      return { name: w.add("ReduceSum", [name], { axes, keepdims: 0 }), labels: left };
    };
    const ordered = ({ name, labels }: Labelled, order: string): string =>
      w.transpose(
        name,
        [...order].map((label) => labels.indexOf(label)),
      );
    /** One size for each group of labels: their product. */
    const grouped = (name: string, groups: readonly string[]): string => {
      if (groups.every((group) => group.length === 1)) return name;
      let axis = 0;
      const target = groups.map((group): Size => {
        const known = [...group].map((label) => sizes.get(label));
        const first = axis;
        axis += group.length;
        if (!known.includes(undefined)) return known.reduce((a, b) => a! * b!, 1)!;
        return group.length === 1 ? { axis: first } : -1;
      });
      return w.reshape(name, target);
    };

    const [first, second] = operands;
    if (!second) return w.end(w.add("Identity", [ordered(summed(first, result), result)]));
    const a = summed(first, second.labels + result);
    const b = summed(second, a.labels + result);
    const both = [...a.labels].filter((label) => b.labels.includes(label));
    const batch = both.filter((label) => result.includes(label)).join("");
    const inner = both.filter((label) => !result.includes(label)).join("");
    const rows = [...a.labels].filter((label) => !both.includes(label)).join("");
    const columns = [...b.labels].filter((label) => !both.includes(label)).join("");
    const left = grouped(ordered(a, batch + rows + inner), [...batch, rows, inner]);
    const right = grouped(ordered(b, batch + inner + columns), [...batch, inner, columns]);
    const product = w.add("MatMul", [left, right]);
    const all = batch + rows + columns;
    const isOpen = rows.length === 1 && columns.length === 1;
    const open = isOpen
      ? product
      : w.reshape(
          product,
          [...all].map((label, axis) => sizes.get(label) ?? { axis }),
        );
    return w.end(ordered({ name: open, labels: all }, result));
  },
};

function parse(node: Node, rewriting: Rewriting) {
  const equation = String(node.attrs.equation ?? "").replaceAll(" ", "");
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== node.inputs.length || terms.length > 2)
    throw refused(
      node,
      `"${equation}" of ${node.inputs.length} inputs; expected one or two, a term each`,
    );
  const ellipsis = "ABCDEFGH";
  let most = 0;
  const operands = terms.map((term, i): Labelled => {
    const name = node.inputs[i];
    const rank = rankOf(node, name, rewriting);
    const open = rank - term.replace("...", "").length;
    if (term.includes("...")) most = Math.max(most, open);
    const labels = term.replace("...", ellipsis.slice(ellipsis.length - open));
    if (labels.length !== rank || new Set(labels).size !== rank || open > ellipsis.length)
      throw refused(node, `"${term}" of "${equation}" does not name the ${rank} axes of '${name}' once`);
    return { name, labels };
  });
  const letters = operands.flatMap(({ labels }) => [...labels]);
  const once = [...new Set(letters)].filter(
    (label) => letters.indexOf(label) === letters.lastIndexOf(label) && !ellipsis.includes(label),
  );
  const around = ellipsis.slice(ellipsis.length - most);
  const result = right?.replace("...", around) ?? around + once.sort().join("");
  const sizes = new Map<string, number | undefined>();
  for (const { name, labels } of operands) {
    const dims = rewriting.dims(name);
    for (const [axis, label] of [...labels].entries()) {
      const dim = dims?.[axis];
      if (!sizes.get(label) || dim !== 1) sizes.set(label, dim);
    }
  }
  return { operands, result, sizes };
}
