/** Boxes in a picture: how much they overlap, and which of many that mean one thing stay. */

export type Box = readonly [left: number, top: number, right: number, bottom: number];

export interface Detection {
  readonly box: Box;
  readonly score: number;
  readonly label: number;
}

/** Area that both cover / area that either covers. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (area(a) + area(b) - both);
}

export function area([left, top, right, bottom]: Box): number {
  return (right - left) * (bottom - top);
}

/**
 * Non-maximum suppression: from the best on, whatever overlaps a better one of its label by more than `most` goes.
 * Looks at the `from` best and keeps at most `keep`.
 */
export function suppress(
  detections: readonly Detection[],
  most: number,
  { from = Infinity, keep = Infinity }: { from?: number; keep?: number } = {},
): Detection[] {
  const kept: Detection[] = [];
  for (const found of byScore(detections).slice(0, from)) {
    if (kept.length >= keep) break;
    const isDouble = (other: Detection) =>
      other.label === found.label && overlap(other.box, found.box) > most;
    if (!kept.some(isDouble)) kept.push(found);
  }
  return kept;
}

/** The best first; equal ones keep their order. */
export function byScore<T extends { readonly score: number }>(detections: readonly T[]): T[] {
  return [...detections].sort((a, b) => b.score - a.score);
}

/** A box by its centre and size. */
export function around(x: number, y: number, width: number, height: number): Box {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}
