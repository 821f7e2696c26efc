/** Reductions: those that are written as others, and axes as an attribute, where later opsets have an input. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { type Rewrite, refused, type Writer, writerFor } from "./writer.ts";

type Attrs = Readonly<Record<string, Attr>>;

/** What is done before and after values are summed up. */
interface Around {
  readonly sum: string;
  before?(w: Writer, x: string): string;
  after?(w: Writer, sum: string): string;
}

const square = (w: Writer, x: string) => w.add("Mul", [x, x]);
const log = (w: Writer, x: string) => w.add("Log", [x]);

const reductions: Readonly<Record<string, Around>> = {
  ReduceL1: { sum: "ReduceSum", before: (w, x) => w.add("Abs", [x]) },
  ReduceL2: { sum: "ReduceSum", before: square, after: (w, sum) => w.add("Sqrt", [sum]) },
  ReduceLogSum: { sum: "ReduceSum", after: log },
  ReduceMax: { sum: "ReduceMax" },
  ReduceMean: { sum: "ReduceMean" },
  ReduceMin: { sum: "ReduceMin" },
  ReduceProd: { sum: "ReduceProd" },
  ReduceSum: { sum: "ReduceSum" },
  ReduceSumSquare: { sum: "ReduceSum", before: square },
};

const rewritten = Object.entries(reductions).map(([op, { sum, before, after }]): [string, Rewrite] => [
  op,
  (node, rewriting) => {
    const { axes, ...attrs } = reduced(node, rewriting);
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const values = before ? before(w, x) : x;
    const total =
      axes === "none" ? values : w.add(sum, [values], axes === undefined ? attrs : { ...attrs, axes });
    return w.end(after ? after(w, total) : total);
  },
]);

export const reduce: Readonly<Record<string, Rewrite>> = {
  ...Object.fromEntries(rewritten),

  /** The largest value is taken out first: e^x of it is 1. */
  ReduceLogSumExp(node, rewriting) {
    const { axes, ...attrs } = reduced(node, rewriting);
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    if (axes === "none") return w.end(w.add("Identity", [x]));
    const over: Attrs = axes === undefined ? {} : { axes };
    const most = w.add("ReduceMax", [x], { ...over, keepdims: 1 });
    const small = w.add("Exp", [w.add("Sub", [x, most])]);
    const sum = w.add("Log", [w.add("ReduceSum", [small], { ...over, ...attrs })]);
    return w.end(w.add("Add", [sum, w.add("ReduceMax", [x], { ...over, ...attrs })]));
  },
};

/** The attributes, with the axes of an input; "none" where nothing is reduced. */
function reduced(
  node: Parameters<Rewrite>[0],
  { constant }: Parameters<Rewrite>[1],
): Attrs & { axes?: readonly number[] | "none" } {
  const { noop_with_empty_axes: noop, ...attrs } = node.attrs;
  const [, name] = node.inputs;
  const given = name ? constant(name) : undefined;
  if (name && !given) throw refused(node, `axes '${name}' is computed while running`);
  const axes = given ? Array.from(given.data) : (node.attrs.axes as number[] | undefined);
  if (!axes?.length) return noop ? { ...attrs, axes: "none" } : attrs;
  return { ...attrs, axes };
}
