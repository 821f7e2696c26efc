/** Simplifies a graph for training: as `simplify` does, but BatchNormalization stays, because training needs it. */
import type { Graph } from "../../runtime/model/graph.ts";
import { foldConstants } from "../simplify/constants.ts";
import { dropUnused } from "../simplify/edit.ts";
import { normalizeGemm } from "../simplify/gemm.ts";
import { removeIdentities } from "../simplify/identity.ts";
import { foldPads } from "../simplify/pads.ts";
import { foldScales } from "../simplify/scales.ts";

export function trainable(graph: Graph): Graph {
  const passes = [foldConstants, removeIdentities, normalizeGemm, foldScales, foldPads, dropUnused];
  return passes.reduce((simpler, pass) => pass(simpler, {}), graph);
}
