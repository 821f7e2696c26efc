/**
 * `filigree/pruner`: prune a trained network. Which weights vanish together is the pattern, which ones go is
 * the method's choice, how the rest is stored follows from the pattern.
 */
export { ModelError } from "../runtime/model/errors.ts";
export { type Model, readModel, writeModel } from "../runtime/model/file.ts";
export { type Graph, isSparse, type Node } from "../runtime/model/graph.ts";
export {
  formatPattern,
  type Mask,
  parsePattern,
  type SparsityPattern,
} from "../runtime/model/pattern.ts";
export { type Tensor, tensor } from "../runtime/model/tensor.ts";
export { type Dataset, split, subset } from "./data/dataset.ts";
export { type ExportOptions, exportOnnx } from "./export/onnx.ts";
export { exportTflite } from "./export/tflite.ts";
export { importOnnx } from "./import/onnx.ts";
export { importTflite, isTflite } from "./import/tflite.ts";
export {
  type Budget,
  type CostFile,
  type CostTable,
  checkCosts,
  costTable,
  readCosts,
} from "./methods/costs.ts";
export { type MethodName, methods } from "./methods/index.ts";
export type { Scale, Scope } from "./methods/method.ts";
export type { PruneOptions } from "./options.ts";
export { maskOfZeros, type Packed, type PackedLayer, type PackOptions, pack } from "./pack.ts";
export { type Pruned, prune } from "./prune.ts";
export type { LayerReport, PruneReport, SearchEpoch, SearchStep, TrainingStep } from "./report.ts";
export {
  drawPlots,
  lossesPlot,
  type Plot,
  type PlotSpec,
  plotHeight,
  series,
  softnessPlot,
} from "./report-page/drawing.ts";
export { plotSection, type ReportPage, reportPage, tableSection } from "./report-page/page.ts";
export type { Schedule } from "./schedule.ts";
export { type RemovedChannels, removeDeadChannels } from "./simplify/channels.ts";
export { simplify } from "./simplify.ts";
export type { CheckpointStore } from "./train/checkpoint.ts";
export { checkpointFolder } from "./train/checkpoint-folder.ts";
export { type Evaluation, evaluate } from "./train/evaluate.ts";
export type { LossFunction, LossValue } from "./train/loss.ts";
export type { TrainOptions } from "./train/options.ts";
export { ortNode } from "./train/ort-node.ts";
export type { OnProgress, Progress, Stage } from "./train/progress.ts";
export { normal, permutation, random } from "./train/random.ts";
export { train } from "./train/trainer.ts";
