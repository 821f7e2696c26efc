/**
 * From the two outputs of MediaPipe's full-range face detector to faces. What the numbers mean is stated in MediaPipe's
 * graph modules/face_detection/face_detection_full_range.pbtxt and in three of its calculators: ssd_anchors (here: the
 * centres of 48 x 48 cells, one size), tensors_to_detections and non_max_suppression (its weighted way).
 */
import type { Tensor } from "../../../runtime/index.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** In pixels of the picture, or of the network's square: who makes it says which. */
export interface Face {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly score: number; // 0 to 1
  readonly points: readonly Point[]; // right eye, left eye, nose, mouth, right ear, left ear, as the person has them
}

export const inputSize = 192; // pixels of the square that the network sees
const cells = 48; // in a row and in a column
const stride = inputSize / cells;
const valuesPerCell = 16; // x, y, width, height, then six points
const leastScore = 0.6;
const mostOverlap = 0.3;

/** regressors [1, 2304, 16], logits [1, 2304, 1] -> faces in pixels of the square, the best first. */
export function decodeFaces(regressors: Tensor, logits: Tensor): Face[] {
  const faces: Face[] = [];
  const at = regressors.data;
  for (let cell = 0; cell < cells * cells; cell++) {
    const score = 1 / (1 + Math.exp(-logits.data[cell]));
    if (score < leastScore) continue;
    const [cellX, cellY] = [((cell % cells) + 0.5) * stride, (Math.floor(cell / cells) + 0.5) * stride];
    const first = cell * valuesPerCell;
    const [x, y, width, height] = [
      at[first] + cellX,
      at[first + 1] + cellY,
      at[first + 2],
      at[first + 3],
    ];
    const points: Point[] = [];
    for (let i = first + 4; i < first + valuesPerCell; i += 2) {
      points.push({ x: at[i] + cellX, y: at[i + 1] + cellY });
    }
    const [left, top] = [x - width / 2, y - height / 2];
    faces.push({ left, top, right: left + width, bottom: top + height, score, points });
  }
  return mergeOverlapping(faces);
}

/**
 * Weighted non-maximum suppression: the best face and all that overlap it become one, whose corners and points are
 * their mean by score; it keeps the best one's score. Steadier from frame to frame than taking the best alone.
 */
export function mergeOverlapping(faces: readonly Face[]): Face[] {
  const merged: Face[] = [];
  let rest = [...faces].sort((a, b) => b.score - a.score);
  while (rest.length) {
    const [best] = rest;
    const same = rest.filter((face) => face === best || overlap(face, best) > mostOverlap);
    rest = rest.filter((face) => !same.includes(face));
    merged.push(weightedMean(same, best.score));
  }
  return merged;
}

function weightedMean(faces: readonly Face[], score: number): Face {
  const total = faces.reduce((sum, face) => sum + face.score, 0);
  const mean = (of: (face: Face) => number) =>
    faces.reduce((sum, face) => sum + face.score * of(face), 0) / total;
  return {
    left: mean(({ left }) => left),
    top: mean(({ top }) => top),
    right: mean(({ right }) => right),
    bottom: mean(({ bottom }) => bottom),
    score,
    points: faces[0].points.map((_, i) => ({
      x: mean(({ points }) => points[i].x),
      y: mean(({ points }) => points[i].y),
    })),
  };
}

/** Area that both cover / area that either covers. */
function overlap(a: Face, b: Face): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const areaOf = (face: Face) => (face.right - face.left) * (face.bottom - face.top);
  return (width * height) / (areaOf(a) + areaOf(b) - width * height);
}
