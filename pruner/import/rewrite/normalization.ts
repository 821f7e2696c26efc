/** Normalizations, written as LayerNormalization, reductions and pools. */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Rewrite, rankOf, refused, type Writer, writerFor } from "./writer.ts";

export const normalization: Readonly<Record<string, Rewrite>> = {
  InstanceNormalization(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x, scale, shift] = node.inputs;
    const normal = normalRows(w, w.reshape(x, [{ axis: 0 }, { axis: 1 }, -1]), node);
    return w.end(w.reshapeLike(scaled(w, normal, scale, shift), x));
  },

  /** With mean and 1 / deviation as further outputs, where anything reads them. */
  LayerNormalization(node, rewriting) {
    const [, mean = "", factor = ""] = node.outputs.map((name) => (rewriting.isRead(name) ? name : ""));
    if (!mean && !factor) return { ...node, outputs: node.outputs.slice(0, 1) };
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const { axis = -1, epsilon = 1e-5 } = node.attrs as Record<string, number>;
    const axes = axesFrom(axis, rankOf(node, x, rewriting));
    const means = w.add("ReduceMean", [x], { axes });
    const apart = w.add("Sub", [x, means]);
    const variance = w.add("ReduceMean", [w.add("Mul", [apart, apart])], { axes });
    const deviation = w.add("Sqrt", [w.add("Add", [variance, w.scalar(epsilon)])]);
    const factors = w.add("Reciprocal", [deviation]);
    const also = (value: string, output: string): Node[] => {
      const name = `${node.name} ${output}`;
      return output ? [{ name, op: "Identity", inputs: [value], outputs: [output], attrs: {} }] : [];
    };
    const nodes = w.end(w.add("LayerNormalization", node.inputs, node.attrs));
    return [...nodes, ...also(means, mean), ...also(factors, factor)];
  },

  /** Before opset 21 scale and shift are one for each group. */
  GroupNormalization(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x, scale, shift] = node.inputs;
    const groups = Number(node.attrs.num_groups);
    let normal = normalRows(w, w.reshape(x, [{ axis: 0 }, groups, -1]), node);
    if (rewriting.opset < 21) return w.end(w.reshapeLike(scaled(w, normal, scale, shift), x));
    const channels = rewriting.dims(scale)?.[0];
    if (channels === undefined) throw refused(node, `the size of '${scale}' is not known`);
    normal = w.reshape(normal, [{ axis: 0 }, channels, -1]);
    return w.end(w.reshapeLike(scaled(w, normal, scale, shift), x));
  },

  /**
   * x / (bias + alpha / size * the sum of x² over `size` channels around)^beta. The sum is an average pool along the
   * channels of an image that has the pixels as its channels.
   */
  LRN(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const { size, alpha = 1e-4, beta = 0.75, bias = 1 } = node.attrs as Record<string, number>;
    if (!(size >= 1)) throw refused(node, `size is ${size}; expected 1 or more`);
    const rows = w.reshape(w.add("Mul", [x, x]), [{ axis: 0 }, { axis: 1 }, -1]);
    const image = w.add("Unsqueeze", [w.transpose(rows, [0, 2, 1]), w.ints([3])]);
    const before = Math.floor((size - 1) / 2);
    const means = w.add("AveragePool", [image], {
      kernel_shape: [size, 1],
      pads: [before, 0, size - 1 - before, 0],
      count_include_pad: 1,
    });
    const back = w.transpose(w.add("Squeeze", [means, w.ints([3])]), [0, 2, 1]);
    const weighted = w.add("Add", [w.add("Mul", [back, w.scalar(alpha)]), w.scalar(bias)]);
    const power = w.add("Pow", [w.reshapeLike(weighted, x), w.scalar(beta)]);
    return w.end(w.add("Div", [x, power]));
  },

  /** x - max - log of the sum of e^(x - max): nothing overflows, nothing becomes log 0. */
  LogSoftmax(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const { opset } = rewriting;
    if (opset >= 13) return w.end(logSoftmax(w, x, Number(node.attrs.axis ?? -1)));
    // Before, all dimensions from axis on were one row.
    const axis = Number(node.attrs.axis ?? 1);
    return w.end(w.reshapeLike(logSoftmax(w, w.add("Flatten", [x], { axis }), 1), x));
  },

  LpNormalization(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const { axis = -1, p = 2 } = node.attrs as Record<string, number>;
    const sizes = p === 1 ? w.add("Abs", [x]) : w.add("Mul", [x, x]);
    const sum = w.add("ReduceSum", [sizes], { axes: [axis] });
    const norm = p === 1 ? sum : w.add("Sqrt", [sum]);
    const isZero = w.add("Equal", [norm, w.scalar(0)]);
    return w.end(w.add("Div", [x, w.add("Where", [isZero, w.scalar(1), norm])]));
  },

  RMSNormalization(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x, scale] = node.inputs;
    const { axis = -1, epsilon = 1e-5 } = node.attrs as Record<string, number>;
    const axes = axesFrom(axis, rankOf(node, x, rewriting));
    const mean = w.add("ReduceMean", [w.add("Mul", [x, x])], { axes });
    const root = w.add("Sqrt", [w.add("Add", [mean, w.scalar(epsilon)])]);
    return w.end(w.add("Mul", [w.add("Div", [x, root]), scale]));
  },
};

/** `axis` and all behind it. */
function axesFrom(axis: number, rank: number): number[] {
  const first = axis < 0 ? axis + rank : axis;
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** Each row of [n, c, values] with mean 0 and variance 1. */
function normalRows(w: Writer, rows: string, { attrs }: Node): string {
  const { epsilon = 1e-5 } = attrs as { epsilon?: number };
  return w.add("LayerNormalization", [rows, w.floats([1])], { axis: -1, epsilon });
}

/** [n, c, values] scaled and shifted for each c. */
function scaled(w: Writer, rows: string, scale: string, shift: string): string {
  const column = (vector: string) => w.reshape(vector, [-1, 1]);
  return w.add("Add", [w.add("Mul", [rows, column(scale)]), column(shift)]);
}

function logSoftmax(w: Writer, x: string, axis: number): string {
  const small = w.add("Sub", [x, w.add("ReduceMax", [x], { axes: [axis] })]);
  const sum = w.add("ReduceSum", [w.add("Exp", [small])], { axes: [axis] });
  return w.add("Sub", [small, w.add("Log", [sum])]);
}
