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
  ...[2, 3, 4, 7, 8, 11, 13, 49, 64, 197].map((count) =>
    single("Softmax", `rows of ${count}`, [randomTensor([7, count], count, -30, 30)]),
  ),
  single("Softmax", "over the last axis of [2,3,5,6]", [randomTensor([2, 3, 5, 6], 7, -5, 5)]),
  single("Softmax", "powers that vanish", [
    tensor([1, 6], Float32Array.of(0, -200, 3, -1e30, -87, -103)),
  ]),
  single("Softmax", "minus infinity", [tensor([1, 5], Float32Array.of(1, -Infinity, 2, 0, -Infinity))]),
  single("Softmax", "one value", [randomTensor([4, 1], 6)]),
];
