/**
 * Conv, Gemm and MatMul with constant weights read channels and make new ones; a depthwise Conv passes them on.
 *
 * An output whose weights are all zero is its bias everywhere. An input that is k everywhere adds k * sum(w) to each
 * output, which goes into the bias; at a border of zeros that is not so, unless k = 0.
 */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { convGeometry } from "../../../runtime/ops/conv.ts";
import { type ChannelRule, type Channels, type Cut, type Flow, take } from "./rule.ts";

/** A weight seen as [outputs, inputs, taps], whichever way it is stored. */
interface Product {
  readonly weight: Tensor<"float32">;
  readonly outputAxis: 0 | 1; // of the weight
  readonly bias?: Float32Array; // [outputs]
  readonly isPadded: boolean; // with zeros
  readonly inputChannels: number; // the axis of the input that it sums over
  readonly channels: number; // the axis of the output
}

export const product: ChannelRule = {
  follow(node, flow) {
    if (isDepthwise(node, flow)) return followDepthwise(node, flow);
    const found = productOf(node, flow);
    if (!found) return undefined;
    const x = flow.channelsOf(node.inputs[0]);
    const fits = x !== undefined && x.axis === found.inputChannels;
    if (x && !fits) flow.hold(x.classes);
    const { constants, isNeeded } = rowsOf(found, fits ? x.constants : undefined);
    if (fits) flow.hold(x.classes, isNeeded);
    return { axis: found.channels, classes: flow.fresh(constants.length), constants };
  },

  cut(node, cut) {
    const weight = cut.constant(node.inputs[1]) as Tensor<"float32">;
    const rows = cut.kept(node.outputs[0]);
    const columns = cut.kept(node.inputs[0]);
    const outputAxis = outputAxisOf(node);
    const [x, weightName, biasName] = node.inputs;
    const isOwn = node.op === "Conv" && Number(node.attrs.group ?? 1) > 1; // depthwise
    const smaller = take(take(weight, outputAxis, rows), 1 - outputAxis, isOwn ? undefined : columns);
    const inputs = [x, cut.add(weightName, smaller)];
    const bias = cut.constant(biasName) as Tensor<"float32"> | undefined;
    const extra = isOwn || !columns ? undefined : foldedInto(weight, outputAxis, columns, x, cut);
    const attrs = isOwn && rows ? { ...node.attrs, group: rows.length } : node.attrs;
    if (!bias && !extra) return { ...node, inputs, attrs };
    const sum = Float32Array.from(
      { length: weight.shape[outputAxis] },
      (_, o) => (bias ? bias.data[bias.data.length === 1 ? 0 : o] : 0) + (extra ? extra[o] : 0),
    );
    const value = take(tensor([sum.length], sum), 0, rows);
    if (node.op !== "MatMul") {
      return { ...node, inputs: [...inputs, cut.add(biasName || `${node.name}.bias`, value)], attrs };
    }
    const [y] = node.outputs;
    const shift = [`${y}.product`, cut.add(`${node.name}.bias`, value)];
    const add = { name: `${node.name}.folded`, op: "Add", inputs: shift, outputs: [y], attrs: {} };
    return [{ ...node, inputs, outputs: [shift[0]] }, add];
  },
};

const outputAxisOf = ({ op, attrs }: Node): 0 | 1 =>
  op === "MatMul" || (op === "Gemm" && !attrs.transB) ? 1 : 0;

function productOf(node: Node, flow: Flow): Product | undefined {
  const [x, weightName, biasName] = node.inputs;
  const weight = flow.dense(weightName);
  const bias = flow.dense(biasName);
  if (!weight || (biasName && !bias)) return undefined;
  const outputAxis = outputAxisOf(node);
  const outputs = weight.shape[outputAxis];
  if (bias && (bias.data.length !== outputs || bias.shape.at(-1) !== outputs)) return undefined;
  const common = { weight, outputAxis, bias: bias?.data };
  if (node.op === "Conv") {
    const { group, axes } = convGeometry(node, flow.shapeOf(x), weight.shape);
    const isPadded = axes.some(({ padBegin, padEnd }) => padBegin !== 0 || padEnd !== 0);
    return group === 1 ? { ...common, isPadded, inputChannels: 1, channels: 1 } : undefined;
  }
  const { alpha = 1, beta = 1, transA = 0 } = node.attrs;
  if (alpha !== 1 || beta !== 1 || transA !== 0 || weight.shape.length !== 2) return undefined;
  const last = flow.shapeOf(x).length - 1;
  if (last < 1) return undefined;
  return { ...common, isPadded: false, inputChannels: last, channels: last };
}

/** Each output's constant, or NaN, and the inputs that cannot be left out. */
function rowsOf(
  { weight, outputAxis, bias, isPadded }: Product,
  known: Float64Array | undefined,
): { constants: Float64Array; isNeeded: Uint8Array } {
  const { data, shape } = weight;
  const [outputs, inputs] = [shape[outputAxis], shape[1 - outputAxis]];
  const taps = data.length / (outputs * inputs);
  const [byOutput, byInput] = outputAxis === 0 ? [inputs * taps, taps] : [1, outputs];
  const canFold = (input: number) =>
    known !== undefined && (isPadded ? known[input] === 0 : !Number.isNaN(known[input]));
  const foldable = Uint8Array.from({ length: inputs }, (_, input) => (canFold(input) ? 1 : 0));
  const isNeeded = new Uint8Array(inputs);
  const constants = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let sum = bias ? bias[o] : 0;
    for (let input = 0; input < inputs; input++) {
      const first = o * byOutput + input * byInput;
      for (let at = first; at < first + taps; at++) {
        const w = data[at];
        if (w === 0) continue;
        if (foldable[input]) {
          sum += w * known![input];
        } else {
          sum = Number.NaN;
          isNeeded[input] = 1;
          break;
        }
      }
    }
    constants[o] = sum;
  }
  return { constants, isNeeded };
}

/** What the inputs that are not kept add to each output. */
function foldedInto(
  { data, shape }: Tensor<"float32">,
  outputAxis: 0 | 1,
  kept: Int32Array,
  x: string,
  cut: Cut,
): Float64Array | undefined {
  const known = cut.channelsOf(x)!.constants;
  const [outputs, inputs] = [shape[outputAxis], shape[1 - outputAxis]];
  const stays = new Uint8Array(inputs);
  for (const input of kept) stays[input] = 1;
  const folded = Array.from(known.keys()).filter(
    (i) => !stays[i] && known[i] && !Number.isNaN(known[i]),
  );
  if (folded.length === 0) return undefined;
  const taps = data.length / (outputs * inputs);
  const [byOutput, byInput] = outputAxis === 0 ? [inputs * taps, taps] : [1, outputs];
  const sums = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    for (const input of folded) {
      const first = o * byOutput + input * byInput;
      for (let at = first; at < first + taps; at++) sums[o] += data[at] * known[input];
    }
  }
  return sums;
}

function isDepthwise({ op, inputs, attrs }: Node, flow: Flow): boolean {
  if (op !== "Conv") return false;
  const weight = flow.dense(inputs[1]);
  const group = attrs.group ?? 1;
  const isOneEach = weight?.shape[0] === group && weight.shape[1] === 1 && group !== 1;
  return isOneEach && (!inputs[2] || flow.dense(inputs[2]) !== undefined);
}

function followDepthwise(node: Node, flow: Flow): Channels | undefined {
  const x = flow.channelsOf(node.inputs[0]);
  if (x?.axis !== 1) return undefined;
  const weight = flow.dense(node.inputs[1])!;
  const bias = flow.dense(node.inputs[2])?.data;
  const { axes } = convGeometry(node, flow.shapeOf(node.inputs[0]), weight.shape);
  const isPadded = axes.some(({ padBegin, padEnd }) => padBegin !== 0 || padEnd !== 0);
  const taps = weight.data.length / weight.shape[0];
  const constants = Float64Array.from(x.constants, (k, c) => {
    const filter = weight.data.subarray(c * taps, (c + 1) * taps);
    const rest = bias ? bias[c] : 0;
    if (k === 0 || filter.every((w) => w === 0)) return rest;
    return isPadded ? Number.NaN : rest + k * filter.reduce((sum, w) => sum + w, 0);
  });
  return { axis: 1, classes: x.classes, constants };
}
