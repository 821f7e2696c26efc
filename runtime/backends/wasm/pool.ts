/** MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool and ReduceMean over an image, on kernels-wasm/pool.ts. */
import { pool, poolName, poolWords } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import { averagePoolGeometry, maxPoolGeometry, type PoolGeometry, tapsPadded } from "../../ops/pool.ts";
import { reduction } from "../../ops/reduce.ts";
import { asImage, tapsInside } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { pixelAt, roundUp8 } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import { split } from "./split.ts";
import type { Binding, Builder, Phase, Placed, Step } from "./step.ts";

/** The pixels of the input that an output pixel takes, and what their sum is multiplied by. */
interface Window {
  readonly taps: readonly number[]; // byte offsets in the input's buffer, at least one
  readonly scale: number;
}

export const maxPoolBinding = windowPool("max", (node, shape) => maxPoolGeometry(node, shape));
export const averagePoolBinding = windowPool("average", (node, shape) =>
  averagePoolGeometry(node, shape),
);
export const globalAverageBinding = globalPool("average");
export const globalMaxBinding = globalPool("max");

/** ReduceMean over both spatial dimensions is what exporters make of a global average pool. */
export const reduceMeanBinding: Binding = {
  images: true,
  wholeLanes: true,
  unsupported(node, plan) {
    const shape = shapeOf(plan, node.inputs[0]);
    const { axes } = reduction(node, shape);
    if (shape.length === 4 && axes.join() === "2,3") return undefined;
    return `it reduces axes [${axes}] of [${shape}]; only axes 2 and 3 of an image run`;
  },
  bind: globalAverageBinding.bind,
};

function windowPool(
  kind: "max" | "average",
  geometry: (node: Node, shape: number[]) => PoolGeometry,
): Binding {
  return {
    images: true,
    wholeLanes: true,
    unsupported(node, plan) {
      const shape = shapeOf(plan, node.inputs[0]);
      if (shape.length !== 4)
        return `its input [${shape}] has rank ${shape.length}; only images [N, C, H, W] run`;
      return anyEmpty(geometry(node, [...shape])) ? "a window lies wholly in the padding" : undefined;
    },
    bind(step, builder) {
      const x = builder.value(step.inputs[0]);
      const { axes, countIncludePad } = geometry(step.node, [...x.shape]);
      const [ay, ax] = asImage(axes);
      return run(kind, step, builder, (n, oy, ox) => {
        const taps: number[] = [];
        const [kyFirst, kyEnd] = tapsInside(ay, oy);
        const [kxFirst, kxEnd] = tapsInside(ax, ox);
        for (let ky = kyFirst; ky < kyEnd; ky++) {
          for (let kx = kxFirst; kx < kxEnd; kx++) {
            const y = oy * ay.stride + ky * ay.dilation - ay.padBegin;
            taps.push(pixelAt(x, n, y, ox * ax.stride + kx * ax.dilation - ax.padBegin));
          }
        }
        const count = countIncludePad ? tapsPadded(ay, oy) * tapsPadded(ax, ox) : taps.length;
        return { taps, scale: 1 / count };
      });
    },
  };
}

function anyEmpty({ axes }: PoolGeometry): boolean {
  return axes.some((axis) => {
    for (let o = 0; o < axis.outputSize; o++) {
      const [first, end] = tapsInside(axis, o);
      if (first === end) return true;
    }
    return false;
  });
}

function globalPool(kind: "max" | "average"): Binding {
  return {
    images: true,
    wholeLanes: true,
    unsupported(node, plan: ExecutionPlan) {
      const shape = shapeOf(plan, node.inputs[0]);
      return shape.length === 4
        ? undefined
        : `its input [${shape}] has rank ${shape.length}; only images run`;
    },
    bind(step, builder) {
      const x = builder.value(step.inputs[0]);
      return run(kind, step, builder, (n) => {
        const taps: number[] = [];
        for (let y = 0; y < x.h; y++) for (let i = 0; i < x.w; i++) taps.push(pixelAt(x, n, y, i));
        return { taps, scale: 1 / taps.length };
      });
    },
  };
}

function run(
  kind: "max" | "average",
  step: Step,
  builder: Builder,
  windowOf: (n: number, y: number, x: number) => Window,
): Phase[] {
  const x = builder.value(step.inputs[0]);
  const out: Placed = builder.value(step.output);
  const windows: Window[] = [];
  const addresses: number[] = [];
  for (let n = 0; n < x.n; n++) {
    for (let y = 0; y < out.h; y++) {
      for (let i = 0; i < out.w; i++) {
        windows.push(windowOf(n, y, i));
        addresses.push(out.address + pixelAt(out, n, y, i));
      }
    }
  }
  const taps = builder.data(
    Int32Array.from(
      windows.flatMap((window) => window.taps),
      (tap) => x.address + tap,
    ),
  );
  const words = new Int32Array(windows.length * poolWords);
  const scales = new Float32Array(words.buffer);
  let tap = taps;
  windows.forEach((window, i) => {
    words.set([addresses[i], tap, (tap += window.taps.length * 4)], i * poolWords);
    scales[i * poolWords + 3] = window.scale;
  });
  const table = builder.data(words);
  const kernel = builder.kernel(pool(kind));
  const share = split(
    windows.map((window) => window.taps.length),
    builder.threads,
  );
  return [
    {
      label: step.label,
      kernel: poolName(kind),
      detail: "",
      flops: windows.reduce((sum, window) => sum + window.taps.length, 0) * x.c,
      calls: share.map(([a, b]) =>
        a === b
          ? []
          : [
              {
                kernel,
                args: [table + a * poolWords * 4, table + b * poolWords * 4, roundUp8(x.c) * 4],
              },
            ],
      ),
    },
  ];
}
