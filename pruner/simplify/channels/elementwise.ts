/**
 * Operators that compute each element from those at the same place: a channel goes on as one, and what a constant
 * channel becomes is computed by the operator itself.
 */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { readAttrs } from "../../../runtime/ops/attributes.ts";
import { operatorOf, operators } from "../../../runtime/ops/index.ts";
import { type ChannelRule, type Channels, type Flow, take } from "./rule.ts";

/** Operands broadcast as NumPy's; any of them may be constants. */
export const elementwise: ChannelRule = {
  follow(node, flow) {
    const rank = flow.shapeOf(node.outputs[0]).length;
    const along = node.inputs.map((name) => alongOutput(name, rank, flow));
    const axis = along.find((channels) => channels !== undefined)?.axis;
    if (axis === undefined) return undefined;
    const count = flow.shapeOf(node.outputs[0])[axis];
    let classes: Int32Array | undefined;
    const operands: (Tensor<"float32"> | undefined)[] = [];
    for (const [i, name] of node.inputs.entries()) {
      const channels = along[i];
      if (name === "") operands.push(undefined);
      else if (channels) {
        if (channels.axis !== axis) return undefined;
        if (channels.classes.length === count) {
          if (classes) flow.join(classes, channels.classes);
          else classes = channels.classes;
        } else flow.hold(channels.classes); // one channel that all of the others are combined with
        operands.push(tensor([channels.constants.length], Float32Array.from(channels.constants)));
      } else {
        const shape = flow.shapeOf(name);
        const size = shape[axis - rank + shape.length] ?? 1;
        const value = flow.dense(name);
        if (!value && size !== 1) return undefined;
        operands.push(value ? alongAxis(value, axis - rank) : unknown(1));
      }
    }
    if (!classes) return undefined;
    return { axis, classes, constants: constantsOf(node, operands, count) };
  },

  cut(node, cut) {
    const [y] = node.outputs;
    const { axis } = cut.channelsOf(y)!;
    const rank = cut.shapeOf(y).length;
    const inputs = node.inputs.map((name) => {
      const value = cut.constant(name);
      const at = axis - rank + (value?.shape.length ?? 0);
      if (!value || (value.shape[at] ?? 1) === 1) return name;
      return cut.add(name, take(value, at, cut.kept(y)));
    });
    return { ...node, inputs };
  },
};

/** Inputs scale, shift, mean and variance, a constant for each channel. */
export const batchNormalization: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    const [scale, shift, mean, variance] = node.inputs.slice(1).map((name) => flow.dense(name)?.data);
    if (x?.axis !== 1 || !scale || !shift || !mean || !variance) return undefined;
    const { epsilon } = readAttrs(node, operators.BatchNormalization.attrs);
    const constants = x.constants.map((k, c) =>
      scale[c] === 0
        ? shift[c]
        : (scale[c] * (k - mean[c])) / Math.sqrt(variance[c] + epsilon) + shift[c],
    );
    return { ...x, constants };
  },

  cut(node, cut) {
    const [x, ...statistics] = node.inputs;
    const kept = cut.kept(x);
    return {
      ...node,
      inputs: [x, ...statistics.map((name) => cut.add(name, take(cut.constant(name)!, 0, kept)))],
    };
  },
};

/** An operand's channels, their axis counted in the output. */
function alongOutput(name: string, rank: number, flow: Flow): Channels | undefined {
  const channels = flow.channelsOf(name);
  if (!channels) return undefined;
  return { ...channels, axis: channels.axis + rank - flow.shapeOf(name).length };
}

/** The values of a constant along one axis, counted from the last, -1 being that; NaN where they differ within a place. */
function alongAxis({ shape, data }: Tensor<"float32">, fromLast: number): Tensor<"float32"> {
  const axis = shape.length + fromLast;
  const count = shape[axis] ?? 1;
  const inner = axis < 0 ? data.length : shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const values = new Float32Array(count);
  for (let i = 0; i < data.length; i++) {
    const at = axis < 0 ? 0 : Math.floor(i / inner) % count;
    const isFirst = i === (axis < 0 ? 0 : at * inner);
    if (isFirst) values[at] = data[i];
    else if (values[at] !== data[i]) values[at] = Number.NaN;
  }
  return tensor(count === 1 ? [] : [count], values);
}

const unknown = (count: number) => tensor([count], new Float32Array(count).fill(Number.NaN));

/** What the operator makes of the constants; NaN goes through, but for a product with 0. */
function constantsOf(
  node: Node,
  operands: readonly (Tensor<"float32"> | undefined)[],
  count: number,
): Float64Array {
  const at = (operand: Tensor<"float32"> | undefined, c: number) =>
    operand ? operand.data[operand.data.length === 1 ? 0 : c] : 0;
  const [made] = operatorOf(node.op)!.reference(node, operands, [{ dtype: "float32", shape: [count] }]);
  return Float64Array.from({ length: count }, (_, c) => {
    if (node.op === "Mul" && operands.some((operand) => at(operand, c) === 0)) return 0;
    return operands.some((operand) => Number.isNaN(at(operand, c))) ? Number.NaN : made.data[c];
  });
}
