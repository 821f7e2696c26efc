/** A phase of a step that one thread does alone: it is too small to share. */
import type { Call, Phase, Placed, Step } from "./step.ts";

export function phase(
  step: Step,
  kernel: string,
  calls: readonly Call[],
  threads: number,
  out: Placed,
): Phase {
  const flops = out.shape.reduce((a, b) => a * b, 1);
  return {
    label: step.label,
    kernel,
    detail: "",
    flops: kernel === "f32_copy" ? 0 : flops,
    calls: Array.from({ length: threads }, (_, thread) => (thread === 0 ? calls : [])),
  };
}
