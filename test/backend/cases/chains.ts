/** Graphs of several nodes, in which values are seen under several shapes: what layouts and views are there for. */
import type { Attr, Graph, Node } from "../../../runtime/model/graph.ts";
import { type Shape, type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { plan } from "../../../runtime/plan.ts";
import { randomTensor } from "../../random.ts";
import type { Case } from "./case.ts";

/** Writes a graph node by node; every value is named by the number of its node. */
interface Writer {
  node(op: string, inputs: string[], attrs?: Record<string, Attr>): string;
  constant(shape: Shape, low?: number, high?: number): string;
  ints(...values: number[]): string;
}

function chain(
  name: string,
  shape: Shape,
  write: (writer: Writer, x: string) => string | readonly string[],
): Case {
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  const add = (value: Tensor) => {
    const constant = `c${constants.size}`;
    constants.set(constant, value);
    return constant;
  };
  const writer: Writer = {
    node(op, inputs, attrs = {}) {
      const output = `v${nodes.length}`;
      nodes.push({ name: `node ${nodes.length}`, op, inputs, outputs: [output], attrs });
      return output;
    },
    constant: (shape, low = -0.5, high = 0.5) => add(randomTensor(shape, constants.size + 5, low, high)),
    ints: (...values) => add(tensor([values.length], Int32Array.from(values), "int32")),
  };
  const last = [write(writer, "x")].flat();
  const graph: Graph = {
    name,
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape }],
    outputs: last.map((output) => ({ name: output, dtype: "float32", shape: [] })),
    constants,
  };
  return { name, graph: plan(graph).graph, inputs: { x: randomTensor(shape, 3) } };
}

type Sizes = [windows: number, tokens: number, heads: number, size: number];
type Within = (
  w: Writer,
  q: string,
  k: string,
  softmax: (scores: string) => string,
  shape: Shape,
) => { shared: string; extra?: string[] };

/** What lies between the two products of attention. */
const attentions: [name: string, sizes: Sizes, within: Within][] = [
  [
    "scaled queries, positions and masks",
    [4, 9, 2, 8],
    (w, q, k, softmax, [windows, heads, tokens]) => {
      const scaled = w.node("Mul", [q, w.constant([], 0.3, 0.4)]);
      const products = w.node("MatMul", [scaled, k]);
      const placed = w.node("Add", [products, w.constant([1, heads, tokens, tokens])]);
      const masked = w.node("Add", [w.constant([windows, 1, tokens, tokens], -3, 0), placed]);
      return { shared: softmax(masked) };
    },
  ],
  [
    "scores divided after they are masked",
    [1, 70, 3, 16],
    (w, q, k, softmax, [, , tokens]) => {
      const masked = w.node("Add", [w.node("MatMul", [q, k]), w.constant([tokens, tokens])]);
      return { shared: softmax(w.node("Div", [masked, w.constant([1], 2, 3)])) };
    },
  ],
  [
    "more rows than are taken at a time",
    [1, 197, 1, 20],
    (w, q, k, softmax) => ({ shared: softmax(w.node("MatMul", [q, k])) }),
  ],
  [
    "a negative factor",
    [1, 6, 2, 4],
    (w, q, k, softmax) => {
      const products = w.node("MatMul", [q, k]);
      return { shared: softmax(w.node("Mul", [products, w.constant([], -2, -1)])) };
    },
  ],
  [
    "scores that are read twice",
    [2, 5, 2, 8],
    (w, q, k, softmax) => {
      const products = w.node("MatMul", [q, k]);
      return { shared: softmax(products), extra: [w.node("Relu", [products])] };
    },
  ],
];

const same = { pads: [1, 1, 1, 1] };

/** Images joined along their channels, which are written straight into the place where they are joined. */
const joins: Case[] = [
  chain("branches of 8 and 16 channels, the joined image wants a border", [2, 3, 6, 5], (w, x) => {
    const a = w.node("Relu", [w.node("Conv", [x, w.constant([8, 3, 3, 3])], same)]);
    const b = w.node("Conv", [a, w.constant([16, 8, 3, 3])], same);
    const joined = w.node("Concat", [b, a], { axis: 1 });
    return w.node("Conv", [joined, w.constant([8, 24, 3, 3])], same);
  }),
  chain("pools of pools, joined", [1, 8, 7, 6], (w, x) => {
    const pool = (from: string) =>
      w.node("MaxPool", [from], { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] });
    const a = w.node("Conv", [x, w.constant([8, 8, 1, 1])]);
    const [b, c] = [pool(a), pool(pool(a))];
    return w.node("Conv", [w.node("Concat", [a, b, c], { axis: 1 }), w.constant([4, 24, 1, 1])]);
  }),
  chain(
    "an enlarged image, one from outside, one twice, and one that is a result",
    [1, 8, 6, 4],
    (w, x) => {
      const a = w.node("Conv", [x, w.constant([8, 8, 3, 3])], { ...same, strides: [2, 2] });
      const large = w.node("Resize", [a, "", "", w.ints(1, 8, 6, 4)], { mode: "nearest" });
      const b = w.node("Conv", [x, w.constant([8, 8, 1, 1])]);
      const joined = w.node("Concat", [large, x, b, b], { axis: 1 });
      return [w.node("Conv", [joined, w.constant([8, 32, 3, 3])], same), b, joined];
    },
  ),
  chain("channels that fill no vectors", [1, 8, 4, 4], (w, x) => {
    const a = w.node("Conv", [x, w.constant([12, 8, 1, 1])]);
    const b = w.node("Conv", [x, w.constant([8, 8, 1, 1])]);
    return w.node("Relu", [w.node("Concat", [a, b], { axis: 1 })]);
  }),
  chain("joined again, and added to", [1, 8, 4, 4], (w, x) => {
    const conv = (from: string) => w.node("Conv", [from, w.constant([8, 8, 1, 1])]);
    const a = conv(x);
    const inner = w.node("Concat", [conv(a), a], { axis: 1 });
    const outer = w.node("Concat", [inner, w.node("Add", [conv(a), a])], { axis: 1 });
    return w.node("Conv", [outer, w.constant([8, 24, 3, 3])], same);
  }),
  chain("rows of one matrix behind those of another", [1, 7, 12], (w, x) => {
    const a = w.node("MatMul", [x, w.constant([12, 12])]);
    const b = w.node("Softmax", [w.node("Slice", [a, w.ints(2), w.ints(5), w.ints(1)])], { axis: -1 });
    const joined = w.node("Concat", [a, b, x], { axis: 1 });
    return [w.node("MatMul", [joined, w.constant([12, 4])]), joined];
  }),
  chain("rows under other shapes, joined", [6, 10], (w, x) => {
    const a = w.node("MatMul", [x, w.constant([10, 10])]);
    const b = w.node("Tanh", [x]);
    const rows = [w.node("Reshape", [a, w.ints(1, 6, 10)]), w.node("Reshape", [b, w.ints(1, 6, 10)])];
    const joined = w.node("Concat", rows, { axis: 1 });
    const by = w.node("Transpose", [w.node("Reshape", [joined, w.ints(3, 4, 10)])], { perm: [1, 0, 2] });
    return [w.node("Exp", [by]), w.node("Neg", [a]), w.node("Concat", [joined, joined], { axis: 1 })];
  }),
  chain("rows of a batch, joined", [2, 3, 5], (w, x) => {
    const a = w.node("MatMul", [x, w.constant([5, 5])]);
    const b = w.node("Tanh", [a]);
    const joined = w.node("Concat", [b, a], { axis: 1 });
    return w.node("Concat", [w.node("Neg", [joined]), joined], { axis: 0 });
  }),
  chain("a depthwise convolution joined with its input", [1, 8, 6, 6], (w, x) => {
    const a = w.node("Conv", [x, w.constant([16, 8, 1, 1])]);
    const b = w.node("Conv", [a, w.constant([16, 1, 3, 3])], { ...same, group: 16 });
    return w.node("Conv", [w.node("Concat", [a, b], { axis: 1 }), w.constant([8, 32, 1, 1])]);
  }),
];

export const chains: Case[] = [
  chain("an image becomes rows without a copy", [2, 3, 6, 5], (w, x) => {
    const image = w.node("Conv", [x, w.constant([16, 3, 3, 3])], same);
    const flat = w.node("Reshape", [image, w.ints(2, 16, 30)]);
    return w.node("MatMul", [w.node("Transpose", [flat], { perm: [0, 2, 1] }), w.constant([16, 9])]);
  }),
  chain("rows become an image that wants a border", [2, 30, 16], (w, x) => {
    const rows = w.node("MatMul", [x, w.constant([16, 8])]);
    const flat = w.node("Transpose", [rows], { perm: [0, 2, 1] });
    const image = w.node("Reshape", [flat, w.ints(2, 8, 5, 6)]);
    return w.node("Conv", [image, w.constant([4, 8, 3, 3])], same);
  }),
  chain("channels last through a convolution and back, and a sum", [1, 6, 5, 8], (w, x) => {
    const first = w.node("Transpose", [x], { perm: [0, 3, 1, 2] });
    const image = w.node("Conv", [first, w.constant([8, 8, 3, 3])], same);
    const last = w.node("Transpose", [w.node("Relu", [image])], { perm: [0, 2, 3, 1] });
    return w.node("Add", [last, x]);
  }),
  chain("an image read by a convolution and, along its width, by a product", [1, 8, 5, 16], (w, x) => {
    const image = w.node("Relu", [x]);
    const conv = w.node("Conv", [image, w.constant([8, 8, 3, 3])], same);
    return w.node("Add", [conv, w.node("MatMul", [image, w.constant([16, 16])])]);
  }),
  chain("a product's result read by a convolution", [1, 3, 5, 8], (w, x) => {
    const product = w.node("MatMul", [x, w.constant([8, 7])]);
    return [w.node("Conv", [product, w.constant([4, 3, 3, 3])], same), w.node("Relu", [product])];
  }),
  chain("a channel-last norm between convolutions", [1, 9, 4, 4], (w, x) => {
    const image = w.node("Conv", [x, w.constant([12, 9, 3, 3])], same);
    const last = w.node("Transpose", [image], { perm: [0, 2, 3, 1] });
    const norm = w.node("LayerNormalization", [last, w.constant([12]), w.constant([12])]);
    const first = w.node("Transpose", [norm], { perm: [0, 3, 1, 2] });
    return w.node("Add", [w.node("Conv", [first, w.constant([12, 12, 1, 1])]), image]);
  }),
  ...joins,
  chain("heads of attention", [2, 7, 24], (w, x) => {
    const heads = (perm: number[]) => {
      const rows = w.node("MatMul", [x, w.constant([24, 24])]);
      return w.node("Transpose", [w.node("Reshape", [rows, w.ints(2, 7, 3, 8)])], { perm });
    };
    const scores = w.node("MatMul", [heads([0, 2, 1, 3]), heads([0, 2, 3, 1])]);
    const mixed = w.node("MatMul", [w.node("Softmax", [scores]), heads([0, 2, 1, 3])]);
    const turned = w.node("Transpose", [mixed], { perm: [0, 2, 1, 3] });
    return w.node("MatMul", [w.node("Reshape", [turned, w.ints(2, 7, 24)]), w.constant([24, 10])]);
  }),
  ...attentions.map(([name, [windows, tokens, heads, size], within]) =>
    chain(`attention: ${name}`, [windows * tokens, heads * size], (w, x) => {
      const channels = heads * size;
      const turned = (perm: number[]) => {
        const rows = w.node("MatMul", [x, w.constant([channels, channels])]);
        const parts = w.node("Reshape", [rows, w.ints(windows, tokens, heads, size)]);
        return w.node("Transpose", [parts], { perm });
      };
      const [q, k, v] = [turned([0, 2, 1, 3]), turned([0, 2, 3, 1]), turned([0, 2, 1, 3])];
      const shape = [windows, heads, tokens, tokens];
      const shares = (scores: string) => w.node("Softmax", [scores], { axis: 3 });
      const { shared, extra = [] } = within(w, q, k, shares, shape);
      const mixed = w.node("Transpose", [w.node("MatMul", [shared, v])], { perm: [0, 2, 1, 3] });
      const rows = w.node("Reshape", [mixed, w.ints(windows * tokens, channels)]);
      return [w.node("MatMul", [rows, w.constant([channels, 8])]), ...extra];
    }),
  ),
  chain("heads of a size that fills no vectors, of one product", [1, 9, 15], (w, x) => {
    const rows = w.node("MatMul", [x, w.constant([15, 45])]);
    const split = w.node("Reshape", [rows, w.ints(1, 9, 3, 3, 5)]);
    const turned = w.node("Transpose", [split], { perm: [2, 0, 3, 1, 4] });
    const [q, k, v] = [0, 1, 2].map((i) => {
      const part = w.node("Slice", [turned, w.ints(i), w.ints(i + 1), w.ints(0)]);
      return w.node("Reshape", [part, w.ints(1, 3, 9, 5)]);
    });
    const scores = w.node("MatMul", [q, w.node("Transpose", [k], { perm: [0, 1, 3, 2] })]);
    const mixed = w.node("MatMul", [w.node("Softmax", [scores]), v]);
    return w.node("Reshape", [w.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }), w.ints(9, 15)]);
  }),
  chain("windows are cut, multiplied and put together again", [1, 48, 8], (w, x) => {
    const rows = w.node("LayerNormalization", [x, w.constant([8])]);
    const cut = w.node("Reshape", [rows, w.ints(1, 2, 3, 4, 2, 8)]);
    const windows = w.node("Transpose", [cut], { perm: [0, 1, 3, 2, 4, 5] });
    const product = w.node("MatMul", [
      w.node("Reshape", [windows, w.ints(8, 6, 8)]),
      w.constant([8, 16]),
    ]);
    const parts = w.node("Reshape", [product, w.ints(1, 2, 4, 3, 2, 16)]);
    const whole = w.node("Transpose", [parts], { perm: [0, 1, 3, 2, 4, 5] });
    return w.node("Relu", [w.node("Reshape", [whole, w.ints(1, 48, 16)])]);
  }),
  chain("rolled, cut into windows, rolled back", [4, 6, 8], (w, x) => {
    const roll = (value: string, axis: number, at: number, size: number) =>
      w.node(
        "Concat",
        [
          w.node("Slice", [value, w.ints(at), w.ints(size), w.ints(axis)]),
          w.node("Slice", [value, w.ints(0), w.ints(at), w.ints(axis)]),
        ],
        { axis },
      );
    const rolled = roll(roll(w.node("Relu", [x]), 0, 1, 4), 1, 2, 6);
    const cut = w.node("Reshape", [rolled, w.ints(1, 2, 2, 2, 24)]);
    const windows = w.node("Transpose", [cut], { perm: [0, 1, 3, 2, 4] });
    const product = w.node("MatMul", [w.node("Reshape", [windows, w.ints(24, 8)]), w.constant([8, 8])]);
    const whole = w.node("Transpose", [w.node("Reshape", [product, w.ints(1, 2, 2, 2, 24)])], {
      perm: [0, 1, 3, 2, 4],
    });
    return w.node("Add", [roll(w.node("Reshape", [whole, w.ints(4, 6, 8)]), 1, 4, 6), x]);
  }),
  chain("a view of a view of a part", [6, 40], (w, x) => {
    const part = w.node("Slice", [w.node("Relu", [x]), w.ints(1, 8), w.ints(5, 32), w.ints(0, 1)]);
    const split = w.node("Reshape", [part, w.ints(2, 2, 3, 8)]);
    return w.node("MatMul", [w.node("Transpose", [split], { perm: [2, 0, 1, 3] }), w.constant([8, 5])]);
  }),
  chain("a reshape through the middle of rows", [4, 6], (w, x) => {
    const rows = w.node("Relu", [x]);
    return [
      w.node("Relu", [w.node("Reshape", [rows, w.ints(3, 8)])]),
      w.node("MatMul", [w.node("Reshape", [rows, w.ints(8, 3)]), w.constant([3, 5])]),
    ];
  }),
  chain("a value that is an output, a view and an operand", [3, 16], (w, x) => {
    const rows = w.node("MatMul", [x, w.constant([16, 24])]);
    const turned = w.node("Transpose", [w.node("Reshape", [rows, w.ints(3, 3, 8)])], {
      perm: [1, 0, 2],
    });
    return [rows, turned, w.node("Add", [turned, w.constant([3, 1, 8])])];
  }),
  chain("six dimensions, added to and permuted", [2, 3, 2, 2, 3, 4], (w, x) => {
    const sum = w.node("Add", [x, w.constant([1, 3, 1, 2, 1, 4])]);
    return w.node("Mul", [w.node("Transpose", [sum], { perm: [5, 3, 1, 0, 2, 4] }), w.constant([3])]);
  }),
  chain("squeezed and excited", [2, 16, 4, 5], (w, x) => {
    const image = w.node("Conv", [x, w.constant([16, 16, 1, 1])]);
    const pooled = w.node("GlobalAveragePool", [image]);
    const gate = w.node("Conv", [pooled, w.constant([16, 16, 1, 1])]);
    return w.node("Mul", [image, gate]);
  }),
  chain("a classifier behind an image", [1, 8, 3, 3], (w, x) => {
    const image = w.node("Conv", [x, w.constant([8, 8, 3, 3])], same);
    return w.node("Gemm", [w.node("Flatten", [image]), w.constant([72, 10])]);
  }),
];
