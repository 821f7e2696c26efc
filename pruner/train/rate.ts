/** The learning rate of every step. */
export interface RateOptions {
  readonly learningRate?: number; // the highest
  /** By a cosine to a hundredth; to a tenth at half and again at three quarters of the stage; or as it is. */
  readonly decay?: "cosine" | "step" | "constant";
  readonly warmup?: number; // fraction of the stage in which it rises linearly from 0
}

/** `progress` in [0, 1) of the stage; `step` counts from 0, so that a warm-up does not start with nothing. */
export function rateAt(
  { learningRate = 0.05, decay = "cosine", warmup = 0 }: RateOptions,
  step: number,
  steps: number,
): number {
  const rising = Math.round(warmup * steps);
  if (step < rising) return (learningRate * (step + 1)) / rising;
  const progress = (step - rising) / (steps - rising);
  return learningRate * decays[decay](progress);
}

const decays: Record<NonNullable<RateOptions["decay"]>, (progress: number) => number> = {
  cosine: (progress) => 0.01 + (0.99 * (1 + Math.cos(Math.PI * progress))) / 2,
  step: (progress) => (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01),
  constant: () => 1,
};
