/** Builds the graphs of the zoo: layers with random weights, and the few nodes that stand between them. */
import { type Graph, type Node, type Tensor, tensor } from "../../pruner/index.ts";
import { generator } from "./weights.ts";

export interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly pad?: number; // on every side; by default what keeps the size at stride 1
  readonly group?: number;
  readonly gain?: number; // see `linear`
}

export type Builder = ReturnType<typeof builder>;

/** A node's result has the node's name. */
export function builder(seed: number) {
  const draw = generator(seed);
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();

  const constant = (name: string, shape: readonly number[], data: Float32Array | readonly number[]) => {
    constants.set(name, tensor(shape, data instanceof Float32Array ? data : Float32Array.from(data)));
    return name;
  };
  const ints = (name: string, values: readonly number[]) => {
    constants.set(name, tensor([values.length], Int32Array.from(values), "int32"));
    return name;
  };
  const node = (name: string, op: string, inputs: readonly string[], attrs: Node["attrs"] = {}) => {
    nodes.push({ name, op, inputs, outputs: [name], attrs });
    return name;
  };
  const bias = (name: string, size: number) =>
    constant(`${name}.bias`, [size], draw.vector(size, 0, biasDeviation));

  /** Convolution with bias, as it is once its BatchNormalization is folded. */
  const conv = (name: string, x: string, inC: number, outC: number, options: ConvOptions = {}) => {
    const { kernel = 1, stride = 1, pad = (kernel - 1) / 2, group = 1, gain = 2 } = options;
    const fanIn = (inC / group) * kernel ** 2;
    const deviation = Math.sqrt(gain / fanIn);
    const weight = draw.weight(outC, inC / group, kernel ** 2, deviation);
    constant(`${name}.weight`, [outC, inC / group, kernel, kernel], weight);
    return node(name, "Conv", [x, `${name}.weight`, bias(name, outC)], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      ...(group > 1 && { group }),
    });
  };

  /** Rows [n, inC] -> [n, outC]. `gain`: variance of the result by mean square of x; 2 keeps it through Relus. */
  const linear = (
    name: string,
    x: string,
    inC: number,
    outC: number,
    { gain = 1, hasBias = true }: { gain?: number; hasBias?: boolean } = {},
  ) => {
    constant(`${name}.weight`, [outC, inC], draw.weight(outC, inC, 1, Math.sqrt(gain / inC)));
    const inputs = [x, `${name}.weight`];
    return node(name, "Gemm", hasBias ? [...inputs, bias(name, outC)] : inputs, { transB: 1 });
  };

  const layerNorm = (name: string, x: string, channels: number, epsilon: number) =>
    node(
      name,
      "LayerNormalization",
      [
        x,
        constant(`${name}.weight`, [channels], draw.vector(channels, 1, 0.1)),
        constant(`${name}.bias`, [channels], draw.vector(channels, 0, 0.1)),
      ],
      { axis: -1, epsilon },
    );

  return {
    draw,
    node,
    constant,
    conv,
    linear,
    layerNorm,
    add: (name: string, a: string, b: string) => node(name, "Add", [a, b]),
    relu: (x: string) => node(`${x}.relu`, "Relu", [x]),
    sigmoid: (x: string) => node(`${x}.sigmoid`, "Sigmoid", [x]),
    concat: (name: string, inputs: readonly string[], axis: number) =>
      node(name, "Concat", inputs, { axis }),
    reshape: (name: string, x: string, shape: readonly number[]) =>
      node(name, "Reshape", [x, ints(`${name}.shape`, shape)]),
    transpose: (name: string, x: string, perm: readonly number[]) =>
      node(name, "Transpose", [x], { perm }),
    /** x[starts[i] : ends[i] : steps[i]] along axes[i]; an end past the end means the end. */
    slice: (
      name: string,
      x: string,
      axes: readonly number[],
      starts: readonly number[],
      ends: readonly number[],
      steps: readonly number[] = axes.map(() => 1),
    ) =>
      node(name, "Slice", [
        x,
        ...Object.entries({ starts, ends, axes, steps }).map(([what, list]) =>
          ints(`${name}.${what}`, list),
        ),
      ]),
    /** An image `scale` times as large; the attributes are those that PyTorch writes. */
    resize: (name: string, x: string, scale: number, mode: "nearest" | "linear") =>
      node(
        name,
        "Resize",
        [x, "", constant(`${name}.scales`, [4], [1, 1, scale, scale])],
        mode === "nearest"
          ? { mode, coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }
          : { mode, coordinate_transformation_mode: "half_pixel" },
      ),
    graph: (
      name: string,
      image: readonly number[],
      outputs: Readonly<Record<string, readonly number[]>>,
    ): Graph => ({
      name,
      nodes,
      inputs: [{ name: "image", dtype: "float32", shape: image }],
      outputs: Object.entries(outputs).map(([output, shape]) => ({
        name: output,
        dtype: "float32",
        shape,
      })),
      constants,
    }),
  };
}

const biasDeviation = 0.2;
