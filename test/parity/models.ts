/** The models that are checked: every file of the data pack, where that is here, and every network of the zoo. */
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { buildNetwork, type ImageSize, type ZooName, zoo } from "../../demo/zoo/index.ts";
import { pruneNetwork } from "../../demo/zoo/prune.ts";
import { importOnnx, importTflite, type PruneOptions, prune, simplify } from "../../pruner/index.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";
import { hasShared, sharedPath } from "../shared.ts";
import { randomizeWeights } from "./random-weights.ts";
import { gflopsOf } from "./schedule.ts";
import { taskOf } from "./tasks/index.ts";
import type { Task } from "./tasks/task.ts";

export interface ParityModel {
  readonly name: string;
  /** Throws where the file cannot be imported. */
  load(): LoadedModel;
  /** The same network for a smaller image, where plain loops would take long. */
  loadSmall?(): LoadedModel;
  readonly task?: () => Task | Promise<Task>;
  gflops(): number; // of one run, about
  readonly isSparse: boolean; // the file holds zeros that something else left
}

export interface LoadedModel {
  readonly graph: Graph; // simplified
  readonly onnx?: Uint8Array; // the file itself, where ONNX Runtime can read it and its weights are those of `graph`
  readonly note?: string;
  readonly prune: (options: PruneOptions) => Promise<{ graph: Graph }>;
}

export function parityModels(): ParityModel[] {
  return [...(hasShared ? sharedModels() : []), ...(Object.keys(zoo) as ZooName[]).map(zooModel)];
}

function sharedModels(): ParityModel[] {
  const files = readdirSync(sharedPath("models"), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(onnx|onnx\.gz|tflite)$/.test(file))
    .sort();
  return files.map((file) => {
    const name = file.replace(/\.onnx(\.gz)?$/, "");
    const hasTask = taskOf(name) !== undefined;
    return {
      name,
      load: () => loadFile(file),
      task: hasTask ? () => taskOf(name)! : undefined,
      gflops: () => gflopsOf(importFile(file)),
      isSparse: file.startsWith("sparse/"),
    };
  });
}

function readModelFile(file: string): Uint8Array {
  const bytes = readFileSync(sharedPath(`models/${file}`));
  return new Uint8Array(file.endsWith(".gz") ? gunzipSync(bytes) : bytes);
}

function importFile(file: string): Graph {
  return (file.endsWith(".tflite") ? importTflite : importOnnx)(readModelFile(file));
}

function loadFile(file: string): LoadedModel {
  const imported = importFile(file);
  if (!file.startsWith("light/")) {
    return { ...pruned(simplify(imported)), onnx: isOnnx(file) ? readModelFile(file) : undefined };
  }
  // Exact graphs of large networks, whose weights are all one number: too little to see a mistake by.
  const graph = simplify(randomizeWeights(imported));
  return { graph, note: "random weights", prune: (options) => pruneNetwork(graph, options) };
}

const isOnnx = (file: string) => !file.endsWith(".tflite");

function pruned(graph: Graph): LoadedModel {
  return { graph, prune: (options) => prune(graph, { ...options, method: "magnitude" }) };
}

function zooModel(name: ZooName): ParityModel {
  const load = (size?: ImageSize): LoadedModel => {
    const graph = simplify(buildNetwork(name, { size }));
    const { heads } = zoo[name];
    return {
      graph,
      note: size && `image ${size.join("x")}`,
      prune: (options) => pruneNetwork(graph, { ...options, exclude: heads }),
    };
  };
  const { smallSize, published } = zoo[name];
  return {
    name: `zoo/${name}`,
    load: () => load(),
    loadSmall: () => load(smallSize),
    gflops: () => 2 * published.gigaMacs,
    isSparse: false,
  };
}

/** Values as normalised pictures have them; what open sizes are 1 for. */
export function randomInputs(graph: Graph): Tensors {
  return Object.fromEntries(
    plan(graph).graph.inputs.map(({ name, shape }, i) => [
      name,
      randomTensor(shape as number[], 7 + i, -1.7, 1.7),
    ]),
  );
}
