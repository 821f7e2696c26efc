/** Average precision of a detector, as COCO defines it (Lin et al., 2014): the mean over labels. */
import { type Box, byScore, type Detection, overlap } from "./boxes.ts";

export interface TrueBox {
  readonly box: Box;
  readonly label: number;
}

/** What was found in each picture, and what is there; the same pictures in the same order. */
export interface Found {
  readonly detections: readonly Detection[];
  readonly truth: readonly TrueBox[];
}

/** COCO's ten overlaps from which on a detection counts as right. */
export const cocoOverlaps = Array.from({ length: 10 }, (_, i) => 0.5 + 0.05 * i);

/** 0 to 1: the mean over the overlaps and over the labels that are there. */
export function averagePrecision(pictures: readonly Found[], overlaps: readonly number[]): number {
  const labels = new Set(pictures.flatMap(({ truth }) => truth.map(({ label }) => label)));
  const each = [...labels].flatMap((label) => overlaps.map((least) => ofLabel(pictures, label, least)));
  return each.reduce((sum, value) => sum + value, 0) / each.length;
}

/** The mean of the precision at recalls 0, 0.01, … 1: of each the best that is reached at that recall or a higher one. */
function ofLabel(pictures: readonly Found[], label: number, least: number): number {
  const truths = pictures.map(({ truth }) => truth.filter((box) => box.label === label));
  const total = truths.reduce((sum, { length }) => sum + length, 0);
  const matched = truths.map((boxes) => boxes.map(() => false));
  const detections = byScore(
    pictures.flatMap((picture, of) =>
      picture.detections.filter((found) => found.label === label).map((found) => ({ ...found, of })),
    ),
  );
  let right = 0;
  const recalls: number[] = [];
  const precisions = detections.map(({ box, of }, i) => {
    // The free true box that it overlaps most.
    let best = -1;
    let bestOverlap = least - 1e-9;
    truths[of].forEach((truth, j) => {
      const shared = overlap(truth.box, box);
      if (!matched[of][j] && shared > bestOverlap) [best, bestOverlap] = [j, shared];
    });
    if (best >= 0) {
      matched[of][best] = true;
      right++;
    }
    recalls.push(right / total);
    return right / (i + 1);
  });
  for (let i = precisions.length - 2; i >= 0; i--) {
    precisions[i] = Math.max(precisions[i], precisions[i + 1]);
  }
  let sum = 0;
  for (let percent = 0; percent <= 100; percent++) {
    const reached = recalls.findIndex((recall) => recall >= percent / 100 - 1e-12);
    if (reached >= 0) sum += precisions[reached];
  }
  return sum / 101;
}
