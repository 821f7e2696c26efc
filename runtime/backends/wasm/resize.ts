/** Resize of images along their spatial axes, on kernels-wasm/resize.ts. */
import {
  type ResizeMode,
  resize,
  resizeColumnWords,
  resizeName,
  resizeRowWords,
} from "../../../kernels-wasm/index.ts";
import { sizeOf } from "../../model/tensor.ts";
import { type ResizeTap, resampling } from "../../ops/resize.ts";
import { pixelAt, roundUp8 } from "./layout.ts";
import { inputsOf, shapeOf } from "./plan-facts.ts";
import { splitForPool } from "./split.ts";
import type { Binding } from "./step.ts";

export const resizeBinding: Binding = {
  images: true,
  wholeLanes: true,
  unsupported(node, plan) {
    const shape = shapeOf(plan, node.inputs[0]);
    if (shape.length !== 4)
      return `its input [${shape}] has rank ${shape.length}; only images [N, C, H, W] run`;
    const [n, c] = resampling(node, inputsOf(node, plan));
    return n || c ? "it resamples images or channels; only axes 2 and 3 of an image run" : undefined;
  },
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const axes = resampling(step.node, inputsOf(step.node, builder.plan));
    const [down, across] = [axes[2]?.taps ?? sameTaps(x.h), axes[3]?.taps ?? sameTaps(x.w)];
    const isLinear = [...down, ...across].some(({ share }) => share > 0);
    const mode: ResizeMode = isLinear ? "linear" : "nearest";

    const rows = table(resizeRowWords[mode], out.n * out.h, (i) => {
      const [image, y] = [Math.floor(i / out.h), i % out.h];
      const { first, second, share } = down[y];
      const at = (row: number) => x.address + pixelAt(x, image, row, 0);
      return [
        out.address + pixelAt(out, image, y, 0),
        at(first),
        ...(isLinear ? [at(second), share] : []),
      ];
    });
    const columns = table(resizeColumnWords[mode], out.w, (i) => {
      const { first, second, share } = across[i];
      return [first * x.pixelBytes, ...(isLinear ? [second * x.pixelBytes, share] : [])];
    });
    const rowsAt = builder.data(rows);
    const columnsAt = builder.data(columns);
    const kernel = builder.kernel(resize(mode, builder.fma));
    const lanes = roundUp8(x.c);
    const rowCycles = out.w * (lanes * (isLinear ? 1 : 0.5) + 10);
    const shares = splitForPool(
      new Array<number>(out.n * out.h).fill(1),
      builder.threads,
      rowCycles * out.n * out.h,
    );
    const rowAt = (row: number) => rowsAt + row * resizeRowWords[mode] * 4;
    const columnsEnd = columnsAt + columns.byteLength;
    return [
      {
        label: step.label,
        kernel: resizeName(mode),
        detail: "",
        flops: isLinear ? 7 * sizeOf(out.shape) : 0,
        calls: shares.map(([first, end]) => [
          {
            kernel,
            args: [rowAt(first), rowAt(end), columnsAt, columnsEnd, lanes * 4, out.pixelBytes],
          },
        ]),
      },
    ];
  },
};

/** Every value by itself. */
function sameTaps(size: number): ResizeTap[] {
  return Array.from({ length: size }, (_, i) => ({ first: i, second: i, share: 0 }));
}

/** `count` entries of `words` words; the fourth, or the third of three, is a float. */
function table(words: number, count: number, entry: (i: number) => readonly number[]): Int32Array {
  const integers = new Int32Array(words * count);
  const floats = new Float32Array(integers.buffer);
  for (let i = 0; i < count; i++) {
    const values = entry(i);
    integers.set(values, i * words);
    if (words > 2) floats[(i + 1) * words - 1] = values[words - 1];
  }
  return integers;
}
