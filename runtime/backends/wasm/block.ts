/**
 * The block kernels (kernels-wasm/conv.ts) as a way to run a convolution: dense or sparse, 1x1 or 7x7, strided,
 * dilated or grouped, they differ in their tables only.
 */
import { conv, groupWords, tileWords } from "../../../kernels-wasm/index.ts";
import { epilogueOf } from "./activation.ts";
import type { Candidate, ConvWork, PixelRange } from "./conv-work.ts";
import { writeGroups } from "./groups.ts";
import { type Census, takeCensus } from "./pack.ts";
import { type Pixels, slicePixels } from "./pixel-tables.ts";
import { splitForPool } from "./split.ts";
import type { Builder, Call, Phase, Placed, Step } from "./step.ts";

/** The largest part of the L2 cache that a panel of input and output pixels may take. */
const panelBytes = 512 * 1024;

/** Cycles of a block for a tile of pixels: two multiply-adds a cycle; index, pointers and loop hide behind most of them. */
const blockCycles = (block: number, pixels: number): number => Math.max(4, pixels) * block + 0.8;

/** Cycles of a tile of 8 outputs beside its blocks: pointers, bias, clamp, stores. */
const tileCycles = 20;

/** One candidate: blocks of 8, 4, 2 or 1 input channels, whichever costs least. */
export function blockCandidates(work: ConvWork): Candidate[] {
  const census = takeCensus(work.weights, work.lanes);
  const pixels = tileSize(work.pixels.from.length);
  const tiles = Math.ceil(work.pixels.from.length / pixels);
  const cyclesOf = (block: number) => {
    const { present } = census.counts.get(block)!;
    const blocks = present.reduce((a, b) => a + b, 0);
    return tiles * (blocks * blockCycles(block, pixels) + present.length * tileCycles);
  };
  const [block] = [...census.counts.keys()].sort((a, b) => cyclesOf(a) - cyclesOf(b));
  return [
    {
      name: `block ${block}`,
      cycles: cyclesOf(block),
      bind: (builder) => [bindBlock(work, census, block, builder)],
    },
  ];
}

/** Writes the weights and their tables. */
function bindBlock(work: ConvWork, census: Census, block: number, builder: Builder): Phase {
  const { pixels } = work;
  const { present } = census.counts.get(block)!;
  const { groups, packed: _, ...facts } = writeGroups(work, census, block, builder);
  const tile = tileSize(pixels.from.length);
  const cycles = Array.from(present, (blocks) => blocks * blockCycles(block, tile) + tileCycles);
  const run = (part: Pixels, to: Builder) =>
    convPhase(work.step, to, block, part, groups, cycles, work.x, work.out);
  return {
    ...(work.ranges ? runRanges(work.ranges, pixels, builder, run) : run(pixels, builder)),
    ...facts,
  };
}

/**
 * Calls of the kernel over all pixels and groups. `groups` is the address of the group table, `cycles[g]` what a
 * group of 8 outputs costs a tile of pixels.
 */
export function convPhase(
  step: Step,
  builder: Builder,
  block: number,
  pixels: Pixels,
  groups: number,
  cycles: readonly number[],
  x: Placed,
  out = builder.value(step.output),
): Omit<Phase, "detail" | "flops"> {
  const { threads, fma } = builder;
  const residual = pixels.residual !== undefined;
  const count = pixels.from.length;
  const tilePixels = tileSize(count);
  const whole = Math.floor(count / tilePixels);
  const rest = count - whole * tilePixels;
  const tables = [pixels.from, pixels.to, ...(pixels.residual ? [pixels.residual] : [])];

  /** Tiles of `size` pixels from pixel `first` on; a call for a range of them, and of groups. */
  const tilesOf = (size: number, first: number, tiles: number) => {
    const words = new Int32Array(tiles * tileWords({ pixels: size, residual }));
    for (let tile = 0, at = 0, from = first; tile < tiles; tile++, from += size) {
      for (const table of tables) for (let p = 0; p < size; p++) words[at++] = table[from + p];
    }
    const kernel = builder.kernel(conv({ ...epilogueOf(step), pixels: size, block, fma }));
    const tileBytes = words.byteLength / tiles;
    const address = builder.data(words);
    const panelTiles = Math.max(1, Math.floor(panelBytes / (size * (x.pixelBytes + out.pixelBytes))));
    return ([tile, tileEnd]: Range, [group, groupEnd]: Range): Call[] => {
      if (tile === tileEnd || group === groupEnd) return [];
      const tileAt = (i: number) => address + i * tileBytes;
      const groupAt = (i: number) => groups + i * groupWords * 4;
      const spans = [tileAt(tile), tileAt(tileEnd), groupAt(group), groupAt(groupEnd)];
      return [{ kernel, args: [...spans, panelTiles * tileBytes, step.lo, step.hi] }];
    };
  };
  const main = whole ? tilesOf(tilePixels, 0, whole) : () => [];
  const tail = rest ? tilesOf(rest, whole * tilePixels, 1) : () => [];
  const tiles = new Array<number>(whole).fill(1);
  if (rest) tiles.push(1);
  const groupCycles = cycles.reduce((a, b) => a + b, 0);
  const total = groupCycles * tiles.length;
  // Every thread reads what the others do not: all weights for its tiles, or all tiles for its outputs.
  const weightBytes = (groupCycles / blockCycles(block, tilePixels)) * block * 32;
  const byTiles = tiles.length >= 4 * threads && weightBytes < count * (x.pixelBytes + out.pixelBytes);
  const calls = byTiles
    ? splitForPool(tiles, threads, total).map(([first, end]) => {
        const all: Range = [0, cycles.length];
        return [...main([first, Math.min(end, whole)], all), ...(end > whole ? tail([0, 1], all) : [])];
      })
    : splitForPool(cycles, threads, total).map((range) => [
        ...main([0, whole], range),
        ...tail([0, 1], range),
      ]);
  return { label: step.label, kernel: `f32_conv_${tilePixels}x8_k${block}`, calls };
}

/** One piece for each range of pixels. */
function runRanges(
  ranges: readonly PixelRange[],
  pixels: Pixels,
  builder: Builder,
  run: (part: Pixels, builder: Builder) => Omit<Phase, "detail" | "flops">,
): Omit<Phase, "detail" | "flops"> {
  const alone = { ...builder, threads: 1 };
  const parts = ranges.map(([first, end]) => run(slicePixels(pixels, first, end), alone));
  return { ...parts[0], calls: parts.map(({ calls }) => calls.flat()) };
}

type Range = readonly [first: number, end: number];

/** 6 or 5 pixels a tile, whichever wastes less: a tile of fewer than 4 pixels takes as long as one of 4. */
function tileSize(count: number): number {
  if (count < 6) return Math.max(1, count);
  const cost = (tile: number) => count - (count % tile) + (count % tile ? Math.max(4, count % tile) : 0);
  return cost(5) < cost(6) ? 5 : 6;
}
