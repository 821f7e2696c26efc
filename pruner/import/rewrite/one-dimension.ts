/** Convolutions and pools of one dimension as those of images of one row: [N, C, W] is seen as [N, C, 1, W]. */
import type { Attr, Node } from "../../../runtime/model/graph.ts";
import { type Rewrite, writerFor } from "./writer.ts";

/** What the attributes are along the row that is added. */
const added: Readonly<Record<string, readonly number[]>> = {
  dilations: [1],
  kernel_shape: [1],
  strides: [1],
};

const asImage: Rewrite = (node, rewriting) => {
  const [x, weight, ...others] = node.inputs;
  if (rewriting.dims(x)?.length !== 3 || node.outputs.length > 1) return node;
  const w = writerFor(node, rewriting);
  const inputs = [x, weight].filter((name) => name !== undefined);
  const images = inputs.map((name) => w.add("Unsqueeze", [name, w.ints([2])]));
  const made = w.add(node.op, [...images, ...others], attrsOf(node));
  return w.end(w.add("Squeeze", [made, w.ints([2])]));
};

function attrsOf({ attrs }: Node): Record<string, Attr> {
  const longer: Record<string, Attr> = { ...attrs };
  for (const [name, value] of Object.entries(attrs)) {
    if (!Array.isArray(value)) continue;
    if (Object.hasOwn(added, name)) longer[name] = [...added[name], ...value] as number[];
    if (name === "pads") longer[name] = [0, value[0], 0, value[1]] as number[];
  }
  return longer;
}

export const oneDimension: Readonly<Record<string, Rewrite>> = Object.fromEntries(
  ["AveragePool", "Conv", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"].map((op) => [op, asImage]),
);
