/**
 * Values that are taken from others as they are: Transpose, Slice, Split, Concat, Pad, Expand, Tile, Gather with
 * known indices. Each element of the result comes from a place that is a sum over its axes, of a stride or a table.
 */
import type { Node } from "../../model/graph.ts";
import { sizeOf, stridesOf, type Tensor, tensor } from "../../model/tensor.ts";
import { normalAxis } from "../../ops/checks.ts";
import { gathering } from "../../ops/gather.ts";
import { Pad, padAmounts } from "../../ops/pad.ts";
import { sliceRanges } from "../../ops/slice.ts";
import { splitting } from "../../ops/split.ts";
import { attrsOf, inputsOf, shapeOf } from "../wasm/plan-facts.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Context, Family } from "./family.ts";
import type { Step } from "./fuse.ts";
import { store } from "./store.ts";
import {
  broadcastAxes,
  perElement,
  scalarOf,
  strided,
  type Step as Walk,
  type Writer,
} from "./writer.ts";

const dtypes = ["float32", "int32", "uint8", "bool"];

export const transpose: Family = {
  dtypes,
  write(step, context) {
    const { node, outputs } = step;
    const shape = shapeOf(context.plan, node.inputs[0]);
    const strides = stridesOf(shape);
    const { perm = shape.map((_, axis) => axis).reverse() } = attrsOf<{ perm?: readonly number[] }>(
      node,
    );
    const axes = perm.map((axis) => ({ size: shape[axis], stride: strides[axis] }));
    return [pick(step, context, axes, 0, outputs[0])];
  },
};

export const slice: Family = {
  dtypes,
  write(step, context) {
    const ranges = sliceRanges(step.node, inputsOf(step.node, context.plan));
    const strides = stridesOf(shapeOf(context.plan, step.node.inputs[0]));
    const axes = ranges.map(({ step, size }, axis) => ({ size, stride: step * strides[axis] }));
    const offset = ranges.reduce((sum, { start }, axis) => sum + start * strides[axis], 0);
    return [pick(step, context, axes, offset, step.outputs[0])];
  },
};

export const split: Family = {
  dtypes,
  splits: true,
  write(step, context) {
    const { plan } = context;
    const { node } = step;
    const { axis: asked, sizes } = splitting(node, inputsOf(node, plan));
    const shape = shapeOf(plan, node.inputs[0]);
    const axis = normalAxis(node, asked, shape.length);
    const strides = stridesOf(shape);
    let before = 0;
    return node.outputs.flatMap((name, i) => {
      const axes = shape.map((size, at) => ({
        size: at === axis ? sizes[i] : size,
        stride: strides[at],
      }));
      const offset = before * strides[axis];
      before += sizes[i];
      if (name === "" || sizes[i] === 0) return [];
      return [pick({ ...step, outputs: [name], made: name }, context, axes, offset, name)];
    });
  },
};

export const expand: Family = {
  dtypes,
  write(step, context) {
    const { node, outputs } = step;
    const axes = broadcastAxes(shapeOf(context.plan, node.inputs[0]), shapeOf(context.plan, outputs[0]));
    return [pick(step, context, axes, 0, outputs[0])];
  },
};

export const tile: Family = {
  dtypes,
  write(step, context) {
    const { node, outputs } = step;
    const shape = shapeOf(context.plan, node.inputs[0]);
    const strides = stridesOf(shape);
    const axes = shapeOf(context.plan, outputs[0]).flatMap((size, axis) => [
      { size: size / shape[axis], stride: 0 },
      { size: shape[axis], stride: strides[axis] },
    ]);
    return [pick(step, context, axes, 0, outputs[0])];
  },
};

export const gather: Family = {
  dtypes,
  unsupported(node, plan) {
    const { shape } = plan.values.get(node.inputs[0])!;
    return shape.length === 0 ? "it gathers from a scalar" : undefined;
  },
  write(step, context) {
    const { node, outputs } = step;
    const { plan } = context;
    const shape = shapeOf(plan, node.inputs[0]);
    const { axis: asked } = attrsOf<{ axis: number }>(node);
    const axis = normalAxis(node, asked, shape.length);
    const strides = stridesOf(shape);
    const before = shape.slice(0, axis).map((size, at) => ({ size, stride: strides[at] }));
    const behind = shape.slice(axis + 1).map((size, at) => ({ size, stride: strides[axis + 1 + at] }));
    const isKnown = plan.graph.constants.has(node.inputs[1]);
    if (isKnown) {
      const { indices } = gathering(node, inputsOf(node, plan));
      const table = Int32Array.from(indices, (index) => index * strides[axis]);
      return [pick(step, context, [...before, { table }, ...behind], 0, outputs[0])];
    }
    // Of indices computed while running, those that do not fit take the nearest that does.
    const writer = context.writer();
    const count = sizeOf(shapeOf(plan, node.inputs[1]));
    const zero = (axes: readonly Walk[]) => axes.map(({ size }) => ({ size, stride: 0 }));
    const flat = strided(writer, [...before, { size: count, stride: 0 }, ...behind], "i", 0, "x");
    const index = strided(
      writer,
      [...zero(before), { size: count, stride: 1 }, ...zero(behind)],
      "i",
      0,
      "n",
    );
    const dim = writer.constant("dim", shape[axis], "i32");
    const stride = writer.constant("stride", strides[axis]);
    const body = `  let named = ${writer.value(node.inputs[1])}[${index}];
  let source = u32(clamp(select(named, named + ${dim}, named < 0), 0, ${dim} - 1));
  ${store(writer, step, `${writer.value(node.inputs[0])}[${flat} + source * ${stride}]`)}`;
    return [finish(writer, step, sizeOf(shapeOf(plan, outputs[0])), body)];
  },
};

export const pad: Family = {
  dtypes,
  unsupported(node, plan) {
    const { value } = padAmounts(node, inputsOf(node, plan));
    return Number.isFinite(value) || Number.isNaN(value) ? undefined : `it pads with ${value}`;
  },
  write(step, context) {
    const { node, outputs } = step;
    const { plan } = context;
    const shape = shapeOf(plan, node.inputs[0]);
    const strides = stridesOf(shape);
    const { begin, end, value, mode } = padAmounts(node, inputsOf(node, plan));
    const axes = shape.map((size, axis): Picked => {
      if (begin[axis] === 0 && end[axis] === 0) return { size, stride: strides[axis] };
      const places = paddedPlaces(size, begin[axis], end[axis], mode);
      return { table: places.map((place) => (place < 0 ? -1 : place * strides[axis])) };
    });
    return [pick(step, context, axes, 0, outputs[0], mode === "constant" ? value : 0)];
  },
};

/** The place in an axis of `size` values of each value of the padded one; -1 for what is padded with: by the definition. */
function paddedPlaces(size: number, begin: number, end: number, mode: string): Int32Array {
  const node: Node = {
    name: "axis",
    op: "Pad",
    inputs: ["x", "pads", "value"],
    outputs: ["y"],
    attrs: { mode },
  };
  const places = Int32Array.from({ length: size }, (_, i) => i);
  const inputs: Tensor[] = [
    tensor([size], places, "int32"),
    tensor([2], Int32Array.of(begin, end), "int32"),
    tensor([], Int32Array.of(-1), "int32"),
  ];
  const known = inputs.map((value) => ({ dtype: value.dtype, shape: value.shape, value }));
  return Pad.reference(node, inputs, Pad.infer(node, known))[0].data as Int32Array;
}

/** One dispatch an input: each is written into its place. */
export const concat: Family = {
  dtypes,
  write(step, context) {
    const { node, outputs } = step;
    const { plan } = context;
    const shape = shapeOf(plan, outputs[0]);
    const axis = normalAxis(node, attrsOf<{ axis: number }>(node).axis, shape.length);
    const strides = stridesOf(shape);
    let before = 0;
    return node.inputs.flatMap((name) => {
      const own = shapeOf(plan, name);
      const offset = before * strides[axis];
      before += own[axis];
      if (sizeOf(own) === 0) return [];
      const writer = context.writer();
      const to = strided(
        writer,
        own.map((size, at) => ({ size, stride: strides[at] })),
        "source",
        offset,
        "to",
      );
      const body = `  let source = i;
  write(${to}, ${writer.value(name)}[source]);`;
      const run = perElement(writer, sizeOf(own), body);
      const type = scalarOf(plan.values.get(step.made)!.dtype);
      const main = `fn write(i: u32, result: ${type}) {\n  ${store(writer, step, "result")}\n}\n${run.main}`;
      return [writer.finish({ label: step.label, kernel: "pick", detail: "", flops: 0, ...run, main })];
    });
  },
};

/** An axis of the result: its elements are `stride` apart in the input, or where a table says; -1: nowhere. */
type Picked = Walk | { readonly table: Int32Array };

/** out[i] = x[offset + the sum over the axes], or `fill` where a table says so. */
function pick(
  step: Step,
  context: Context,
  axes: readonly Picked[],
  offset: number,
  output: string,
  fill = 0,
): Dispatch {
  const writer = context.writer();
  const { plan } = context;
  const sizes = axes.map((axis) => ("table" in axis ? axis.table.length : axis.size));
  const walk = axes.map((axis, at) => ({ size: sizes[at], stride: "table" in axis ? 0 : axis.stride }));
  const x = writer.value(step.node.inputs[0]);
  const lines = [`let source = ${strided(writer, walk, "i", offset, "x")};`];
  const tables = axes.flatMap((axis, at) => ("table" in axis ? [{ at, table: axis.table }] : []));
  for (const { at, table } of tables) {
    const along = sizes.map((size, i) => ({ size, stride: i === at ? 1 : 0 }));
    const index = strided(writer, along, "i", 0, `t${at}`);
    lines.push(`let at${at} = ${writer.data(table, "i32")}[${index}];`);
  }
  const from = ["source", ...tables.map(({ at }) => `u32(at${at})`)].join(" + ");
  const isInside = tables.filter(({ table }) => table.includes(-1)).map(({ at }) => `at${at} >= 0`);
  const type = scalarOf(plan.values.get(step.made)!.dtype);
  lines.push(
    isInside.length
      ? `var picked = ${writer.constant("fill", fill, type)};
  if (${isInside.join(" && ")}) { picked = ${x}[${from}]; }`
      : `let picked = ${x}[${from}];`,
  );
  lines.push(store(writer, step, "picked"));
  return finish(writer, step, sizeOf(shapeOf(plan, output)), `  ${lines.join("\n  ")}`);
}

function finish(writer: Writer, { label }: Step, count: number, body: string): Dispatch {
  return writer.finish({
    label,
    kernel: "pick",
    detail: "",
    flops: 0,
    ...perElement(writer, count, body),
  });
}
