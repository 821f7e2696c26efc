/** Writes a network in every form that the benchmark's engines read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildNetwork, type ImageSize, type ZooName, zoo } from "../../demo/zoo/index.ts";
import { pruneNetwork } from "../../demo/zoo/prune.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { exportOnnx, importOnnx, simplify } from "../../pruner/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { decodeWeight } from "../../runtime/model/sparse/index.ts";
import { flopsOf } from "../../runtime/ops/work.ts";
import { plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";
import { type EngineName, engineFiles } from "./networks-engines.ts";
import { type RealName, readRealModel, readTrainedModel, type TrainedName } from "./networks-real.ts";

export interface NetworkFiles {
  readonly pattern: string;
  readonly layers: readonly SparseLayer[];
  readonly flops: Readonly<Record<"dense" | "pruned", number>>; // of a run, of weights that are kept
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  /** Why an engine cannot run it. */
  readonly refused: Readonly<Partial<Record<EngineName, string>>>;
}

export interface SparseLayer {
  readonly node: string;
  readonly elements: number; // of its weight
  readonly kept: number;
}

type FileName = (typeof engineFiles)[EngineName]["file"];
type KnownFiles = Readonly<Partial<Record<FileName | "masked.onnx", Uint8Array>>>;

const seed = 1;

/** A network of the zoo, pruned. */
export async function writeNetwork(
  name: ZooName,
  folder: string,
  engines: readonly EngineName[],
  { size, ...options }: { readonly size?: ImageSize } & Pruning,
): Promise<NetworkFiles> {
  const dense = simplify(buildNetwork(name, { seed, size }));
  return writePruned(dense, folder, engines, { ...options, exclude: zoo[name].heads });
}

/** A trained network, pruned like one of the zoo. */
export async function writeTrainedModel(
  name: TrainedName,
  folder: string,
  engines: readonly EngineName[],
  options: Pruning,
): Promise<NetworkFiles> {
  const { bytes, exclude, scope } = readTrainedModel(name);
  const dense = simplify(importOnnx(bytes));
  return writePruned(dense, folder, engines, { ...options, exclude, scope }, { "dense.onnx": bytes });
}

interface Pruning {
  readonly pattern: string;
  readonly sparsity?: number;
}

async function writePruned(
  dense: Graph,
  folder: string,
  engines: readonly EngineName[],
  options: Parameters<typeof pruneNetwork>[1],
  known: KnownFiles = {},
): Promise<NetworkFiles> {
  const { graph: pruned, report } = await pruneNetwork(dense, options);
  const layers = report.layers.map(({ node, elements, keptElements: kept }) => ({
    node,
    elements,
    kept,
  }));
  return {
    pattern: report.pattern,
    layers,
    ...(await writeFiles(folder, engines, dense, pruned, known)),
    flops: flopsBy(dense, layers),
  };
}

/** A real model, whose dense form has its zeros too: what other engines compute is what is expected. */
export async function writeRealModel(
  name: RealName,
  folder: string,
  engines: readonly EngineName[],
): Promise<NetworkFiles> {
  const { dense, packed, patterns, onnx, tflite } = readRealModel(name);
  const nonzeros = nonzerosOf(packed);
  const layers = [...nonzerosOf(dense)].map(([node, { elements }]) => {
    return { node, elements, kept: nonzeros.get(node)?.kept ?? 0 };
  });
  const known = { "dense.onnx": onnx, "masked.onnx": onnx, ...(tflite && { "sparse.tflite": tflite }) };
  return {
    pattern: patterns.join(" "),
    layers: layers.filter(({ kept, elements }) => kept < 0.98 * elements),
    ...(await writeFiles(folder, engines, dense, packed, known)),
    flops: {
      dense: flopsBy(dense, []).dense,
      pruned: flopsBy(packed, [...nonzeros.values()]).pruned,
    },
  };
}

/** Of the weights of convolutions and matrices, by node. */
function nonzerosOf({ nodes, constants }: Graph): Map<string, SparseLayer> {
  const weights = nodes.flatMap(({ name, op, inputs }) => {
    const weight = constants.get(inputs[1]);
    return weight && (op === "Conv" || op === "Gemm") ? [[name, decodeWeight(weight)] as const] : [];
  });
  return new Map(
    weights.map(([node, { data }]) => {
      let kept = 0;
      for (const value of data) kept += value === 0 ? 0 : 1;
      return [node, { node, elements: data.length, kept }];
    }),
  );
}

/** `known`: files that are there already. */
async function writeFiles(
  folder: string,
  engines: readonly EngineName[],
  dense: Graph,
  pruned: Graph,
  known: KnownFiles,
): Promise<Pick<NetworkFiles, "input" | "refused">> {
  mkdirSync(folder, { recursive: true });
  const write = (file: string, bytes: Uint8Array) => writeFileSync(join(folder, file), bytes);
  const [{ name, shape }] = dense.inputs;
  const image = randomTensor(shape as number[], seed + 1, -1.7, 1.7); // mean 0, deviation 1
  write("input", new Uint8Array(image.data.buffer));
  write("masked.onnx", known["masked.onnx"] ?? exportOnnx(pruned));
  const refused: Partial<Record<EngineName, string>> = {};
  for (const engine of engines) {
    const { file, weights } = engineFiles[engine];
    try {
      write(file, known[file] ?? (await bytesOf(file, weights === "dense" ? dense : pruned)));
    } catch (error) {
      if (!file.endsWith(".tflite") || (error as Error).name !== "ModelError") throw error;
      refused[engine] = (error as Error).message;
    }
  }
  return { input: { name, shape: shape as number[] }, refused };
}

async function bytesOf(file: FileName, graph: Graph): Promise<Uint8Array> {
  if (file.endsWith(".filigree")) return writeModel(graph);
  if (file.endsWith(".onnx")) return exportOnnx(graph);
  return exportTflite(graph, { sparse: file === "sparse.tflite" });
}

/** Work of the multiplications, with all weights and with those that are kept. */
function flopsBy(graph: Graph, layers: readonly SparseLayer[]): Record<"dense" | "pruned", number> {
  const { values } = plan(graph);
  const density = new Map(layers.map(({ node, kept, elements }) => [node, kept / elements]));
  const work = graph.nodes.map((node) => ({
    flops: flopsOf(node, values),
    kept: density.get(node.name) ?? 1,
  }));
  return {
    dense: work.reduce((sum, { flops }) => sum + flops, 0),
    pruned: work.reduce((sum, { flops, kept }) => sum + flops * kept, 0),
  };
}
