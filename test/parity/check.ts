/** Checks one model: its variants on every backend against ONNX Runtime, and its task on real data. */
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import { relativeError } from "../bench/relative-error.ts";
import { errorInChromium } from "./chromium.ts";
import { type backends, openBackend, openOnnxRuntime } from "./engines.ts";
import { type LoadedModel, type ParityModel, randomInputs } from "./models.ts";
import type { ParityRow } from "./row.ts";
import { gflopsOf } from "./schedule.ts";
import { measureTask, type Task } from "./tasks/task.ts";
import { type Variant, type VariantName, variants } from "./variants.ts";

/** Of an output's range: a network is up to a hundred layers of sums in another order. */
export const tolerance = 1e-3;

export type BackendName = keyof typeof backends | "chromium";

/** One way of running a model. */
export interface Runner {
  readonly backend: BackendName;
  readonly threads: number;
  readonly variants?: readonly VariantName[]; // only these
  /** Of a task it runs as many samples as take about this much work, all where that is enough; none for 0. */
  readonly taskGflops: number;
}

/** A row each variant and runner; a model that fails gives rows that say so. */
export async function* checkModel(
  model: ParityModel,
  variantNames: readonly VariantName[],
  runners: readonly Runner[],
): AsyncGenerator<ParityRow> {
  const isSmall = ({ backend }: Runner) => backend === "reference" && model.loadSmall !== undefined;
  const large = runners.filter((runner) => !isSmall(runner));
  const small = runners.filter(isSmall);
  for (const [load, group] of [
    [model.loadSmall, small],
    [model.load, large],
  ] as const) {
    if (group.length && load) yield* checkLoaded(model, load, variantNames, group);
  }
}

async function* checkLoaded(
  model: ParityModel,
  load: () => LoadedModel,
  variantNames: readonly VariantName[],
  runners: readonly Runner[],
): AsyncGenerator<ParityRow> {
  let loaded: LoadedModel;
  let task: Task | undefined;
  let inputs: Tensors;
  try {
    loaded = load();
    task = await model.task?.();
    inputs = task ? named(loaded.graph, someOf(task)) : randomInputs(loaded.graph);
  } catch (error) {
    for (const variant of variantNames) {
      for (const runner of runners) yield failedRow(model, variant, runner, error);
    }
    return;
  }
  for (const variant of variantNames) {
    const takers = runners.filter((runner) => runner.variants?.includes(variant) ?? true);
    if (!takers.length) continue;
    try {
      const { graph, onnx, note: made } = await (variants[variant] as Variant).make(loaded);
      const oracle = await openOnnxRuntime(onnx);
      try {
        const expected = await oracle.run(inputs);
        for (const runner of takers) {
          try {
            const { maxRelError, note } = await errorOf(runner, graph, inputs, expected);
            const notes = [loaded.note, made, note].filter(Boolean);
            const base = { ...identity(model, variant, runner), note: notes.join("; ") || undefined };
            const measured =
              task && variant === "dense" ? await taskOn(runner, task, graph, oracle.run) : noTask;
            const ok = maxRelError <= tolerance && isEqual(measured);
            yield { ...base, maxRelError, ...measured, ok };
          } catch (error) {
            yield failedRow(model, variant, runner, error);
          }
        }
      } finally {
        await oracle.dispose();
      }
    } catch (error) {
      for (const runner of takers) yield failedRow(model, variant, runner, error);
    }
  }
}

async function errorOf(
  { backend, threads }: Runner,
  graph: Graph,
  inputs: Tensors,
  expected: Tensors,
): Promise<{ maxRelError: number; note?: string }> {
  if (backend === "chromium") {
    return { maxRelError: await errorInChromium(graph, inputs, expected, threads) };
  }
  const engine = await openBackend(backend, graph, shapesOf(inputs), threads);
  try {
    // A second run finds what the first one leaves behind in the arena.
    if (backend === "wasm" || backend === "webgpu") await engine.run(inputs);
    const maxRelError = relativeError(expected, await engine.run(inputs));
    return { maxRelError, note: engine.note };
  } finally {
    await engine.dispose();
  }
}

type TaskPart = Pick<ParityRow, "task" | "expected" | "figure" | "others">;

const noTask: TaskPart = { task: null, expected: null };

/** The task's figures, beside the published ones where all samples are run, and beside ONNX Runtime's where not. */
async function taskOn(
  { backend, threads, taskGflops }: Runner,
  task: Task,
  graph: Graph,
  oracle: (inputs: Tensors) => Promise<Tensors>,
): Promise<TaskPart> {
  if (taskGflops === 0 || backend === "chromium") return noTask;
  const samples = samplesWithin(task, taskGflops / gflopsOf(graph));
  const batch = Math.min(task.batch, samples);
  const fitted = { ...task, batch };
  const shapes = shapesOf(named(graph, task.input(0, batch)));
  const engine = await openBackend(backend, graph, shapes, threads);
  try {
    const run = (by: typeof oracle) => (input: Tensor<"float32">) =>
      by(named(graph, input)).then((outputs) => Object.values(outputs));
    const found = await measureTask(fitted, samples, run(engine.run));
    const expected =
      samples === task.samples
        ? task.figures.map(({ published }) => published)
        : await measureTask(fitted, samples, run(oracle));
    const [first, ...others] = task.figures.map(({ name }, i) => ({
      figure: `${name} of ${samples} ${task.of}${samples < task.samples ? ", as ONNX Runtime" : ""}`,
      task: found[i],
      expected: expected[i],
    }));
    return { ...first, others };
  } finally {
    await engine.dispose();
  }
}

/** All, or the first 1000, 100, 10 or one. */
export function samplesWithin(task: Task, most: number): number {
  if (task.samples <= most) return task.samples;
  return [1000, 100, 10].find((count) => count <= most) ?? task.leastSamples ?? 1;
}

function isEqual({ task, expected, others = [] }: TaskPart): boolean {
  return task === expected && others.every((other) => other.task === other.expected);
}

function identity({ name }: ParityModel, variant: VariantName, { backend, threads }: Runner) {
  return { model: name, variant, backend, threads };
}

function failedRow(model: ParityModel, variant: VariantName, runner: Runner, error: unknown): ParityRow {
  const note = error instanceof Error ? error.message : String(error);
  return { ...identity(model, variant, runner), maxRelError: null, ...noTask, ok: false, note };
}

/** Several where the network takes several at once. */
const someOf = (task: Task) => task.input(0, Math.min(task.batch, 4));

const named = (graph: Graph, input: Tensor): Tensors => ({ [graph.inputs[0].name]: input });

function shapesOf(inputs: Tensors): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
}
