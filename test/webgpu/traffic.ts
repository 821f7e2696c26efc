/**
 * Counts what the product kernels do, for docs/webgpu.md: multiplications, reads of workgroup memory, bytes that are
 * asked of buffers. Counted from the tiles and the lists of blocks; caches are not looked at.
 *
 *   npx tsx test/webgpu/traffic.ts      writes the table into docs/webgpu.md
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";
import { broadcastSize } from "../../runtime/backends/webgpu/broadcast.ts";
import { chooseBlocks, depth, nameOf, pack, type Weights } from "../../runtime/backends/webgpu/pack.ts";
import { tileOf } from "../../runtime/backends/webgpu/product.ts";
import { decodeWeight, encodeWeight } from "../../runtime/model/sparse/index.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";

export interface Traffic {
  readonly kernel: string;
  readonly fmas: number; // of single values, in all invocations
  readonly workgroupReads: number; // of four values each
  readonly broadcasts: number; // in subgroups, of four values each
  readonly activationBytes: number; // read from the arena
  readonly weightBytes: number; // read, with the index
  readonly writtenBytes: number;
  readonly barriers: number; // of the workgroup that has most
  readonly workgroups: number;
}

/** What the kernel of these weights does for so many pixels; with subgroups of so many lanes where they are given. */
export function trafficOf(weights: Weights, pixels: number, lanes = 0): Traffic {
  const packed = pack(weights, chooseBlocks(weights));
  const { rows, cols, index, rowGroups } = packed;
  const { quads, rowsEach, size } = lanes
    ? { quads: broadcastSize, rowsEach: rows, size: broadcastSize }
    : tileOf(packed, pixels);
  const tiles = Math.ceil(pixels / (4 * quads));
  const steps = Array.from(
    { length: rowGroups },
    (_, g) => ((index[g * 4 + 1] - index[g * 4]) * cols) / depth,
  );
  const inputs = depth * steps.reduce((sum, count) => sum + count, 0) * tiles; // that workgroups walk, all together
  return {
    kernel: lanes ? `${nameOf(packed)}, subgroups` : nameOf(packed),
    fmas: inputs * rows * 4 * quads,
    workgroupReads: lanes ? 0 : inputs * size * (1 + Math.max(1, rowsEach / 4)),
    broadcasts: lanes ? (inputs * size * rows) / 4 : 0,
    activationBytes: inputs * quads * 16,
    weightBytes: inputs * (rows * 4 + 4) * (lanes ? size / lanes : 1),
    writtenBytes: weights.outputs * pixels * 4,
    barriers: lanes ? 0 : 2 * Math.max(...steps),
    workgroups: tiles * rowGroups,
  };
}

const layers: [name: string, shape: number[], pixels: number][] = [
  ["3x3, 256 to 256, 56x56", [256, 256, 3, 3], 56 * 56],
  ["GEMM 1024 x 1024 x 1024", [1024, 1024], 1024],
];

const kernels: [weights: string, density: number, lanes: number][] = [
  ["dense", 1, 0],
  ["16x8, 70 % pruned", 0.3, 0],
  ["16x8, 70 % pruned", 0.3, 32],
];

/** The table of docs/webgpu.md. */
export function trafficTable(): string {
  const head = [
    ...[
      "layer",
      "weights",
      "blocks",
      "multiply-adds",
      "reads of workgroup memory (vec4)",
      "broadcasts (vec4)",
    ],
    ...["activations read", "weights and index read", "written", "flop/byte", "barriers", "workgroups"],
  ];
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const millions = (count: number, digits = 1) => `${(count / 1e6).toFixed(digits)} M`;
  const cells = layers.flatMap(([name, shape, pixels], seed) =>
    kernels.map(([weights, density, lanes]) => {
      const dense = randomTensor(shape, seed + 1);
      const mask = randomMask(shape, { kind: "block", rows: 16, cols: 8 }, density, seed + 1);
      const { data } = decodeWeight(encodeWeight(dense, mask));
      const taps = shape.slice(2).reduce((a, b) => a * b, 1);
      const packed = { data, outputs: shape[0], inputs: shape[1], taps, groups: 1 };
      const t = trafficOf(packed, pixels, lanes);
      const bytes = t.activationBytes + t.weightBytes + t.writtenBytes;
      return [
        ...[
          name,
          weights,
          t.kernel,
          millions(t.fmas, 0),
          millions(t.workgroupReads),
          millions(t.broadcasts),
        ],
        ...[megabytes(t.activationBytes), megabytes(t.weightBytes), megabytes(t.writtenBytes)],
        ...[((2 * t.fmas) / bytes).toFixed(1), String(t.barriers), String(t.workgroups)],
      ];
    }),
  );
  return markdownTable(head, cells);
}

export const docsPath = fileURLToPath(new URL("../../docs/webgpu.md", import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(docsPath, fillMarked(readFileSync(docsPath, "utf8"), "traffic", trafficTable()));
}
