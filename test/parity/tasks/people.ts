/** Small networks that look for people: whether one is there, their faces, their hands. */
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { around, type Detection, suppress } from "./boxes.ts";
import { accuracy } from "./classification.ts";
import { cocoPictures, largestPerson } from "./coco.ts";
import { crop, letterbox, resize, symmetric, toPlanes } from "./pictures.ts";
import { areaUnderCurve } from "./ranking.ts";
import type { Score, Task } from "./task.ts";

/** The pictures in which nobody is, or somebody larger than this share of the picture. */
function clearCases(leastShare: number) {
  return cocoPictures()
    .map((picture) => ({ picture, share: largestPerson(picture) }))
    .filter(({ share }) => share === undefined || share > leastShare);
}

/** Visual wake words: the second output is greater where a person is in the picture. */
export function visualWakeWords(published: number): Task {
  const cases = clearCases(0.005);
  const labels = cases.map(({ share }) => (share ? 1 : 0));
  return {
    samples: cases.length,
    of: "pictures",
    batch: 1,
    figures: [{ name: "accuracy %", digits: 1, published }],
    input: (i) => {
      const small = resize(cases[i].picture.pixels(), 96, 96);
      return tensor(
        [1, 3, 96, 96],
        toPlanes(small, (value) => value / 255),
      );
    },
    score: () => accuracy(labels),
  };
}

/** BlazePose's detector: the greatest of its scores is higher where a person is. */
export function personDetection(published: number): Task {
  const cases = clearCases(0.03);
  return {
    samples: cases.length,
    leastSamples: 1 + cases.findIndex(({ share }) => !share !== !cases[0].share), // one of either kind
    of: "pictures",
    batch: 1,
    figures: [{ name: "person AUC", digits: 3, published }],
    input: (i) => square(cases[i].picture, 224),
    score(): Score {
      const scores: { with: number[]; without: number[] } = { with: [], without: [] };
      return {
        add([, { data }], i) {
          const best = (data as Float32Array).reduce((a, b) => Math.max(a, b), -Infinity);
          scores[cases[i].share ? "with" : "without"].push(best);
        },
        figures: () => [areaUnderCurve(scores.with, scores.without)],
      };
    },
  };
}

/** How many faces a detector finds: one anchor in each of 48 x 48 cells of 4 pixels. */
export function faceDetection(published: number): Task {
  const pictures = cocoPictures();
  return {
    samples: pictures.length,
    of: "pictures",
    batch: 1,
    figures: [{ name: "faces", digits: 0, published }],
    input: (i) => square(pictures[i], 192),
    score() {
      let faces = 0;
      return {
        add(outputs) {
          faces += facesOf(outputs).length;
        },
        figures: () => [faces],
      };
    },
  };
}

/** Boxes in pixels of the network's square, of regressors [2304, 16] and logits [2304]. */
function facesOf([regressors, logits]: readonly Tensor[]): Detection[] {
  const candidates: Detection[] = [];
  for (let cell = 0; cell < logits.data.length; cell++) {
    const score = 1 / (1 + Math.exp(-logits.data[cell]));
    if (score <= 0.5) continue;
    const [x, y, width, height] = regressors.data.slice(cell * 16, cell * 16 + 4);
    const [cellX, cellY] = [((cell % 48) + 0.5) * 4, (Math.floor(cell / 48) + 0.5) * 4];
    candidates.push({ box: around(x + cellX, y + cellY, width, height), score, label: 0 });
  }
  return suppress(candidates, 0.3);
}

/** Whether a hand is there, in 180 x 180 cuts of a picture that shows one: the greatest and the least answer. */
export function handPresence(greatest: number, least: number): Task {
  const picture = cocoPictures().find(({ name }) => name === "000000001296.jpg")!;
  const [side, step] = [180, 60];
  const places: [left: number, top: number][] = [];
  for (let top = 150; top <= picture.height - side; top += step) {
    for (let left = 0; left <= picture.width - side; left += step) places.push([left, top]);
  }
  return {
    samples: places.length,
    of: "cuts",
    batch: 1,
    figures: [
      { name: "most hand", digits: 3, published: greatest },
      { name: "least hand", digits: 4, published: least },
    ],
    input(i) {
      const cut = resize(crop(picture.pixels(), ...places[i], side), 224, 224);
      return tensor(
        [1, 3, 224, 224],
        toPlanes(cut, (value) => value / 255),
      );
    },
    score() {
      const answers: number[] = [];
      return {
        add(outputs) {
          answers.push(outputs.find(({ data }) => data.length === 1)!.data[0]);
        },
        figures: () => [Math.max(...answers), Math.min(...answers)],
      };
    },
  };
}

function square(picture: { pixels(): Parameters<typeof letterbox>[0] }, size: number) {
  const fit = letterbox(picture.pixels(), size);
  return tensor([1, 3, size, size], toPlanes(fit.picture, symmetric));
}
