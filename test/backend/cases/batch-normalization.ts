/** Cases of BatchNormalization. */
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

const shapes = [
  [1, 8, 5, 5],
  [2, 17, 3, 4],
  [3, 5],
  [2, 6, 9],
];

export const batchNormalization: Case[] = shapes.map((shape, seed) => {
  const channels = [shape[1]];
  return single(
    "BatchNormalization",
    `[${shape}]`,
    [
      randomTensor(shape, 10 * seed + 1),
      constant(randomTensor(channels, 10 * seed + 2)),
      constant(randomTensor(channels, 10 * seed + 3)),
      constant(randomTensor(channels, 10 * seed + 4)),
      constant(randomTensor(channels, 10 * seed + 5, 0.1, 2)),
    ],
    seed % 2 ? { epsilon: 1e-3 } : {},
  );
});
