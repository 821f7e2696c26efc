/**
 * One pixel, or one row: the kernel of kernels-wasm/gemv.ts, for a fully connected layer behind a global pool, or the
 * gates of squeeze and excitation. Groups of 8 outputs run by fours or twos where they have the same blocks, as all
 * of a dense weight have, and those of a stored block of 16 or 32 outputs.
 */
import { gemv, groupWords } from "../../../kernels-wasm/index.ts";
import { epilogueOf } from "./activation.ts";
import type { Candidate, ConvWork } from "./conv-work.ts";
import { writeGroups } from "./groups.ts";
import { type PackedConv, takeCensus } from "./pack.ts";
import { splitForPool } from "./split.ts";
import type { Builder, Call, Phase } from "./step.ts";

/** Cycles of an input of groups that run together: the latency of a multiply-add. */
const inputCycles = 4;

/** Cycles of groups that run together beside their blocks. */
const bundleCycles = 30;

/** Groups that run together. */
interface Bundle {
  readonly first: number;
  readonly width: 1 | 2 | 4;
  readonly cycles: number;
}

export function vectorCandidates(work: ConvWork): Candidate[] {
  const census = takeCensus(work.weights, work.lanes);
  const inputsOf = (block: number) =>
    block * census.counts.get(block)!.present.reduce((a, b) => a + b, 0);
  const [block] = [...census.counts.keys()].sort((a, b) => inputsOf(a) - inputsOf(b) || b - a);
  const cycles = (inputsOf(block) * inputCycles) / 2 + (work.weights.outputs / 16) * bundleCycles;
  return [
    {
      name: `vector ${block}`,
      cycles,
      bind(builder) {
        const { groups, packed, ...facts } = writeGroups(work, census, block, builder);
        return [{ ...facts, ...vectorPhase(work, groups, packed, builder) }];
      },
    },
  ];
}

function vectorPhase(
  { step, pixels }: ConvWork,
  groups: number,
  packed: PackedConv,
  builder: Builder,
): Omit<Phase, "detail" | "flops"> {
  const { block } = packed;
  const bundles = bundlesOf(packed);
  const epilogue = epilogueOf(step);
  const [x, out, addend] = [pixels.from, pixels.to, pixels.residual].map((table) => table?.[0] ?? 0);
  const groupAt = (g: number) => groups + g * groupWords * 4;
  /** A call for each run of bundles of one width. */
  const callsOf = ([first, end]: readonly [number, number]): Call[] => {
    const calls: Call[] = [];
    for (let from = first, to = first; from < end; from = to) {
      const { width } = bundles[from];
      while (to < end && bundles[to].width === width) to++;
      const kernel = builder.kernel(gemv({ ...epilogue, groups: width, block, fma: builder.fma }));
      const span = [groupAt(bundles[from].first), groupAt(bundles[to - 1].first + width)];
      calls.push({ kernel, args: [x, out, addend, ...span, step.lo, step.hi] });
    }
    return calls;
  };
  const cycles = bundles.map((bundle) => bundle.cycles);
  const total = cycles.reduce((a, b) => a + b, 0);
  return {
    label: step.label,
    kernel: `f32_gemv_${Math.max(...bundles.map(({ width }) => width))}x8_k${block}`,
    calls: splitForPool(cycles, builder.threads, total).map(callsOf),
  };
}

function bundlesOf(packed: PackedConv): Bundle[] {
  const { starts, block } = packed;
  const bundles: Bundle[] = [];
  for (let first = 0; first < starts.length - 1; ) {
    let alike = 1;
    while (
      alike < 4 &&
      first + alike < starts.length - 1 &&
      haveSameBlocks(packed, first, first + alike)
    )
      alike++;
    const width = alike === 4 ? 4 : alike >= 2 ? 2 : 1;
    const inputs = (starts[first + 1] - starts[first]) * block;
    bundles.push({ first, width, cycles: inputs * inputCycles + bundleCycles });
    first += width;
  }
  return bundles;
}

function haveSameBlocks({ starts, offsets }: PackedConv, a: number, b: number): boolean {
  const count = starts[a + 1] - starts[a];
  if (starts[b + 1] - starts[b] !== count) return false;
  for (let i = 0; i < count; i++) if (offsets[starts[a] + i] !== offsets[starts[b] + i]) return false;
  return true;
}
