/** How well scores put things into order. */

/** Probability that one of `positives` scores higher than one of `negatives` (area under the ROC curve); ties count half. */
export function areaUnderCurve(positives: readonly number[], negatives: readonly number[]): number {
  let sum = 0;
  for (const positive of positives) {
    for (const negative of negatives) {
      sum += positive > negative ? 1 : positive === negative ? 0.5 : 0;
    }
  }
  return sum / (positives.length * negatives.length);
}

/** How many values are greater than the one at `place`: 0 for the greatest. */
export function rankOf(values: ArrayLike<number>, place: number): number {
  let greater = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > values[place]) greater++;
  return greater;
}
