/** Phases of steps that are no convolutions. */
import type { Call, Phase, Placed, Step } from "./step.ts";

/** Pieces that threads may take. Named after the first piece's kernels. */
export function sharedPhase(step: Step, pieces: readonly (readonly Call[])[], flops = 0): Phase {
  const kernels = new Set(pieces[0]?.map((call) => call.kernel));
  return { label: step.label, kernel: [...kernels].join(" "), detail: "", flops, calls: pieces };
}

/** Calls that one thread does alone: they are too small to share. */
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
