/** What training sees of an image: mirrored, covered, with its label smoothed; and the same from any batch on. */
import { expect, test } from "vitest";
import { batches } from "../../pruner/train/batches.ts";
import { tensor } from "../../runtime/model/tensor.ts";

const side = 8;
const count = 32;
/** Every pixel tells where it was: 1 + row * 8 + column, in both channels. */
const place = Float32Array.from({ length: side * side }, (_, p) => 1 + p);
const data = new Float32Array(count * 2 * side * side).map((_, i) => place[i % (side * side)]);
const set = {
  images: tensor([count, 2, side, side], data),
  labels: Int32Array.from({ length: count }, (_, i) => i % 4),
  classes: 4,
};

/** Plane after plane of an epoch; the tensors of a batch are used again, so they are copied. */
function planesOf(options: object, epoch = 1, first = 0): number[][] {
  const planes: number[][] = [];
  for (const { images } of batches(set, { size: 8, seed: 3, ...options }, epoch, first)) {
    for (let plane = 0; plane < 16; plane++) {
      planes.push([...images.data.slice(plane * side * side, (plane + 1) * side * side)]);
    }
  }
  return planes;
}

test("cutout sets one square of each image to 0, in all channels alike, and leaves the rest", () => {
  const planes = planesOf({ cutout: 3 });
  const sizes = new Set<number>();
  for (let image = 0; image < count; image++) {
    const [a, b] = [planes[2 * image], planes[2 * image + 1]];
    expect(b).toEqual(a);
    const covered = a.flatMap((value, p) => (value === 0 ? [p] : []));
    const rows = new Set(covered.map((p) => Math.floor(p / side)));
    const columns = new Set(covered.map((p) => p % side));
    expect(covered.length).toBe(rows.size * columns.size);
    expect(Math.max(rows.size, columns.size)).toBeLessThanOrEqual(3);
    expect(covered.length).toBeGreaterThan(0);
    a.forEach((value, p) => {
      if (!covered.includes(p)) expect(value).toBe(place[p]);
    });
    sizes.add(covered.length);
  }
  // Its middle may lie at the border: then less is covered.
  expect(sizes.has(9)).toBe(true);
  expect(sizes.size).toBeGreaterThan(1);
});

test("about every second image is mirrored, whole", () => {
  const planes = planesOf({ flip: true });
  const mirrored = Array.from(place, (_, p) => place[p - (p % side) + side - 1 - (p % side)]);
  let flipped = 0;
  for (let image = 0; image < count; image++) {
    const plane = planes[2 * image];
    const isMirrored = plane[0] !== 1;
    expect(plane).toEqual(isMirrored ? mirrored : [...place]);
    if (isMirrored) flipped++;
  }
  expect(flipped).toBeGreaterThan(count / 4);
  expect(flipped).toBeLessThan((3 * count) / 4);
});

test("a smoothed label sums to 1 and leaves its class the most", () => {
  for (const { labels } of batches(set, { size: 8, labelSmoothing: 0.2 }, 1)) {
    for (let i = 0; i < 8; i++) {
      const row = [...labels.data.slice(4 * i, 4 * i + 4)].sort();
      expect(row.slice(0, 3)).toEqual(new Array(3).fill(Math.fround(0.05)));
      expect(row[3]).toBeCloseTo(0.85, 6);
    }
  }
});

test("batches from the third on are those of the whole epoch; another epoch has another order", () => {
  const options = { flip: true, shift: 2, cutout: 2 };
  const whole = planesOf(options);
  expect(planesOf(options, 1, 2)).toEqual(whole.slice(2 * 16));
  expect(planesOf(options, 2)).not.toEqual(whole);
});
