/**
 * Rewrites a graph into fewer, plainer nodes that compute the same: what the runtime has fast kernels for, and with
 * every weight as [outputs, inputs, ...taps]. Sparse weights are left as they are.
 */
import type { Graph } from "../runtime/model/graph.ts";
import type { PlanOptions } from "../runtime/plan.ts";
import { recognizeActivations } from "./simplify/activations.ts";
import { splitBatchNormalization } from "./simplify/batch-normalization.ts";
import { foldConstants } from "./simplify/constants.ts";
import { dropUnused } from "./simplify/edit.ts";
import { normalizeGemm } from "./simplify/gemm.ts";
import { hoistActivations } from "./simplify/hoist.ts";
import { removeIdentities } from "./simplify/identity.ts";
import { foldPads } from "./simplify/pads.ts";
import { gemmOfRows } from "./simplify/rows.ts";
import { foldScales } from "./simplify/scales.ts";
import { slicesForSplits } from "./simplify/slices.ts";

/** `options` give the sizes that the graph leaves open, as for `plan`; the result leaves them open again. */
export function simplify(graph: Graph, options: PlanOptions = {}): Graph {
  const passes = [
    foldConstants,
    removeIdentities,
    slicesForSplits,
    recognizeActivations,
    splitBatchNormalization, // into Mul and Add, which the next passes fold
    gemmOfRows,
    normalizeGemm,
    foldScales,
    foldPads,
    hoistActivations,
    dropUnused,
  ];
  return passes.reduce((simpler, pass) => pass(simpler, options), graph);
}
