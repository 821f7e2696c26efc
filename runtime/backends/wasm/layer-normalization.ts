/** LayerNormalization over the last axis, on kernels-wasm/layernorm.ts: the threads share the rows. */
import { layerNorm, layerNormName } from "../../../kernels-wasm/index.ts";
import { normalization } from "../../ops/layer-normalization.ts";
import { bias, everyPixel } from "./pixel-tables.ts";
import { shapeOf } from "./plan-facts.ts";
import { rowPieces } from "./rows.ts";
import type { Binding } from "./step.ts";

/** On one thread, with three walks over a row. */
const cyclesPerValue = 1.2;
const cyclesPerRow = 60;

export const layerNormBinding: Binding = {
  reads: "rows",
  writes: "rows",
  wholeLanes: true,
  unsupported(node, plan) {
    const normal = normalization(node, shapeOf(plan, node.inputs[0])).shape;
    if (normal.length > 1) return `it normalizes [${normal}] together; only the last dimension runs`;
    const computed = node.inputs.slice(1).find((name) => name && !plan.graph.constants.has(name));
    return computed && `its input '${computed}' is not a constant`;
  },
  bind(step, builder) {
    const { node, label } = step;
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const count = x.shape[x.shape.length - 1];
    const kernel = { count, fma: builder.fma };
    const name = builder.kernel(layerNorm(kernel));
    const [scale, shift] = [1, 2].map((i) => bias(node.inputs[i] || undefined, count, builder));
    const { epsilon } = normalization(node, x.shape);
    const rows = [x, out].map(everyPixel);
    const cycles = rows[0].length * (count * cyclesPerValue + cyclesPerRow);
    const calls = rowPieces(rows, builder.threads, cycles, ({ at, count, bytes }) => ({
      kernel: name,
      args: [...at, count, ...bytes, scale, shift, epsilon],
    }));
    return [{ label, kernel: layerNormName(kernel), detail: "", flops: 0, calls }];
  },
};
