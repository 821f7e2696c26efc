/** Writes a network of the zoo in every form that the benchmark's engines read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildNetwork, type ImageSize, type ZooName, zoo } from "../../demo/zoo/index.ts";
import { pruneNetwork } from "../../demo/zoo/prune.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { maskedOnnx, type PruneReport, simplify } from "../../pruner/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { flopsOf } from "../../runtime/ops/work.ts";
import { plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";
import { type EngineName, engineFiles } from "./networks-engines.ts";

export interface NetworkFiles {
  readonly report: PruneReport;
  readonly flops: Readonly<Record<"dense" | "pruned", number>>; // of a run, of weights that are kept
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  /** Why an engine cannot run it. */
  readonly refused: Readonly<Partial<Record<EngineName, string>>>;
}

export async function writeNetwork(
  name: ZooName,
  folder: string,
  engines: readonly EngineName[],
  options: { readonly pattern: string; readonly sparsity?: number; readonly size?: ImageSize },
): Promise<NetworkFiles> {
  const { pattern, sparsity, size } = options;
  const dense = simplify(buildNetwork(name, { seed, size }));
  const { graph: pruned, report } = await pruneNetwork(dense, {
    pattern,
    sparsity,
    exclude: zoo[name].heads,
  });
  mkdirSync(folder, { recursive: true });
  const write = (file: string, bytes: Uint8Array) => writeFileSync(join(folder, file), bytes);

  const { name: inputName, shape } = dense.inputs[0];
  const image = randomTensor(shape as number[], seed + 1, -1.7, 1.7); // mean 0, deviation 1
  write("input", new Uint8Array(image.data.buffer));
  write("masked.onnx", maskedOnnx(pruned));
  const refused: Partial<Record<EngineName, string>> = {};
  for (const engine of engines) {
    const { file, weights } = engineFiles[engine];
    try {
      write(file, await bytesOf(file, weights === "dense" ? dense : pruned));
    } catch (error) {
      if (!file.endsWith(".tflite") || (error as Error).name !== "ModelError") throw error;
      refused[engine] = (error as Error).message;
    }
  }
  return {
    report,
    flops: flopsBy(dense, report),
    input: { name: inputName, shape: shape as number[] },
    refused,
  };
}

const seed = 1;

async function bytesOf(file: string, graph: Graph): Promise<Uint8Array> {
  if (file.endsWith(".filigree")) return writeModel(graph);
  if (file.endsWith(".onnx")) return maskedOnnx(graph);
  return exportTflite(graph, { sparse: file === "sparse.tflite" });
}

/** Work of the multiplications, with all weights and with those that pruning keeps. */
function flopsBy(graph: Graph, { layers }: PruneReport): Record<"dense" | "pruned", number> {
  const { values } = plan(graph);
  const density = new Map(
    layers.map(({ node, keptElements, elements }) => [node, keptElements / elements]),
  );
  const work = graph.nodes.map((node) => ({
    flops: flopsOf(node, values),
    kept: density.get(node.name) ?? 1,
  }));
  return {
    dense: work.reduce((sum, { flops }) => sum + flops, 0),
    pruned: work.reduce((sum, { flops, kept }) => sum + flops * kept, 0),
  };
}
