/** Resize to the nearest value, or linearly between two along each axis: y is a sum of up to 4 values of x. */
import { sizeOf, stridesOf } from "../../model/tensor.ts";
import { type ResampledAxis, resampling } from "../../ops/resize.ts";
import { inputsOf, shapeOf } from "../wasm/plan-facts.ts";
import type { Family } from "./family.ts";
import { store } from "./store.ts";
import { perElement, strided } from "./writer.ts";

const isLinear = (axis: ResampledAxis | undefined) =>
  axis?.taps.some(({ share }) => share !== 0) ?? false;

export const resize: Family = {
  unsupported(node, plan) {
    const linear = resampling(node, inputsOf(node, plan)).filter(isLinear).length;
    return linear > 2 ? `it is linear along ${linear} axes` : undefined;
  },

  write(step, context) {
    const { node, outputs, label } = step;
    const { plan } = context;
    const writer = context.writer();
    const shape = shapeOf(plan, node.inputs[0]);
    const target = shapeOf(plan, outputs[0]);
    const strides = stridesOf(shape);
    const axes = resampling(node, inputsOf(node, plan));
    const kept = target.map((size, axis) => ({ size, stride: axes[axis] ? 0 : strides[axis] }));
    const x = writer.value(node.inputs[0]);
    const lines = [`let kept = ${strided(writer, kept, "i", 0, "kept")};`];
    let places = ["kept"]; // of the values that are summed, two for each linear axis
    const shares: string[] = [];
    axes.forEach((axis, at) => {
      if (!axis) return;
      const along = target.map((size, i) => ({ size, stride: i === at ? 1 : 0 }));
      const { taps } = axis;
      const linear = isLinear(axis);
      const words = taps.flatMap(({ first, second }) =>
        linear ? [first * strides[at], second * strides[at]] : [first * strides[at]],
      );
      lines.push(`let o${at} = ${strided(writer, along, "i", 0, `o${at}`)};`);
      const table = writer.data(Uint32Array.from(words), linear ? "vec2<u32>" : "u32");
      lines.push(`let at${at} = ${table}[o${at}];`);
      if (!linear) {
        places = places.map((place) => `${place} + at${at}`);
        return;
      }
      const share = writer.data(
        Float32Array.from(taps, (tap) => tap.share),
        "f32",
      );
      lines.push(`let share${at} = ${share}[o${at}];`);
      shares.push(`share${at}`);
      places = ["x", "y"].flatMap((part) => places.map((place) => `${place} + at${at}.${part}`));
    });
    let values = places.map((place) => `${x}[${place}]`);
    // The places of the last linear axis are in the two halves of the list.
    for (const share of shares.reverse()) {
      const half = values.length / 2;
      values = values.slice(0, half).map((value, i) => `mix(${value}, ${values[half + i]}, ${share})`);
    }
    lines.push(store(writer, step, values[0]));
    const run = perElement(writer, sizeOf(target), `  ${lines.join("\n  ")}`);
    return [writer.finish({ label, kernel: "resize", detail: "", flops: 0, ...run })];
  },
};
