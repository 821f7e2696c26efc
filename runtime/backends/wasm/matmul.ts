/**
 * MatMul. A constant matrix is packed once, as for Gemm. With two activations the second is laid out in
 * the kernel's order, [N / 8][K][8], at each run, matrix by matrix.
 */
import type { ExecutionPlan } from "../../plan.ts";
import { bindConstantMatMul, convPhase } from "./conv.ts";
import { roundUp8 } from "./layout.ts";
import { phase } from "./phase.ts";
import { bias, residualPixels } from "./pixels.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Binding, Phase, Step } from "./step.ts";
import { stridedCalls } from "./strided.ts";

const isConstant = (plan: ExecutionPlan, name: string) => plan.graph.constants.has(name);

export const matmulBinding: Binding = {
  newAxes: true,
  wholeLanes: true,
  fuses: { residual: true, clamp: true },
  unsupported(node, plan) {
    const [a, b] = node.inputs.map((name) => shapeOf(plan, name));
    if (a.length < 2 || b.length < 2)
      return `it multiplies [${a}] by [${b}]; both must have 2 dimensions or more`;
    if (a.length === 4 || b.length === 4) return "it multiplies tensors of 4 dimensions";
    return undefined;
  },
  scratch(step, plan) {
    const [K, N] = shapeOf(plan, step.node.inputs[1]).slice(-2);
    return runsPacked(step, plan) ? 0 : K * roundUp8(N) * 4;
  },
  bind(step, builder) {
    if (runsPacked(step, builder.plan)) return bindConstantMatMul(step, builder);
    return bindActivations();

    function bindActivations(): Phase[] {
      const a = builder.value(step.inputs[0]);
      const b = builder.value(step.inputs[1]);
      const out = builder.value(step.output);
      const [K, N] = b.shape.slice(-2);
      const M = a.shape[a.shape.length - 2];
      const block = [8, 4, 2, 1].find((size) => K % size === 0)!;
      const offsets = builder.data(Int32Array.from({ length: K / block }, (_, i) => i * block * 4));
      const biasAt = bias(undefined, N, builder);
      const bytes = K * 32;
      const spans = Array.from({ length: roundUp8(N) / 8 }, (_, g) => {
        const at = builder.scratch + g * bytes;
        return [at, at + bytes, offsets, biasAt + g * 32, g * 32];
      });
      const groups = builder.data(Int32Array.from(spans.flat()));
      const matrices = out.n / M;
      const residual = residualPixels(step, builder);
      const work = spans.map(() => 1);
      const phases: Phase[] = [];
      for (let m = 0; m < matrices; m++) {
        const bAt = b.address + b.origin + (m % (b.n / K)) * K * b.imageBytes;
        const aAt = a.address + a.origin + (m % (a.n / M)) * M * a.imageBytes;
        const outAt = out.address + out.origin + m * M * out.imageBytes;
        const layOut = stridedCalls(
          {
            op: "copy",
            sizes: [spans.length, K, 8],
            operands: [
              { address: bAt, bytes: [32, b.imageBytes, 4] },
              { address: builder.scratch, bytes: [bytes, 32, 4] },
            ],
          },
          builder,
        );
        phases.push(phase(step, "f32_copy", layOut, builder.threads, b));
        const rows = (at: number, rowBytes: number) =>
          Int32Array.from({ length: M }, (_, i) => at + i * rowBytes);
        const pixels = {
          from: rows(aAt, a.imageBytes),
          to: rows(outAt, out.imageBytes),
          residual: residual?.subarray(m * M, (m + 1) * M),
        };
        phases.push({
          ...convPhase(step, builder, block, pixels, groups, work, a),
          detail: "dense",
          flops: 2 * M * N * K,
        });
      }
      return phases;
    }
  },
};

function runsPacked(step: Step, plan: ExecutionPlan): boolean {
  const b = step.node.inputs[1];
  return isConstant(plan, b) && shapeOf(plan, b).length === 2;
}
