/** What a page needs to benchmark: the stopwatch, the comparison, ONNX Runtime as an engine. Nothing of it is Node's. */
export { argmax, type CompareOptions, type Comparison, compare, maxDifference } from "./compare.ts";
export type { Engine, Progress, StepTime, Tensors } from "./engine.ts";
export { type BenchJob, type BenchReport, type EngineSpec, runJob } from "./job.ts";
export { type LitertModule, openLitert } from "./litert.ts";
export { type Contender, type MeasureOptions, measure, quantile, type Timing } from "./measure.ts";
export { type OrtModule, openOrt } from "./ort.ts";
export { profileByTurns } from "./profile.ts";
