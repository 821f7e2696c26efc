/** Functions of one or more values, element by element, written as others. */
import type { Node } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { knownDims, type Rewrite, refused, type Writer, writerFor } from "./writer.ts";

/** Writes the function of x, the node's first input. */
type Formula = (w: Writer, x: string, attrs: Record<string, number>, node: Node) => string;

const formulas: Readonly<Record<string, Formula>> = {
  Acosh: (w, x) => {
    const root = w.add("Sqrt", [w.add("Sub", [w.add("Mul", [x, x]), w.scalar(1)])]);
    return w.add("Log", [w.add("Add", [x, root])]);
  },
  Asinh: (w, x) => {
    const root = w.add("Sqrt", [w.add("Add", [w.add("Mul", [x, x]), w.scalar(1)])]);
    const size = w.add("Log", [w.add("Add", [w.add("Abs", [x]), root])]);
    return w.add("Mul", [size, w.add("Sign", [x])]);
  },
  Atanh: (w, x) => {
    const ratio = w.add("Div", [w.add("Add", [x, w.scalar(1)]), w.add("Sub", [w.scalar(1), x])]);
    return w.add("Mul", [w.add("Log", [ratio]), w.scalar(0.5)]);
  },
  Celu: (w, x, { alpha = 1 }) => {
    const bent = w.add("Elu", [w.add("Div", [x, w.scalar(alpha)])]);
    return w.add("Mul", [bent, w.scalar(alpha)]);
  },
  Cosh: (w, x) => w.add("Mul", [w.add("Add", exponentials(w, x)), w.scalar(0.5)]),
  IsInf: (w, x, { detect_negative: negative = 1, detect_positive: positive = 1 }) => {
    const size = negative && positive ? w.add("Abs", [x]) : x;
    return w.add("Equal", [size, w.scalar(positive ? Infinity : -Infinity)]);
  },
  IsNaN: (w, x) => w.add("Not", [w.add("Equal", [x, x])]),
  Selu: (w, x, { alpha = 1.6732632423543772, gamma = 1.0507009873554805 }) =>
    w.add("Mul", [w.add("Elu", [x], { alpha }), w.scalar(gamma)]),
  Shrink: (w, x, { bias = 0, lambd = 0.5 }) => {
    const above = w.add("Where", [
      w.add("Greater", [x, w.scalar(lambd, x)]),
      w.add("Sub", [x, w.scalar(bias, x)]),
      w.scalar(0, x),
    ]);
    const isBelow = w.add("Less", [x, w.scalar(-lambd, x)]);
    return w.add("Where", [isBelow, w.add("Add", [x, w.scalar(bias, x)]), above]);
  },
  Sinh: (w, x) => w.add("Mul", [w.add("Sub", exponentials(w, x)), w.scalar(0.5)]),
  Size: (w, x) => w.add("ReduceProd", [w.add("Shape", [x])], { keepdims: 0 }),
  Softsign: (w, x) => w.add("Div", [x, w.add("Add", [w.add("Abs", [x]), w.scalar(1)])]),
  ThresholdedRelu: (w, x, { alpha = 1 }) =>
    w.add("Where", [w.add("Greater", [x, w.scalar(alpha)]), x, w.scalar(0)]),
};

function exponentials(w: Writer, x: string): string[] {
  return [w.add("Exp", [x]), w.add("Exp", [w.add("Neg", [x])])];
}

const written = Object.entries(formulas).map(([op, formula]): [string, Rewrite] => [
  op,
  (node, rewriting) => {
    const w = writerFor(node, rewriting);
    return w.end(formula(w, node.inputs[0], node.attrs as Record<string, number>, node));
  },
]);

/** The operator of two values, over as many as there are. */
function folded(op: string, isMean = false): Rewrite {
  return (node, rewriting) => {
    const [first, ...others] = node.inputs;
    if (first === undefined) throw refused(node, "has no inputs");
    if (others.length === 1 && node.op === op) return node;
    const w = writerFor(node, rewriting);
    const all = others.reduce((sum, next) => w.add(op, [sum, next]), first);
    return w.end(isMean ? w.add("Mul", [all, w.scalar(1 / node.inputs.length)]) : all);
  };
}

export const elementwise: Readonly<Record<string, Rewrite>> = {
  ...Object.fromEntries(written),
  Max: folded("Max"),
  Mean: folded("Add", true),
  Min: folded("Min"),
  Sum: folded("Add"),

  CastLike(node, rewriting) {
    const dtype = rewriting.dtype(node.inputs[1]);
    if (!dtype) throw refused(node, `the element type of '${node.inputs[1]}' is not known`);
    const to = { float32: 1, uint8: 2, int32: 6, bool: 9 }[dtype];
    return { ...node, op: "Cast", inputs: node.inputs.slice(0, 1), attrs: { to } };
  },

  /** Of integers, or with bounds that are computed: as Max and Min. */
  Clip(node, rewriting) {
    const [x, low, high] = node.inputs;
    const isSimple = [low, high].every((name) => !name || rewriting.constant(name));
    if (isSimple && rewriting.dtype(x) !== "int32" && rewriting.dtype(x) !== "uint8") return node;
    const w = writerFor(node, rewriting);
    const raised = low ? w.add("Max", [x, low]) : x;
    return w.end(high ? w.add("Min", [raised, high]) : raised);
  },

  /** One above, or below, a diagonal that is known: a constant mask. */
  Trilu(node, rewriting) {
    const [x, k] = node.inputs;
    const [h, width] = knownDims(node, x, rewriting).slice(-2);
    const diagonal = k ? rewriting.constant(k)?.data[0] : 0;
    if (diagonal === undefined) throw refused(node, `k '${k}' is computed while running`);
    const isUpper = (node.attrs.upper ?? 1) !== 0;
    const kept = Uint8Array.from({ length: h * width }, (_, i) => {
      const distance = (i % width) - Math.floor(i / width) - diagonal;
      return +(isUpper ? distance >= 0 : distance <= 0);
    });
    const mask = rewriting.addConstant(`${node.name}.mask`, tensor([h, width], kept, "bool"));
    const w = writerFor(node, rewriting);
    return w.end(w.add("Where", [mask, x, w.scalar(0, x)]));
  },
};
