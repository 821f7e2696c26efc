/**
 * A depthwise Conv with the Conv before it and the 1x1 Conv behind it (either may be missing) in bands of rows, so
 * that what lies between them stays in the L2 cache instead of going through memory:
 *
 *   for each band of output rows:  x -> Conv -> ring of rows -> depthwise -> a few rows -> 1x1 Conv -> out
 *
 * The ring has as many rows as the windows of a band reach over: input row r lies in row r modulo that, so a band
 * finds there what it shares with the band before. Pieces of bands run on different threads; each has a ring of its
 * own, and makes the rows again that it shares with the piece before.
 */
import { clear } from "../../../kernels-wasm/index.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage, type WindowAxis } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import type { ConvOperands } from "./conv-work.ts";
import { depthwiseWork, isDepthwise, type RowOfPixels } from "./depthwise.ts";
import { type Layout, layoutOf, pixelAt } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import { split } from "./split.ts";
import type { Builder, Call, Phase, Placed, Step } from "./step.ts";

/** What ring and rows of a band may take together: half of a small L2 cache. */
const bandBytes = 256 * 1024;

/** Pieces a thread, where there are several: more would share more evenly, and make more rows twice. */
const piecesAThread = 2;

/** Writes the tables of a Conv whose operands lie anywhere, one piece for each of their ranges. */
type BindConv = (step: Step, builder: Builder, operands: ConvOperands) => Phase[];

export function bindBands(step: Step, builder: Builder, bindConv: BindConv): Phase[] {
  const chain = chainOf(step, builder.plan);
  const { before, depthwise, after, y, x } = chain;
  const input = builder.value(step.inputs[0]);
  const out = builder.value(step.output);
  const residual = step.residual === undefined ? undefined : builder.value(step.residual);
  const window = before && windowOf(before, builder.plan);
  const pieces = piecesOf(chain, builder.threads);
  const buffers = pieces.map((_, piece) => buffersOf(chain, builder.scratch, piece));
  const outside = before ? builder.data(zeroRow(chain.ring)) : 0;

  const first = pixelList(); // of the Conv before
  const rows: RowOfPixels[] = []; // of the depthwise Conv
  const rowEnds: number[] = []; // of each band
  const last = pixelList(); // of the Conv behind
  pieces.forEach((bands, piece) => {
    const { ring, middle } = buffers[piece];
    let made = { image: -1, end: 0 }; // rows of the ring
    for (const { image, row, end } of bands) {
      const [reachFirst, reachEnd] = reachOf(y, row, end);
      if (window) {
        const start = made.image === image ? Math.max(made.end, reachFirst) : reachFirst;
        for (let iy = start; iy < reachEnd; iy++) {
          for (let ix = 0; ix < x.inputSize; ix++) {
            const corner = [iy, ix].map((at, axis) => at * window[axis].stride - window[axis].padBegin);
            first.from.push(input.address + pixelAt(input, image, corner[0], corner[1]));
            first.to.push(ringAt(ring, iy, ix));
          }
        }
        made = { image, end: reachEnd };
      }
      for (let oy = row; oy < end; oy++) {
        const from = Array.from({ length: y.kernel }, (_, ky) => {
          const iy = oy * y.stride - y.padBegin + ky * y.dilation;
          if (!before) return input.address + pixelAt(input, image, iy, -x.padBegin);
          const isInside = iy >= 0 && iy < y.inputSize;
          return isInside ? ringAt(ring, iy, -x.padBegin) : outside + pixelAt(ring, 0, 0, -x.padBegin);
        });
        const to = (ox: number) => out.address + pixelAt(out, image, oy, ox);
        const middleTo = (ox: number) => middle.address + pixelAt(middle, 0, oy - row, ox);
        rows.push({ from, to: after ? middleTo(0) : to(0) });
        for (let ox = 0; after && ox < x.outputSize; ox++) {
          last.from.push(middleTo(ox));
          last.to.push(to(ox));
          if (residual) last.residual.push(residual.address + pixelAt(residual, image, oy, ox));
        }
      }
      rowEnds.push(rows.length);
      first.endRange();
      last.endRange();
    }
  });

  const [{ ring, middle }] = buffers;
  const xStep = before ? ring.pixelBytes : input.pixelBytes;
  const outStep = after ? middle.pixelBytes : out.pixelBytes;
  const work = depthwiseWork(depthwise, builder, xStep, outStep);
  const callOf = work.bindRows(rows);
  const [firstPhase] = before ? bindConv(before, builder, { x: input, out: ring, ...first.done() }) : [];
  const [lastPhase] = after
    ? bindConv({ ...after, residual: step.residual }, builder, { x: middle, out, ...last.done() })
    : [];
  const convs = [firstPhase, lastPhase].filter((phase) => phase !== undefined);
  let band = 0;
  return [
    {
      label: step.label,
      kernel: [firstPhase?.kernel, work.kernel, lastPhase?.kernel].filter(Boolean).join(" + "),
      detail: [`bands of ${chain.rows} rows`, ...convs.map(({ detail }) => detail)].join("; "),
      flops: convs.reduce((sum, { flops }) => sum + flops, work.flopsPerRow * rows.length),
      calls: pieces.map((bands, piece): Call[] => [
        ...(before ? clearSides(buffers[piece].ring, builder) : []),
        ...bands.flatMap(() => {
          const depthwiseCall = callOf(rowEnds[band - 1] ?? 0, rowEnds[band]);
          const calls = [firstPhase?.calls[band] ?? [], depthwiseCall, lastPhase?.calls[band] ?? []];
          band++;
          return calls.flat();
        }),
      ]),
    },
  ];
}

/** Scratch memory of a chain: a ring and a few rows for each piece. */
export function bandScratchBytes(step: Step, plan: ExecutionPlan, threads: number): number {
  const chain = chainOf(step, plan);
  return piecesOf(chain, threads).length * scratchBytes(chain);
}

interface Chain {
  readonly before?: Step;
  readonly depthwise: Step;
  readonly after?: Step;
  readonly y: WindowAxis; // of the depthwise Conv
  readonly x: WindowAxis;
  readonly images: number;
  readonly rows: number; // of a band's output
  readonly ring: Layout; // what the depthwise Conv reads
  readonly middle: Layout; // what it writes for the Conv behind it
}

function chainOf({ chain }: Step, plan: ExecutionPlan): Chain {
  const at = chain!.findIndex(({ node }) => isDepthwise(node, plan));
  const depthwise = chain![at];
  const [y, x] = windowOf(depthwise, plan);
  const [images, channels] = shapeOf(plan, depthwise.node.inputs[0]);
  const side = Math.max(
    x.padBegin,
    reachOf({ ...x, inputSize: Infinity }, 0, x.outputSize)[1] - x.inputSize,
  );
  const layouts = (rows: number) => {
    const reach = Math.min(y.inputSize, (rows - 1) * y.stride + (y.kernel - 1) * y.dilation + 1);
    return {
      ring: layoutOf([1, channels, reach, x.inputSize], "image", { top: 0, bottom: 0, side }),
      middle: layoutOf([1, channels, rows, x.outputSize], "image"),
    };
  };
  let rows = 1;
  while (rows < y.outputSize && scratchBytes(layouts(rows + 1)) <= bandBytes) rows++;
  rows = Math.ceil(y.outputSize / Math.ceil(y.outputSize / rows)); // about equal bands
  return {
    before: chain![at - 1],
    depthwise,
    after: chain![at + 1],
    y,
    x,
    images,
    rows,
    ...layouts(rows),
  };
}

function windowOf({ node }: Step, plan: ExecutionPlan): readonly [y: WindowAxis, x: WindowAxis] {
  return asImage(convGeometry(node, shapeOf(plan, node.inputs[0]), shapeOf(plan, node.inputs[1])).axes);
}

/** The input rows [first, end), inside the image, that output rows [row, end) read. */
function reachOf(axis: WindowAxis, row: number, end: number): [first: number, end: number] {
  const { stride, padBegin, kernel, dilation, inputSize } = axis;
  const last = (end - 1) * stride - padBegin + (kernel - 1) * dilation;
  return [Math.max(0, row * stride - padBegin), Math.min(inputSize, last + 1)];
}

interface Band {
  readonly image: number;
  readonly row: number; // first row of the output
  readonly end: number;
}

/** The bands of each piece. */
function piecesOf({ images, rows, y }: Chain, threads: number): Band[][] {
  const bands: Band[] = [];
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < y.outputSize; row += rows)
      bands.push({ image, row, end: Math.min(row + rows, y.outputSize) });
  }
  const pieces = split(
    new Array<number>(bands.length).fill(1),
    threads > 1 ? threads * piecesAThread : 1,
  );
  return pieces.filter(([first, end]) => first < end).map(([first, end]) => bands.slice(first, end));
}

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;

function scratchBytes({ ring, middle }: Pick<Chain, "ring" | "middle">): number {
  return align(ring.bytes) + align(middle.bytes);
}

function buffersOf(chain: Chain, scratch: number, piece: number): { ring: Placed; middle: Placed } {
  const address = scratch + piece * scratchBytes(chain);
  return {
    ring: { ...chain.ring, address },
    middle: { ...chain.middle, address: address + align(chain.ring.bytes) },
  };
}

/** Where the ring has a pixel of the depthwise Conv's input. */
function ringAt(ring: Placed, y: number, x: number): number {
  return ring.address + pixelAt(ring, 0, y % ring.h, x);
}

/** What rows above and below the image hold, with what lies beside them. */
function zeroRow({ rowBytes, border, pixelBytes }: Layout): Float32Array {
  return new Float32Array((rowBytes + border.side * pixelBytes) / 4);
}

/** The ring's memory belongs to other steps between runs: what lies beside its rows must be zero again. */
function clearSides(ring: Placed, builder: Builder): Call[] {
  const { side } = ring.border;
  if (side === 0) return [];
  const args = [ring.address, side * ring.pixelBytes, ring.rowBytes, ring.h + 1];
  return [{ kernel: builder.kernel(clear()), args }];
}

/** Pixels, range by range. */
function pixelList() {
  const from: number[] = [];
  const to: number[] = [];
  const residual: number[] = [];
  const ranges: [first: number, end: number][] = [];
  return {
    from,
    to,
    residual,
    endRange: () => void ranges.push([ranges.length ? ranges[ranges.length - 1][1] : 0, from.length]),
    done: () => ({
      pixels: {
        from: Int32Array.from(from),
        to: Int32Array.from(to),
        residual: residual.length ? Int32Array.from(residual) : undefined,
      },
      ranges,
    }),
  };
}
