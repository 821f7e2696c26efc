/** Networks that give every pixel a class. */
import { readdirSync } from "node:fs";
import { tensor } from "../../../runtime/model/tensor.ts";
import { sharedPath } from "../../shared.ts";
import { area } from "./boxes.ts";
import { cocoPictures } from "./coco.ts";
import { confusion, meanOverlap, pixelAccuracy } from "./mean-overlap.ts";
import { letterbox, readJpeg, readLabels, symmetric, toPlanes } from "./pictures.ts";
import type { Task } from "./task.ts";

/** Of the training set of CamVid: blue, green, red. */
const mean = [110.33134258, 108.40914603, 105.03352311];
const deviation = [72.12519708, 72.68854342, 69.90261427];

/** Street scenes, 480 x 360: 11 classes, and pixels without one, which do not count. */
export function camvid(published: readonly [meanOverlap: number, accuracy: number]): Task {
  const names = readdirSync(sharedPath("camvid/images")).sort();
  const [classes, pixels] = [11, 480 * 360];
  return {
    samples: names.length,
    of: "pictures",
    batch: 1,
    figures: [
      { name: "mIoU %", digits: 1, published: published[0] },
      { name: "pixels %", digits: 1, published: published[1] },
    ],
    input(i) {
      const picture = readJpeg(sharedPath(`camvid/images/${names[i]}`));
      const pixel = (v: number, channel: number) => (v - mean[channel]) / deviation[channel] / 255;
      return tensor([1, 3, 360, 480], toPlanes(picture, pixel, "BGR"));
    },
    score() {
      const confused = confusion(classes);
      return {
        add([{ data }], i) {
          const labels = readLabels(
            sharedPath(`camvid/labels/${names[i].replace(".jpg", ".png")}`),
          ).data;
          for (let at = 0; at < pixels; at++) {
            if (labels[at] >= classes) continue;
            const called = Math.min(greatestPlane(data, pixels, at), classes - 1);
            confused.counts[labels[at] * classes + called]++;
          }
        },
        figures: () => [100 * meanOverlap(confused), 100 * pixelAccuracy(confused)],
      };
    },
  };
}

/** Classes of PASCAL VOC that COCO has under another number: cat, bus, person, train, TV, car, dog, horse. */
const cocoLabels: Readonly<Record<number, number>> = {
  15: 0,
  7: 5,
  8: 15,
  19: 6,
  20: 62,
  6: 2,
  17: 18,
  13: 17,
};

/** How much of what is called an object lies in a box of that object; how many of the large ones are seen at all. */
export function objectsInBoxes(published: readonly [inBoxes: number, found: number]): Task {
  const pictures = cocoPictures().slice(0, 24);
  const size = 513;
  return {
    samples: pictures.length,
    of: "pictures",
    batch: 1,
    figures: [
      { name: "in boxes %", digits: 1, published: published[0] },
      { name: "large found", digits: 0, published: published[1] },
    ],
    input(i) {
      const { picture } = letterbox(pictures[i].pixels(), size, { border: 127.5, place: "corner" });
      return tensor([1, 3, size, size], toPlanes(picture, symmetric));
    },
    score() {
      let [inside, all, found] = [0, 0, 0];
      return {
        add([{ data }], i) {
          const { width, height, truth } = pictures[i];
          const scale = size / Math.max(width, height);
          const counts = new Map<number, number>();
          for (let y = 0; y < Math.round(height * scale); y++) {
            for (let x = 0; x < Math.round(width * scale); x++) {
              const label = cocoLabels[greatestPlane(data, size * size, y * size + x)];
              if (label === undefined) continue;
              all++;
              counts.set(label, (counts.get(label) ?? 0) + 1);
              const [u, v] = [x / scale, y / scale];
              const holds = ({ box: [left, top, right, bottom] }: (typeof truth)[number]) =>
                u >= left && u <= right && v >= top && v <= bottom;
              if (truth.some((object) => object.label === label && holds(object))) inside++;
            }
          }
          for (const label of Object.values(cocoLabels)) {
            const covered = truth
              .filter((object) => object.label === label)
              .reduce((sum, { box }) => sum + area(box), 0);
            if (covered > 0.1 * width * height && (counts.get(label) ?? 0) > 500) found++;
          }
        },
        figures: () => [(100 * inside) / all, found],
      };
    },
  };
}

/** Which of the planes [classes, pixels] is the greatest at a pixel. */
function greatestPlane(data: ArrayLike<number>, pixels: number, at: number): number {
  let best = 0;
  for (let plane = 1; plane * pixels < data.length; plane++) {
    if (data[plane * pixels + at] > data[best * pixels + at]) best = plane;
  }
  return best;
}
