/** Measures what the blocks of each layer cost on this machine: the whole network at several densities, step by step. */
import { ModelError } from "../../runtime/model/errors.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { formatPattern, type SparsityPattern } from "../../runtime/model/pattern.ts";
import { plan } from "../../runtime/plan.ts";
import { prune } from "../index.ts";
import type { CostFile } from "../methods/costs.ts";
import type { PruneReport } from "../report.ts";
import type { WeightChoice } from "../weights.ts";
import { type BenchModel, type Benchmark, type BenchOptions, benchmark } from "./index.ts";
import { randomSamples } from "./samples.ts";

export interface CostOptions extends WeightChoice, Pick<BenchOptions, "place" | "dist" | "onProgress"> {
  readonly pattern: SparsityPattern;
  readonly densities?: readonly number[]; // fractions of the blocks of each layer that stay
  readonly rounds?: number;
  readonly threads?: number;
  readonly seed?: number;
}

/** Which blocks stay at a density is left to chance: their number is what is timed. */
export async function measureCosts(
  graph: Graph,
  options: CostOptions,
): Promise<{ file: CostFile; measured: Omit<Benchmark, "comparisons" | "profiles"> }> {
  const { pattern, densities = [0.9, 0.6, 0.35, 0.15], rounds = 12, threads = 1, seed = 0 } = options;
  const { include, exclude, place, dist, onProgress } = options;
  if (pattern.kind === "n:m") {
    throw new ModelError(
      `${formatPattern(pattern)} has one density: there is no cost to measure a budget by`,
    );
  }
  if (new Set(densities).size < 2 || densities.some((density) => !(density > 0 && density <= 1))) {
    throw new ModelError(`densities ${densities.join(", ")}: expected two or more, 0 < density ≤ 1`);
  }
  const variants: { name: string; sparse: Graph; report: PruneReport }[] = [];
  for (const density of densities) {
    const { graph: sparse, report } = await prune(graph, {
      method: "random",
      scope: "layer",
      pattern,
      sparsity: 1 - density,
      maxSparsity: 0.9999,
      keepChannels: true,
      include,
      exclude,
      seed,
    });
    variants.push({ name: `density ${density}`, sparse, report });
  }
  const models = await Promise.all(
    variants.map(async ({ name, sparse }): Promise<BenchModel> => {
      return { name, kind: "filigree", model: await writeModel(sparse), threads, reference: name };
    }),
  );
  const samples = randomSamples(plan(variants[0].sparse).graph, seed);
  const timing = { place, dist, onProgress, rounds: 0, profileRounds: rounds };
  const { comparisons: _, profiles = {}, ...measured } = await benchmark(models, samples, timing);
  const layers = variants[0].report.layers.map(({ node }, l) => {
    const points = new Map<number, number>();
    for (const { name, report } of variants) {
      // Fused nodes are one step, named by the first: "Conv 'a' + Add + Relu".
      const steps = (profiles[name] ?? []).filter((step) => step.node.includes(`'${node}'`));
      if (steps.length === 0) throw new ModelError(`the time of the node '${node}' was not measured`);
      const microseconds = 1000 * steps.reduce((sum, { ms }) => sum + ms, 0);
      points.set(report.layers[l].keptBlocks, round(microseconds));
    }
    if (points.size < 2) {
      throw new ModelError(
        `'${node}' has ${variants[0].report.layers[l].blocks} blocks: the densities keep as many of them; ` +
          "give others, or exclude the node",
      );
    }
    return { node, points: Array.from(points, ([kept, microseconds]) => ({ kept, microseconds })) };
  });
  const device = `${deviceOf(measured)}, ${threads} ${threads > 1 ? "threads" : "thread"}`;
  return {
    file: {
      filigree: "costs",
      version: 1,
      model: graph.name,
      device,
      pattern: formatPattern(pattern),
      layers,
    },
    measured,
  };
}

/** "Chromium 156", or Node and its version. */
function deviceOf({ place, userAgent }: Pick<Benchmark, "place" | "userAgent">): string {
  if (place === "node") return `Node ${process.versions.node}`;
  return (
    /(?:Headless)?Chrom\w+\/\d+/.exec(userAgent)?.[0].replace("Headless", "").replace("/", " ") ??
    userAgent
  );
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
