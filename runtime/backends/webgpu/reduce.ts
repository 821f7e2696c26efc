/**
 * Many values become one or as many again, by a workgroup for each line of them: reductions, global pooling, Softmax,
 * LayerNormalization. The invocations take turns along the line; a tree in workgroup memory joins what each found.
 */
import type { Node } from "../../model/graph.ts";
import { type Shape, sizeOf, stridesOf } from "../../model/tensor.ts";
import { normalAxis } from "../../ops/checks.ts";
import { normalization } from "../../ops/layer-normalization.ts";
import { reduction } from "../../ops/reduce.ts";
import { attrsOf, shapeOf } from "../wasm/plan-facts.ts";
import { maxWorkgroups } from "./dispatch.ts";
import type { Family } from "./family.ts";
import type { Step } from "./fuse.ts";
import { store, storeFunction } from "./store.ts";
import { broadcastAxes, strided, type Writer } from "./writer.ts";

const groupSize = 64;

/** What is joined: from a value `x` an f32, two by an expression of `a` and `b`. */
interface Join {
  readonly start: string;
  readonly join: string;
  readonly finish?: string; // of the joined `total`; `count` is how many there were
}

const least = "-3.402823466e38";
const sum: Join = { start: "0.0", join: "a + b" };
const most: Join = { start: least, join: "max(a, b)" };
const mean: Join = { ...sum, finish: "total / f32(count)" };

export const globalAverage = reducing(mean, (_, shape) => shape.map((_, axis) => axis).slice(2));
export const globalMax = reducing(most, (_, shape) => shape.map((_, axis) => axis).slice(2));
export const reduceMean = reducing(mean, reducedAxes);
export const reduceSum = reducing(sum, reducedAxes);
export const reduceMax = reducing(most, reducedAxes);
export const reduceMin = reducing({ start: "3.402823466e38", join: "min(a, b)" }, reducedAxes);
export const reduceProd = reducing({ start: "1.0", join: "a * b" }, reducedAxes);

function reducedAxes(node: Node, shape: Shape): readonly number[] {
  return reduction(node, shape).axes;
}

function reducing(kind: Join, axesOf: (node: Node, shape: Shape) => readonly number[]): Family {
  return {
    write(step, context) {
      const writer = context.writer();
      const { node } = step;
      const shape = shapeOf(context.plan, node.inputs[0]);
      const { line, at, count, lines } = linesOf(writer, shape, axesOf(node, shape));
      writer.helper(joined("join", kind.join));
      const x = writer.value(node.inputs[0]);
      const body = `  var own: f32 = ${kind.start};
  for (var n = t; n < count; n += ${groupSize}u) {
    let a = own;
    let b = ${x}[${line} + ${at("n")}];
    own = ${kind.join};
  }
  let total = join(t, own);
  if (t == 0u) {
    let i = line;
    ${store(writer, step, kind.finish ?? "total")}
  }`;
      return [perLine(writer, step, lines, count, body, "reduce")];
    },
  };
}

/** y = exp(x - most) / sum of exp(x - most) along one axis. */
export const softmax: Family = {
  write(step, context) {
    const writer = context.writer();
    const { node } = step;
    const shape = shapeOf(context.plan, node.inputs[0]);
    const axis = normalAxis(node, attrsOf<{ axis: number }>(node).axis, shape.length);
    const { line, at, count, lines } = linesOf(writer, shape, [axis]);
    writer.helper(joined("most_of", most.join));
    writer.helper(joined("sum_of", sum.join));
    const x = writer.value(node.inputs[0]);
    const body = `  let first = ${line};
  var own: f32 = ${least};
  for (var n = t; n < count; n += ${groupSize}u) { own = max(own, ${x}[first + ${at("n")}]); }
  let most = most_of(t, own);
  own = 0.0;
  for (var n = t; n < count; n += ${groupSize}u) { own += exp(${x}[first + ${at("n")}] - most); }
  let factor = 1.0 / sum_of(t, own);
  for (var n = t; n < count; n += ${groupSize}u) {
    let i = first + ${at("n")};
    store(i, exp(${x}[i] - most) * factor);
  }`;
    const dispatch = perLine(writer, step, lines, count, body, "softmax", storeFunction(writer, step));
    return [dispatch];
  },
};

/** y = (x - mean) / sqrt(variance + epsilon) * scale + bias, over the last dimensions. */
export const layerNorm: Family = {
  write(step, context) {
    const writer = context.writer();
    const { node } = step;
    const [input, scale, bias] = node.inputs;
    const shape = shapeOf(context.plan, input);
    const { shape: inner, epsilon } = normalization(node, shape);
    const count = sizeOf(inner);
    writer.helper(joined("sum_of", sum.join));
    const x = writer.value(input);
    const along = (name: string, prefix: string) =>
      `${writer.value(name)}[${strided(writer, broadcastAxes(shapeOf(context.plan, name), inner), "n", 0, prefix)}]`;
    const shift = bias ? along(bias, "bias") : "0.0";
    const body = `  let first = line * count;
  var own: f32 = 0.0;
  for (var n = t; n < count; n += ${groupSize}u) { own += ${x}[first + n]; }
  let mean = sum_of(t, own) / f32(count);
  own = 0.0;
  for (var n = t; n < count; n += ${groupSize}u) {
    let difference = ${x}[first + n] - mean;
    own += difference * difference;
  }
  let factor = inverseSqrt(sum_of(t, own) / f32(count) + ${writer.constant("epsilon", epsilon, "f32")});
  for (var n = t; n < count; n += ${groupSize}u) {
    store(first + n, (${x}[first + n] - mean) * factor * ${along(scale, "scale")} + ${shift});
  }`;
    const code = storeFunction(writer, step);
    return [perLine(writer, step, sizeOf(shape) / count, count, body, "layer_norm", code)];
  },
};

/** How the lines along `axes` lie: the offset of the first element of `line`, and of element n from there. */
function linesOf(writer: Writer, shape: Shape, axes: readonly number[]) {
  const strides = stridesOf(shape);
  const all = shape.map((size, axis) => ({ size, stride: strides[axis] }));
  const kept = all.filter((_, axis) => !axes.includes(axis));
  const along = all.filter((_, axis) => axes.includes(axis));
  const sizes = (list: readonly { size: number }[]) =>
    list.reduce((product, { size }) => product * size, 1);
  return {
    line: strided(writer, kept, "line", 0, "line"),
    at: (n: string) => strided(writer, along, n, 0, "along"),
    lines: sizes(kept),
    count: sizes(along),
  };
}

/** A function that joins what each invocation has: all get the result. It ends with a barrier, so that calls may follow. */
function joined(name: string, join: string): string {
  return `var<workgroup> shared_${name}: array<f32, ${groupSize}>;
fn ${name}(t: u32, own: f32) -> f32 {
  shared_${name}[t] = own;
  for (var half = ${groupSize / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (t < half) {
      let a = shared_${name}[t];
      let b = shared_${name}[t + half];
      shared_${name}[t] = ${join};
    }
  }
  workgroupBarrier();
  let total = shared_${name}[0];
  workgroupBarrier();
  return total;
}`;
}

function perLine(
  writer: Writer,
  { label }: Step,
  lines: number,
  count: number,
  body: string,
  kernel: string,
  functions = "",
) {
  const x = Math.min(lines, maxWorkgroups);
  const [across, all] = [writer.constant("across", x), writer.constant("lines", lines)];
  const main = `${functions}
@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let line = group.y * ${across} + group.x;
  if (line >= ${all}) { return; }
  let count = ${writer.constant("count", count)};
${body}
}`;
  return writer.finish({
    label,
    kernel,
    detail: "",
    flops: 0,
    main,
    workgroups: [x, Math.ceil(lines / x), 1],
  });
}
