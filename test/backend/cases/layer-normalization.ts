/** Cases of LayerNormalization. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

const rows: [shape: number[], attrs: Record<string, Attr>][] = [
  [[3, 8], {}],
  [[2, 5, 192], { epsilon: 1e-6 }],
  [[4, 7], { axis: 1, epsilon: 0.1 }],
  [[2, 3, 4, 5], { axis: -1 }],
  [[2, 3, 4, 5], { axis: 2 }],
  [[6, 1], {}],
  [[17], { axis: 0 }],
  [[2, 2, 3, 2, 9], {}],
];

export const layerNormalization: Case[] = [
  ...rows.map(([shape, attrs], seed) => {
    const normal = shape.slice((attrs.axis as number | undefined) ?? -1);
    const [x, scale, bias] = [shape, normal, normal].map((s, i) =>
      randomTensor(s, 10 * seed + i + 1, -2, 3),
    );
    const name = `[${shape}] ${JSON.stringify(attrs)}`;
    return single("LayerNormalization", name, [x, constant(scale), constant(bias)], attrs);
  }),
  single("LayerNormalization", "no bias", [randomTensor([5, 12], 91), constant(randomTensor([12], 92))]),
  single("LayerNormalization", "a computed scale", [
    randomTensor([5, 12], 93),
    randomTensor([12], 94),
    randomTensor([12], 95),
  ]),
  single("LayerNormalization", "far from 0", [
    randomTensor([3, 40], 96, 9, 11),
    constant(randomTensor([40], 97)),
    constant(randomTensor([40], 98)),
  ]),
];
