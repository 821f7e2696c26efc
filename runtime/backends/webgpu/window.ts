/** A window slides over each plane: MaxPool, AveragePool, depthwise Conv. An invocation computes one value. */
import { sizeOf } from "../../model/tensor.ts";
import { convGeometry } from "../../ops/conv.ts";
import { averagePoolGeometry, maxPoolGeometry, tapsPadded } from "../../ops/pool.ts";
import { asImage, type WindowAxis } from "../../ops/window.ts";
import { shapeOf } from "../wasm/plan-facts.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Context, Family } from "./family.ts";
import type { Step } from "./fuse.ts";
import { store } from "./store.ts";
import { perElement, type Writer } from "./writer.ts";

export const maxPool: Family = {
  write(step, context) {
    const writer = context.writer();
    const { axes } = maxPoolGeometry(step.node, shapeOf(context.plan, step.node.inputs[0]));
    const x = writer.value(step.node.inputs[0]);
    return [
      slide(writer, step, context, axes, {
        kernel: "max_pool",
        before: "var most = -3.402823466e38;",
        tap: `most = max(most, ${x}[at]);`,
        result: "most",
      }),
    ];
  },
};

export const averagePool: Family = {
  write(step, context) {
    const writer = context.writer();
    const x = writer.value(step.node.inputs[0]);
    const { axes, countIncludePad } = averagePoolGeometry(
      step.node,
      shapeOf(context.plan, step.node.inputs[0]),
    );
    // How many of the taps of an output count is known for each row and each column of the result.
    const [countY, countX] = asImage(axes).map((axis) =>
      Float32Array.from({ length: axis.outputSize }, (_, o) => tapsPadded(axis, o)),
    );
    return [
      slide(writer, step, context, axes, {
        kernel: "average_pool",
        before: "var sum = 0.0;\n  var taps = 0.0;",
        tap: `sum += ${x}[at]; taps += 1.0;`,
        result: countIncludePad
          ? `sum / (${writer.data(countY, "f32")}[oy] * ${writer.data(countX, "f32")}[ox])`
          : "sum / max(taps, 1.0)",
      }),
    ];
  },
};

/** One input channel for each output channel, or for several. Weights [outputs, 1, taps] as they are stored. */
export function depthwise(step: Step, context: Context): Dispatch[] {
  const writer = context.writer();
  const { node } = step;
  const [x, w, bias] = node.inputs;
  const [, inC] = shapeOf(context.plan, x);
  const [outC] = shapeOf(context.plan, w);
  const { axes } = convGeometry(node, shapeOf(context.plan, x), shapeOf(context.plan, w));
  const [ay, ax] = asImage(axes);
  const taps = writer.constant("taps", ay.kernel * ax.kernel);
  const first = bias ? `${writer.value(bias)}[plane % ${writer.constant("outC", outC)}]` : "0.0";
  const dispatch = slide(writer, step, context, axes, {
    kernel: "depthwise",
    before: `let w = (plane % ${writer.constant("outC", outC)}) * ${taps};\n  var sum = ${first};`,
    tap: `sum = fma(${writer.value(w)}[w + ky * ${writer.constant("kW", ax.kernel)} + kx], ${writer.value(x)}[at], sum);`,
    result: "sum",
    planesEach: outC / inC,
  });
  const flops = 2 * sizeOf(shapeOf(context.plan, step.made)) * ay.kernel * ax.kernel;
  return [{ ...dispatch, flops }];
}

interface Slide {
  readonly kernel: string;
  readonly before: string; // statements, once a value
  readonly tap: string; // statements for the tap (ky, kx) that reads x[at]
  readonly result: string;
  readonly planesEach?: number; // results of one plane of the input
}

function slide(
  writer: Writer,
  step: Step,
  { plan }: Context,
  axes: readonly WindowAxis[],
  { kernel, before, tap, result, planesEach = 1 }: Slide,
): Dispatch {
  const [ay, ax] = asImage(axes);
  const name = (part: string, value: number) => writer.constant(part, value);
  const signed = (part: string, value: number) => writer.constant(part, value, "i32");
  const plane = planesEach === 1 ? "plane" : `plane / ${name("planesEach", planesEach)}`;
  const [oH, oW] = [name("oH", ay.outputSize), name("oW", ax.outputSize)];
  const [iH, iW] = [signed("iH", ay.inputSize), signed("iW", ax.inputSize)];
  const body = `  let ox = i % ${oW};
  let oy = (i / ${oW}) % ${oH};
  let plane = i / (${oW} * ${oH});
  let first = i32(${plane}) * ${iH} * ${iW};
  let y0 = i32(oy * ${name("strideY", ay.stride)}) - ${signed("padY", ay.padBegin)};
  let x0 = i32(ox * ${name("strideX", ax.stride)}) - ${signed("padX", ax.padBegin)};
  ${before}
  for (var ky = 0u; ky < ${name("kH", ay.kernel)}; ky++) {
    let y = y0 + i32(ky * ${name("dilationY", ay.dilation)});
    if (y < 0 || y >= ${iH}) { continue; }
    for (var kx = 0u; kx < ${name("kW", ax.kernel)}; kx++) {
      let x = x0 + i32(kx * ${name("dilationX", ax.dilation)});
      if (x < 0 || x >= ${iW}) { continue; }
      let at = u32(first + y * ${iW} + x);
      ${tap}
    }
  }
  ${store(writer, step, result)}`;
  const run = perElement(writer, sizeOf(shapeOf(plan, step.made)), body);
  return writer.finish({ label: step.label, kernel, detail: "", flops: 0, ...run });
}
