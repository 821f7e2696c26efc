/** From the numbers of a face detector to faces, each step by itself. */
import { expect, test } from "vitest";
import { decodeFaces, type Face, mergeOverlapping } from "../../demo/pwa/live/faces.ts";
import { inPicture, letterbox } from "../../demo/pwa/live/letterbox.ts";
import { tensor } from "../../pruner/index.ts";

const face = (left: number, top: number, size: number, score: number): Face => {
  return { left, top, right: left + size, bottom: top + size, score, points: [{ x: left, y: top }] };
};

test("faces that overlap become their mean by score, with the best one's score", () => {
  const [merged, ...others] = mergeOverlapping([face(4, 0, 10, 0.3), face(0, 0, 10, 0.9)]);
  expect(others).toEqual([]);
  expect(merged.left).toBeCloseTo((0.9 * 0 + 0.3 * 4) / 1.2, 9);
  expect(merged.right).toBeCloseTo((0.9 * 10 + 0.3 * 14) / 1.2, 9);
  expect(merged.points[0].x).toBeCloseTo(1, 9);
  expect(merged.score).toBe(0.9);
});

test("faces that hardly overlap stay apart, the best first", () => {
  const faces = [face(0, 0, 10, 0.7), face(7, 0, 10, 0.8), face(50, 50, 10, 0.9)];
  expect(mergeOverlapping(faces).map(({ score }) => score)).toEqual([0.9, 0.8, 0.7]);
});

test("a cell's numbers are places from its centre, in pixels", () => {
  const regressors = new Float32Array(2304 * 16);
  const logits = new Float32Array(2304).fill(-10);
  const cell = 2 * 48 + 3; // row 2, column 3: its centre is at (14, 10)
  regressors.set([1, 2, 20, 30, 5, 6], cell * 16);
  logits[cell] = 10;
  const [found, ...others] = decodeFaces(
    tensor([1, 2304, 16], regressors),
    tensor([1, 2304, 1], logits),
  );
  expect(others).toEqual([]);
  expect(found).toMatchObject({ left: 5, top: -3, right: 25, bottom: 27 });
  expect(found.points[0]).toEqual({ x: 19, y: 16 });
  expect(found.score).toBeCloseTo(1 / (1 + Math.exp(-10)), 6);
});

test("a wide picture lies in the middle of the square, black above and below", () => {
  const data = new Uint8ClampedArray(8 * 4 * 4).fill(255);
  const fit = letterbox({ width: 8, height: 4, data }, 4);
  expect(fit).toMatchObject({ scale: 0.5, left: 0, top: 1 });
  const [black, white] = [
    [-1, -1, -1, -1],
    [1, 1, 1, 1],
  ];
  expect(Array.from(fit.input.data.slice(0, 16))).toEqual([...black, ...white, ...white, ...black]);
});

test("a face of the square is found again in the picture", () => {
  const fit = { input: tensor([1], new Float32Array(1)), scale: 0.5, left: 0, top: 1 };
  expect(inPicture(face(1, 2, 1, 0.9), fit)).toMatchObject({ left: 2, top: 2, right: 4, bottom: 4 });
});
