/** The 48 pictures of COCO with what is in them, and the tasks of detectors on them. */
import { readFileSync } from "node:fs";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { sharedPath } from "../../shared.ts";
import { averagePrecision, cocoOverlaps, type Found, type TrueBox } from "./average-precision.ts";
import { area, around, type Box, type Detection, suppress } from "./boxes.ts";
import { type Fit, letterbox, type Picture, readJpeg, toPlanes } from "./pictures.ts";
import type { Figure, Task } from "./task.ts";

export interface CocoPicture {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly truth: readonly TrueBox[]; // in pixels; label 0 is a person
  pixels(): Picture; // decoded once
}

let known: CocoPicture[] | undefined;

export function cocoPictures(): readonly CocoPicture[] {
  known ??= Object.entries(annotations()).map(([name, { width, height, boxes }]) => {
    let decoded: Picture | undefined;
    return {
      name,
      width,
      height,
      truth: boxes.map(([label, ...box]) => ({ label, box })),
      pixels: () => (decoded ??= readJpeg(sharedPath(`coco/images/${name}`))),
    };
  });
  return known;
}

type Annotations = Record<
  string,
  { width: number; height: number; boxes: [label: number, ...box: Box][] }
>;

function annotations(): Annotations {
  return JSON.parse(readFileSync(sharedPath("coco/annotations.json"), "utf8")).images;
}

/** The largest share of the picture that one person's box takes; undefined where there is nobody. */
export function largestPerson({ truth, width, height }: CocoPicture): number | undefined {
  const people = truth.filter(({ label }) => label === 0);
  if (!people.length) return undefined;
  return Math.max(...people.map(({ box }) => area(box) / (width * height)));
}

interface Detector {
  readonly size: number;
  readonly fit: Parameters<typeof letterbox>[2];
  pixel(value: number): number;
  readonly order: "RGB" | "BGR";
  /** The box of a row [x, y, width, height, ...] in the network's square. */
  box(values: ArrayLike<number>, row: number): Box;
}

/** Detections below this are not looked at; those of a label that overlap more than the other are one. */
const leastScore = 0.001;
const mostOverlap = 0.6;

const average = (published: readonly [ap: number, ap50: number]): Figure[] => [
  { name: "AP %", digits: 1, published: published[0] },
  { name: "AP50 %", digits: 1, published: published[1] },
];

/** Rows [5 + 80]: box, probability of an object, probabilities of the labels. */
function detection(detector: Detector, figures: readonly Figure[]): Task {
  const { size, order } = detector;
  const pictures = cocoPictures();
  const fits = new Map<number, Fit>();
  return {
    samples: pictures.length,
    of: "pictures",
    batch: 1,
    figures,
    input(i) {
      const fit = letterbox(pictures[i].pixels(), size, detector.fit);
      fits.set(i, { ...fit, picture: { ...fit.picture, data: [] } });
      return tensor([1, 3, size, size], toPlanes(fit.picture, detector.pixel, order));
    },
    score() {
      const found: Found[] = [];
      return {
        add([output], i) {
          const detections = detectionsOf(output, detector, fits.get(i)!);
          found.push({ detections, truth: pictures[i].truth });
        },
        figures: () => [
          100 * averagePrecision(found, cocoOverlaps),
          100 * averagePrecision(found, [0.5]),
        ],
      };
    },
  };
}

function detectionsOf({ data }: Tensor, detector: Detector, fit: Fit): Detection[] {
  const candidates: Detection[] = [];
  const width = 85;
  const { scale, left, top } = fit;
  for (let row = 0; row < data.length / width; row++) {
    const object = data[row * width + 4];
    if (object < leastScore) continue;
    const inSquare = detector.box((data as Float32Array).subarray(row * width, row * width + 4), row);
    const box = inSquare.map((value, i) => (value - (i % 2 ? top : left)) / scale) as unknown as Box;
    for (let label = 0; label < 80; label++) {
      const score = object * data[row * width + 5 + label];
      if (score > leastScore) candidates.push({ box, score, label });
    }
  }
  return suppress(candidates, mostOverlap, { from: 5000, keep: 300 });
}

/** YOLOX (Ge et al., 2021): centres are offsets from their cell, sizes logarithms, both in strides of 8, 16 and 32. */
export function yolox(size: number, published: readonly [ap: number, ap50: number]): Task {
  const cells = [8, 16, 32].flatMap((stride) => {
    const side = size / stride;
    return Array.from({ length: side * side }, (_, i) => ({
      stride,
      x: i % side,
      y: Math.floor(i / side),
    }));
  });
  return detection(
    {
      size,
      fit: { border: 114, place: "corner" },
      pixel: (value) => value,
      order: "BGR",
      box(values, row) {
        const { stride, x, y } = cells[row];
        const [width, height] = [Math.exp(values[2]) * stride, Math.exp(values[3]) * stride];
        return around((values[0] + x) * stride, (values[1] + y) * stride, width, height);
      },
    },
    average(published),
  );
}

/** YOLOv5: boxes are pixels of the square already. */
export function yolov5(size: number, published: readonly [ap: number, ap50: number]): Task {
  return detection(
    {
      size,
      fit: { border: 114 },
      pixel: (value) => value / 255,
      order: "RGB",
      box: (values) => around(values[0], values[1], values[2], values[3]),
    },
    average(published),
  );
}
