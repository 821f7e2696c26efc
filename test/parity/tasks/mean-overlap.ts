/** Mean intersection over union of a segmentation: over the classes that are there. */

export interface Confusion {
  readonly counts: Float64Array; // [classes * classes]: pixels of a class (row) that were called one (column)
  readonly classes: number;
}

export function confusion(classes: number): Confusion {
  return { counts: new Float64Array(classes * classes), classes };
}

/** Pixels of the class / pixels of it or called it; the mean over classes that have pixels. 0 to 1. */
export function meanOverlap({ counts, classes }: Confusion): number {
  let sum = 0;
  let present = 0;
  for (let label = 0; label < classes; label++) {
    let [isLabel, called] = [0, 0];
    for (let other = 0; other < classes; other++) {
      isLabel += counts[label * classes + other];
      called += counts[other * classes + label];
    }
    const both = counts[label * (classes + 1)];
    if (isLabel === 0) continue;
    sum += both / (isLabel + called - both);
    present++;
  }
  return sum / present;
}

/** The fraction of the pixels that are called what they are. */
export function pixelAccuracy({ counts, classes }: Confusion): number {
  let right = 0;
  for (let label = 0; label < classes; label++) right += counts[label * (classes + 1)];
  return right / counts.reduce((sum, count) => sum + count, 0);
}
