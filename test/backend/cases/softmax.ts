/** Cases of Softmax. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { type Case, single } from "./case.ts";

export const softmax: Case[] = [
  single("Softmax", "logits", [randomTensor([1, 10], 1, -5, 5)]),
  single("Softmax", "a batch", [randomTensor([5, 17], 2, -5, 5)], { axis: -1 }),
  single("Softmax", "large values", [tensor([1, 3], Float32Array.of(1000, 999, -1000))]),
  single("Softmax", "over channels", [randomTensor([2, 7, 3, 4], 3, -5, 5)], { axis: 1 }),
  single("Softmax", "over rows", [randomTensor([1, 3, 5, 4], 4, -5, 5)], { axis: 2 }),
  single("Softmax", "over the batch", [randomTensor([3, 4], 5, -5, 5)], { axis: 0 }),
  single("Softmax", "one value", [randomTensor([4, 1], 6)]),
];
