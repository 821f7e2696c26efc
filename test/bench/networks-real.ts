/**
 * Real trained networks, from the data that lies beside the project. Some other tools made sparse: each as the file
 * that its makers ship, and as an ONNX file of the same weights, which says what is right. Others are dense, and pruned
 * here as the networks of the zoo are.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { importOnnx, importTflite, type PruneOptions, pack, simplify } from "../../pruner/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";

interface RealModel {
  readonly tflite?: string; // with the sparse tensors of its makers
  readonly onnx: string;
}

/** MediaPipe's; in brackets what is zero. */
export const realModels = {
  // 70 % of each 1x1 convolution, one by one
  "face-detector": {
    tflite: "models/sparse/face_detection_full_range_sparse.tflite",
    onnx: "models/sparse/face_detection_full_range_sparse.onnx",
  },
  // 75 % of 38 of its convolutions, one by one
  "pose-detector": {
    tflite: "models/sparse/pose_detection.tflite",
    onnx: "models/sparse/pose_detection_sparse.onnx.gz",
  },
  // half of the output channels of its late layers
  "hand-landmark": { onnx: "models/sparse/hand_landmark_full.onnx.gz" },
} satisfies Record<string, RealModel>;

export type RealName = keyof typeof realModels;

interface TrainedModel extends Pick<PruneOptions, "exclude" | "scope"> {
  readonly onnx: string;
}

const yolov5n = {
  onnx: "models/coco/yolov5n_640.AGPL.onnx",
  exclude: ["/m.0/Conv", "/m.1/Conv"], // that make the result, as in the zoo
};

/** YOLOv5n with the weights that its makers trained on COCO, pruned by one ranking of all layers or of each. */
export const trainedModels = {
  "yolov5n-coco": yolov5n,
  "yolov5n-coco-by-layer": { ...yolov5n, scope: "layer" },
} satisfies Record<string, TrainedModel>;

export type TrainedName = keyof typeof trainedModels;

/** Why they cannot be measured here. */
export const whyNoRealModels = hasShared ? undefined : whyNoShared;

export interface RealNetwork {
  readonly dense: Graph; // with zeros, simplified; its input is called as in the ONNX file
  readonly packed: Graph; // without dead channels
  readonly patterns: readonly string[]; // by which weights are stored
  readonly onnx: Uint8Array;
  readonly tflite?: Uint8Array;
}

export function readRealModel(name: RealName): RealNetwork {
  const model: RealModel = realModels[name];
  const onnx = bytesOf(model.onnx);
  const tflite = model.tflite === undefined ? undefined : bytesOf(model.tflite);
  const dense = tflite
    ? withInputName(simplify(importTflite(tflite)), "input")
    : simplify(importOnnx(onnx));
  const { graph: packed, layers, removed } = pack(dense);
  const patterns = new Set(layers.map(({ pattern }) => pattern).filter((name) => name !== "dense"));
  if (removed.layers.length) patterns.add("channel");
  return { dense, packed, patterns: [...patterns], onnx, tflite };
}

export function readTrainedModel(name: TrainedName): TrainedModel & { readonly bytes: Uint8Array } {
  const model: TrainedModel = trainedModels[name];
  return { ...model, bytes: bytesOf(model.onnx) };
}

function bytesOf(path: string): Uint8Array {
  const bytes = readFileSync(sharedPath(path));
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

/** The graph with its one input called otherwise. */
function withInputName(graph: Graph, name: string): Graph {
  const [input] = graph.inputs;
  const rename = (value: string) => (value === input.name ? name : value);
  return {
    ...graph,
    inputs: [{ ...input, name }],
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
  };
}
