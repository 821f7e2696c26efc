/** The task of each model of the data pack, with the figures that were published with the pack. */
import { cifar10, imagenet1000, mnist } from "./classification.ts";
import { yolov5, yolox } from "./coco.ts";
import { faceDetection, handPresence, personDetection, visualWakeWords } from "./people.ts";
import { imagenet, normalize, symmetric } from "./pictures.ts";
import { camvid, objectsInBoxes } from "./segmentation.ts";
import type { Task } from "./task.ts";

const vitPixel = normalize([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.201]);
const raw = (value: number) => value;
const coarse = { name: "top-1 %", digits: 1, published: 79.3 }; // "79.3 to 79.4"

/** By the model's path without its ending. */
const tasks: Readonly<Record<string, () => Task | Promise<Task>>> = {
  "cifar10/resnet20": () => cifar10(imagenet, 91.73),
  "cifar10/resnet32": () => cifar10(imagenet, 92.63),
  "cifar10/resnet56": () => cifar10(imagenet, 93.39),
  "cifar10/vit_d128_l6": () => cifar10(vitPixel, 73.72),
  "cifar10/mobilevit_xxs_64": () => cifar10(imagenet, coarse, 64),
  "cifar10/mlperf_resnet8": () => cifar10(raw, 87.19),
  "cifar10/mlperf_resnet8_large": () => cifar10(raw, 91.28),
  "mnist/lenet": () => mnist(98.95),
  "imagenet/squeezenet1.1": () => imagenet1000(imagenet, [62.4, 83.6]),
  "imagenet/mobilenetv2_1.0_224": () => imagenet1000(symmetric, [89.2, 98.3], 1),
  "coco/yolox_nano_416": () => yolox(416, [37.0, 52.9]),
  "coco/yolov5n_640.AGPL": () => yolov5(640, [33.2, 50.9]),
  "segmentation/espnet_p2q8_camvid": () => camvid([53.8, 85.4]),
  "segmentation/deeplabv3_mnv2_voc_513": () => objectsInBoxes([64.5, 9]),
  "tinyml/mlperf_vww_96": () => visualWakeWords(78.3),
  "sparse/face_detection_full_range_sparse": () => faceDetection(23),
  "sparse/face_detection_full_range_dense": () => faceDetection(26),
  "sparse/pose_detection_sparse": () => personDetection(0.95),
  "sparse/hand_landmark_full": () => handPresence(0.997, 0.0001),
};

export function taskOf(model: string): Task | Promise<Task> | undefined {
  return tasks[model]?.();
}
