/**
 * The panel kernels (kernels-wasm/panel.ts) as ways to run a convolution: for weights whose zeros do not fill blocks
 * of 8 outputs. Up to 52 pixels by 1 output, or 24 by 2 that share a list.
 */
import { mostVectors, type PanelKernel, panel, panelWords } from "../../../kernels-wasm/index.ts";
import { epilogueOf } from "./activation.ts";
import type { Candidate, ConvWork } from "./conv-work.ts";
import { roundUp8 } from "./layout.ts";
import {
  type ListCensus,
  packLists,
  type Range,
  rowBytes,
  type Sharing,
  sliceBytes,
  sliceRows,
  takeListCensus,
} from "./panel-pack.ts";
import { split, splitForPool } from "./split.ts";
import type { Builder, Call, Phase } from "./step.ts";

/** Two ways, outputs one by one and by twos; or none. */
export function panelCandidates(work: ConvWork): Candidate[] {
  const { weights, x } = work;
  // Four inputs are read at a time: they may reach past the channels, never past the pixel.
  if (weights.groups > 1 || x.stride % 4 !== 0 || work.ranges) return [];
  const census = takeListCensus(weights);
  return ([1, 2] as const).map((sharing) => {
    const cycles = predict(work, sharing, census);
    return {
      name: `panel ${mostVectors[sharing] * 4}x${sharing}`,
      cycles,
      bind: (builder) => [bindPanel(work, sharing, cycles, builder)],
    };
  });
}

/** Scratch memory that these candidates need at most. */
export function panelScratchBytes(outputs: number, threads: number): number {
  const pieces = threads === 1 ? 1 : 4 * threads; // as many as splitForPool makes at most
  return pieces * pieceScratch(outputs);
}

/** A slice of the panel, and the sums of all outputs. */
const pieceScratch = (outputs: number): number =>
  sliceBytes + Math.ceil(outputs / 16) * 16 * rowBytes(1);

/** Cycles; the numbers are fitted to measurements on a machine with two multiply-adds and three loads a cycle. */
function predict({ weights, pixels }: ConvWork, sharing: Sharing, census: ListCensus): number {
  const outputs = roundUp8(weights.outputs);
  const widths = panelWidths(pixels.from.length, sharing);
  const lists = (outputs / sharing) * Math.ceil(census.rows / sliceRows(sharing));
  let cycles = 0;
  for (const vectors of widths) {
    const entry =
      sharing === 1
        ? Math.max(3.2 + 0.17 * vectors, 0.45 + 0.5 * vectors)
        : Math.max(4.2, vectors + 0.1);
    // Sums loaded and stored; a branch mispredicted, less often where lists are alike; every other list filled up.
    const list =
      vectors * sharing + (sharing === 1 ? 15 : 8) + (entry * (unrollOf(sharing, widths) - 1)) / 2;
    const transposed = (vectors / 4) * (census.rows * 4.5 + outputs * 5);
    cycles += census.entries[sharing] * entry + lists * list + transposed;
  }
  return cycles;
}

/** Vectors of each panel: as few panels as can be, of about equal width so that none is nearly empty; wide ones first. */
function panelWidths(pixels: number, sharing: Sharing): number[] {
  const vectors = Math.ceil(pixels / 4);
  const count = Math.ceil(vectors / mostVectors[sharing]);
  return Array.from({ length: count }, (_, i) => Math.floor((vectors + count - 1 - i) / count));
}

function bindPanel(work: ConvWork, sharing: Sharing, cycles: number, builder: Builder): Phase {
  const { step, weights, pixels } = work;
  const { outputs } = weights;
  const { threads } = builder;
  const widths = panelWidths(pixels.from.length, sharing);
  const callsOf = writePanels(work, sharing, widths, builder);
  let entries = 0;

  /** Writes the lists of some outputs; their calls for a range of panels. */
  const outputsOf = ([first, end]: Range) => {
    const packed = packLists(weights, work.tapBytes, [first, end], sharing, unrollOf(sharing, widths));
    entries += packed.offsets.length;
    const quads = packed.slices.flatMap((slice) => {
      const at = builder.data(slice);
      return [at, at + slice.byteLength];
    });
    const slices = builder.data(Int32Array.from(quads));
    const lists = [
      ...[slices, slices + quads.length * 4],
      builder.data(packed.counts),
      builder.data(words(packed.offsets)),
      builder.data(packed.weights),
      ...[work.bias + first * 4, work.bias + roundUp8(end) * 4],
      first * 4,
    ];
    const sumsStep = packed.slices.length > 1 ? 16 * rowBytes(sharing) : 0;
    return (panels: Range, piece: number): Call[] => {
      const scratch = builder.scratch + piece * pieceScratch(outputs);
      return callsOf(panels, [...lists, scratch, scratch + sliceBytes, sumsStep]);
    };
  };

  // Where panels cannot be shared evenly, outputs are: each thread then gathers all panels.
  const unevenness = (Math.ceil(widths.length / threads) * threads) / widths.length;
  const byOutputs = unevenness > 1.1 && outputs >= threads * 32;
  const calls = byOutputs
    ? split(new Array<number>(Math.ceil(outputs / 16)).fill(1), threads).map(([first, end], piece) =>
        outputsOf([first * 16, Math.min(end * 16, outputs)])([0, widths.length], piece),
      )
    : splitForPool(widths, threads, cycles).map(outputsOf([0, outputs]));
  const kept = (100 * entries * sharing) / (outputs * weights.inputs * weights.taps);
  return {
    label: step.label,
    kernel: `f32_panel_${widths[0] * 4}x${sharing}`,
    detail: kept < 100 ? `sparse: ${kept.toFixed(1)} % of the weights kept` : "dense",
    flops: 2 * entries * sharing * pixels.from.length,
    calls,
  };
}

/** The fewer multiply-adds an entry has, the more the loop around them costs. */
const unrollOf = (sharing: Sharing, widths: readonly number[]): 1 | 2 =>
  sharing === 1 || widths[0] < mostVectors[2] ? 2 : 1;

/** Writes the addresses of all pixels; calls for a range of panels, with what the kernel takes beside them. */
function writePanels(
  { step, pixels }: ConvWork,
  sharing: Sharing,
  widths: readonly number[],
  builder: Builder,
): (panels: Range, args: readonly number[]) => Call[] {
  const { from, to, residual } = pixels;
  const tables = residual ? [from, to, residual] : [from, to];
  const epilogue = epilogueOf(step);
  const unroll = unrollOf(sharing, widths);
  const starts = [0]; // of each panel, in words
  for (const vectors of widths)
    starts.push(starts[starts.length - 1] + panelWords({ vectors, ...epilogue }));
  const addresses = new Int32Array(starts[widths.length]);
  for (let i = 0, at = 0, first = 0; i < widths.length; first += widths[i++] * 4) {
    for (const table of tables) {
      for (let p = first; p < first + widths[i] * 4; p++) {
        addresses[at++] = table[Math.min(p, table.length - 1)]; // beyond the last pixel it comes again
      }
    }
  }
  const address = builder.data(addresses);
  return ([first, end], args) =>
    [...new Set(widths)].flatMap((vectors) => {
      const begin = Math.max(first, widths.indexOf(vectors));
      const stop = Math.min(end, widths.lastIndexOf(vectors) + 1);
      if (begin >= stop) return [];
      const kernel: PanelKernel = { vectors, outputs: sharing, unroll, fma: builder.fma, ...epilogue };
      const span = [address + starts[begin] * 4, address + starts[stop] * 4];
      return [{ kernel: builder.kernel(panel(kernel)), args: [...span, ...args, step.lo, step.hi] }];
    });
}

/** Whole words of u16. */
function words(values: Uint16Array): Int32Array {
  const whole = new Int32Array(Math.ceil(values.length / 2));
  new Uint16Array(whole.buffer).set(values);
  return whole;
}
