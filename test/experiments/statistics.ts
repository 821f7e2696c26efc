/** The few statistics of the tables. */
import { mean, sampleStandardDeviation } from "simple-statistics";
import { random } from "../../pruner/train/random.ts";

/** Half the width of the 95 % interval of a mean, by Student's t; infinite for one value. */
export function halfInterval(values: readonly number[]): number {
  if (values.length < 2) return Infinity;
  const t = quantiles[values.length - 2] ?? 2;
  return (t * sampleStandardDeviation([...values])) / Math.sqrt(values.length);
}

/** 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom. */
const quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Mean and deviation as text, in percent: "87.19 ± 0.12". */
export function meanText(values: readonly number[]): string {
  const percent = (value: number) => (100 * value).toFixed(2);
  if (values.length === 0) return "";
  const spread = values.length > 1 ? ` ± ${percent(sampleStandardDeviation([...values]))}` : "";
  return percent(mean([...values])) + spread;
}

/**
 * 95 % interval of the mean difference of paired outcomes, by 2 000 resamples of the images. Each of a and b has the
 * outcomes of one or more runs on the same images; an image counts once, with its mean over the runs.
 */
export function pairedBootstrap(
  a: readonly (readonly boolean[])[],
  b: readonly (readonly boolean[])[],
): [low: number, high: number] {
  const uniform = random(1);
  const differences = a[0].map((_, i) => mean(a.map((run, r) => Number(run[i]) - Number(b[r][i]))));
  const means = Array.from({ length: 2000 }, () => {
    let sum = 0;
    for (let i = 0; i < differences.length; i++) {
      sum += differences[Math.floor(uniform() * differences.length)];
    }
    return sum / differences.length;
  }).sort((x, y) => x - y);
  return [means[50], means[1949]];
}
