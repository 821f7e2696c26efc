/** The figures that tasks measure, on cases whose answers are known. */
import { describe, expect, test } from "vitest";
import { tensor } from "../../runtime/model/tensor.ts";
import { averagePrecision, cocoOverlaps, type Found } from "./tasks/average-precision.ts";
import { type Box, overlap, suppress } from "./tasks/boxes.ts";
import { accuracy } from "./tasks/classification.ts";
import { confusion, meanOverlap, pixelAccuracy } from "./tasks/mean-overlap.ts";
import { crop, letterbox, type Picture, resize, toPlanes } from "./tasks/pictures.ts";
import { areaUnderCurve, rankOf } from "./tasks/ranking.ts";

const square: Box = [0, 0, 10, 10];

test.each<[string, Box, number]>([
  ["itself", square, 1],
  ["its left half", [0, 0, 5, 10], 0.5],
  ["one shifted by half its width", [5, 0, 15, 10], 1 / 3],
  ["one that touches it", [10, 0, 20, 10], 0],
  ["one far away", [30, 30, 40, 40], 0],
])("a box overlaps %s by the right share", (_, other, share) => {
  expect(overlap(square, other)).toBeCloseTo(share, 12);
  expect(overlap(other, square)).toBeCloseTo(share, 12);
});

test("of boxes that overlap the best of each label stays", () => {
  const kept = suppress(
    [
      { box: [1, 0, 11, 10], score: 0.5, label: 0 }, // doubles the next one
      { box: square, score: 0.9, label: 0 },
      { box: square, score: 0.6, label: 1 },
      { box: [8, 0, 18, 10], score: 0.2, label: 0 },
    ],
    0.5,
  );
  expect(kept.map(({ score }) => score)).toEqual([0.9, 0.6, 0.2]);
});

describe("average precision", () => {
  const truth = [
    { box: square, label: 0 },
    { box: [20, 20, 30, 30] as Box, label: 0 },
  ];
  const found = (...detections: Found["detections"]): Found => ({ detections, truth });
  const hit = { box: square, score: 0.9, label: 0 };
  const second = { box: [20, 20, 30, 30] as Box, score: 0.3, label: 0 };
  const miss = { box: [50, 50, 60, 60] as Box, score: 0.5, label: 0 };
  // Recalls 0 to 0.5 are 51 of 101.
  test.each<[string, Found, number]>([
    ["all found", found(hit, second), 1],
    ["none found", found(), 0],
    ["one of two found", found(hit), 51 / 101],
    ["something wrong between the two", found(hit, miss, second), (51 + (50 * 2) / 3) / 101],
    ["one found twice", found(hit, { ...hit, score: 0.8 }), 51 / 101],
    ["the wrong label", found({ ...hit, label: 1 }), 0],
  ])("%s", (_, picture, expected) => {
    expect(averagePrecision([picture], [0.5])).toBeCloseTo(expected, 12);
  });

  test("a box that covers 0.72 of the true one counts at five of COCO's ten overlaps", () => {
    const part = { detections: [{ ...hit, box: [0, 0, 10, 7.2] as Box }], truth: truth.slice(0, 1) };
    expect(averagePrecision([part], cocoOverlaps)).toBeCloseTo(0.5, 12);
  });

  test("labels count alike however many boxes they have", () => {
    const other = { box: square, label: 7 };
    const picture = { detections: [hit, second], truth: [...truth, other] };
    expect(averagePrecision([picture], [0.5])).toBeCloseTo(0.5, 12);
  });
});

test("mean overlap and accuracy of pixels, of classes that are there", () => {
  const confused = confusion(3); // the third class has no pixel
  confused.counts.set([6, 2, 0, 0, 4, 0, 0, 0, 0]);
  expect(meanOverlap(confused)).toBeCloseTo((6 / 8 + 4 / 6) / 2, 12);
  expect(pixelAccuracy(confused)).toBeCloseTo(10 / 12, 12);
});

test("the area under the curve is the share of pairs in the right order", () => {
  expect(areaUnderCurve([3, 2], [1, 0])).toBe(1);
  expect(areaUnderCurve([3, 1], [2, 1])).toBe((1 + 1 + 0 + 0.5) / 4);
});

test("the rank of a value is how many are greater", () => {
  expect([0, 1, 2, 3].map((place) => rankOf([5, 9, 5, 1], place))).toEqual([1, 0, 1, 3]);
});

test("accuracy counts the pictures whose class is among the best, behind the outputs that are none", () => {
  const score = accuracy([2, 0, 1], [1, 2], 1);
  const outputs = (...rows: number[][]) => [
    tensor([rows.length, rows[0].length], Float32Array.from(rows.flat())),
  ];
  score.add(outputs([9, 0, 1, 2], [9, 1, 2, 0]), 0, 2);
  score.add(outputs([9, 2, 0, 1]), 2, 1);
  expect(score.figures().map(Math.round)).toEqual([33, 67]);
});

describe("pictures", () => {
  const picture = (width: number, height: number, red: readonly number[]): Picture => ({
    width,
    height,
    data: red.flatMap((value) => [value, 100, 200]),
  });
  const red = ({ data }: Picture) => Array.from(data).filter((_, i) => i % 3 === 0);

  test("are enlarged between the centres of their pixels", () => {
    expect(red(resize(picture(2, 1, [0, 100]), 4, 1))).toEqual([0, 25, 75, 100]);
    expect(red(resize(picture(1, 2, [0, 100]), 1, 4))).toEqual([0, 25, 75, 100]);
  });

  test("are made smaller without smoothing", () => {
    expect(red(resize(picture(4, 1, [0, 10, 50, 90]), 2, 1))).toEqual([5, 70]);
  });

  test("are fitted into a square, in the middle or the corner", () => {
    const wide = picture(4, 2, [1, 1, 1, 1, 1, 1, 1, 1]);
    const middle = letterbox(wide, 4, { border: 7 });
    expect(red(middle.picture)).toEqual([7, 7, 7, 7, 1, 1, 1, 1, 1, 1, 1, 1, 7, 7, 7, 7]);
    expect([middle.scale, middle.left, middle.top]).toEqual([1, 0, 1]);
    expect(red(letterbox(wide, 4, { place: "corner" }).picture).slice(8)).toEqual(Array(8).fill(0));
  });

  test("become planes in either order", () => {
    const planes = (order: "RGB" | "BGR") =>
      Array.from(toPlanes(picture(2, 1, [1, 2]), (value, plane) => value + plane, order));
    expect(planes("RGB")).toEqual([1, 2, 101, 101, 202, 202]);
    expect(planes("BGR")).toEqual([200, 200, 101, 101, 3, 4]);
  });

  test("are cut out", () => {
    const three = picture(3, 3, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(red(crop(three, 1, 1, 2))).toEqual([5, 6, 8, 9]);
  });
});
