/**
 * Reverse-mode differentiation as a pass Graph -> Graph: one ordinary ONNX graph holds the forward pass, the loss and
 * the backward pass of a training step. What is done with the gradients (masks, the optimiser) happens outside.
 *
 *   loss = mean of -sum(labels log softmax(z)),   dz = (softmax(z) - labels) / batch
 *
 * With a teacher (Hinton et al. 2015), whose softmax(teacher / T) is q:
 *
 *   loss = (1 - a) that + a T^2 mean of -sum(q log softmax(z / T)),   dz = (1 - a) that + a T (softmax(z / T) - q) / batch
 */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import { type Graph, isSparse, type Node, type ValueInfo } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import type { InferInput } from "../../runtime/ops/operator.ts";
import { plan } from "../../runtime/plan.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Emitter, emitter } from "./emitter.ts";
import { gradientOf } from "./gradients/index.ts";
import type { Saved } from "./gradients/rule.ts";
import { type LossFunction, lossInputs, withLoss } from "./loss.ts";

export interface StepOptions {
  readonly batch: number;
  readonly distillation?: Distillation;
  readonly channelBlock?: number; // of the engine that is to run it
  /** A loss of the user's instead, over data that has these classes and targets. */
  readonly loss?: { readonly of: LossFunction; readonly data: Dataset };
}

export interface Distillation {
  readonly weight: number; // a: the teacher's part of the loss
  readonly temperature: number; // T
}

/** Names of the step graph's inputs and outputs that are not the parameters' own. */
export const stepNames = {
  labels: "step/labels", // input [batch, classes]: one-hot, or any distribution
  teacher: "step/teacher", // input [batch, classes]: the teacher's logits, where there is one
  loss: "step/loss", // output []: of the batch
  logits: "step/logits", // output [batch, classes]
  gradient: (name: string) => `${name}/gradient`, // output like the parameter
  next: (name: string) => `${name}/next`, // output: the running average after the step
} as const;

export interface Step {
  readonly graph: Graph;
  readonly image: string; // name of the input [batch, …]
  readonly classes: number;
  readonly parameters: readonly string[]; // trained: each an input, with a gradient
  readonly averages: readonly string[]; // of BatchNormalization: each an input, with its `next`
}

/** Which inputs of an operator are trained where they are float32 constants. */
const trainedInputs: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  LayerNormalization: [1, 2],
  PRelu: [1],
  Add: [0, 1],
};

/** The training step of a classifier. Throws a ModelError naming the node that has no gradient. */
export function trainingStep(graph: Graph, options: StepOptions): Step {
  const { batch, distillation, channelBlock = 0, loss } = options;
  const { whole, nodes, logits, image } = loss
    ? ownLoss(graph, loss, batch)
    : { whole: graph, ...classifier(graph) };
  const planned = plan(whole, { shapes: { [image.name]: [batch, ...fixedSizes(image)] } });
  const shapeOf = (name: string): Shape => planned.values.get(name)?.shape ?? [];
  const known = (name: string): InferInput | undefined => {
    const value = planned.values.get(name);
    const constant = whole.constants.get(name);
    return value && { ...value, value: constant && !isSparse(constant) ? constant : undefined };
  };
  const parameters = trainedConstants(graph.nodes, graph);
  const e = emitter();
  const averages = new Map<string, string>();
  const tape = forward(nodes, e, { parameters, averages, shapeOf, known, channelBlock });

  const logitsShape = shapeOf(logits);
  const classes = loss ? loss.data.classes : sizeOf(logitsShape.slice(1));
  const like = (name: string, shape: Shape): ValueInfo => ({ name, dtype: "float32", shape });
  const outputs = [like(stepNames.loss, [])];
  let dOutput: string;
  if (loss) {
    e.emit("Reshape", [logits, e.ints([])], {}, stepNames.loss);
    dOutput = e.floats(logitsShape, Float32Array.of(1));
  } else {
    const isFlat = logitsShape.length === 2;
    const flat = isFlat ? logits : e.emit("Reshape", [logits, e.ints([batch, classes])]);
    const dLogits = lossGradient(e, flat, batch, distillation);
    dOutput = isFlat ? dLogits : e.emit("Reshape", [dLogits, e.ints(logitsShape)]);
    outputs.push(like(stepNames.logits, [batch, classes]));
    e.emit("Identity", [flat], {}, stepNames.logits);
  }
  const gradients = backward(tape, e, logits, dOutput, channelBlock);

  for (const name of parameters) {
    const gradient = gradients.get(name);
    if (gradient === undefined) {
      const what = loss ? "the loss" : "the output";
      throw new ModelError(`the constant '${name}' does not reach ${what}`);
    }
    outputs.push(like(e.emit("Identity", [gradient], {}, stepNames.gradient(name)), shapeOf(name)));
  }
  for (const [name, value] of averages) {
    outputs.push(like(e.emit("Identity", [value], {}, stepNames.next(name)), shapeOf(name)));
  }

  const inputs = [
    like(image.name, [batch, ...fixedSizes(image)]),
    like(stepNames.labels, [batch, classes]),
    ...(loss?.data.targets
      ? [like(lossInputs.targets, [batch, ...loss.data.targets.shape.slice(1)])]
      : []),
    ...(distillation ? [like(stepNames.teacher, [batch, classes])] : []),
    ...[...parameters, ...averages.keys()].map((name) => like(name, shapeOf(name))),
  ];
  const given = new Set(inputs.map(({ name }) => name));
  const constants = new Map<string, Tensor>(e.constants);
  for (const name of new Set(nodes.flatMap(({ inputs }) => inputs))) {
    const constant = whole.constants.get(name);
    if (constant && !isSparse(constant) && !given.has(name)) constants.set(name, constant);
  }
  return {
    graph: { name: `${graph.name}/step`, nodes: e.nodes, inputs, outputs, constants },
    image: image.name,
    classes,
    parameters: [...parameters],
    averages: [...averages.keys()],
  };
}

/** The network with the loss behind it; the loss stands where a classifier's logits do. */
function ownLoss(
  graph: Graph,
  { of, data }: NonNullable<StepOptions["loss"]>,
  batch: number,
): { whole: Graph; nodes: readonly Node[]; logits: string; image: ValueInfo } {
  const whole = withLoss(graph, of, data, batch);
  return { whole, nodes: whole.nodes, logits: whole.outputs[0].name, image: graph.inputs[0] };
}

/** The nodes up to the logits (a Softmax at the end is part of the loss), and the one input. */
function classifier(graph: Graph): { nodes: readonly Node[]; logits: string; image: ValueInfo } {
  if (graph.inputs.length !== 1 || graph.outputs.length !== 1) {
    throw new ModelError(
      `training needs a classifier with one input and one output; '${graph.name}' has ` +
        `${graph.inputs.length} and ${graph.outputs.length}; over several outputs give a loss of your own`,
    );
  }
  const output = graph.outputs[0].name;
  const last = graph.nodes.find(({ outputs }) => outputs.includes(output));
  if (last?.op !== "Softmax") return { nodes: graph.nodes, logits: output, image: graph.inputs[0] };
  const nodes = graph.nodes.filter((node) => node !== last);
  return { nodes, logits: last.inputs[0], image: graph.inputs[0] };
}

function fixedSizes(image: ValueInfo): number[] {
  return image.shape.slice(1).map((size) => {
    if (typeof size === "number") return size;
    throw new ModelError(
      `input '${image.name}' leaves the size "${size}" open; export it with fixed sizes`,
    );
  });
}

function trainedConstants(nodes: readonly Node[], graph: Graph): Set<string> {
  const trained = new Set<string>();
  for (const node of nodes) {
    for (const index of trainedInputs[node.op] ?? []) {
      const constant = graph.constants.get(node.inputs[index]);
      if (!constant) continue;
      if (isSparse(constant)) {
        throw new ModelError(`${nodeName(node)}: its weight is sparse; training needs the dense weight`);
      }
      if (constant.dtype === "float32") trained.add(node.inputs[index]);
    }
  }
  return trained;
}

/** What the backward pass needs to know of a node. */
interface Entry {
  readonly node: Node;
  readonly inputs: readonly string[];
  readonly shapes: readonly Shape[];
  readonly known: readonly (InferInput | undefined)[];
  readonly shape: Shape;
  readonly needs: readonly boolean[];
  readonly saved: Saved;
}

interface ForwardParts {
  readonly parameters: ReadonlySet<string>;
  readonly averages: Map<string, string>; // filled: constant -> its next value
  readonly channelBlock: number;
  shapeOf(name: string): Shape;
  known(name: string): InferInput | undefined;
}

/** Emits the forward pass, and lists the nodes that the gradient passes through. */
function forward(nodes: readonly Node[], e: Emitter, parts: ForwardParts): Entry[] {
  const { parameters, averages, shapeOf, channelBlock } = parts;
  const needed = new Set(parameters); // values whose gradient is asked for
  const tape: Entry[] = [];
  for (const node of nodes) {
    const needs = node.inputs.map((name) => needed.has(name));
    const { inputs } = node;
    const shapes = node.inputs.map(shapeOf);
    const known = node.inputs.map(parts.known);
    const [output] = node.outputs;
    const shape = shapeOf(output);
    const rule = gradientOf(node.op);
    const trains = needs.includes(true);
    if (trains && !rule)
      throw new ModelError(`${nodeName(node)}: has no gradient, so it cannot be trained`);
    let saved: Saved = {};
    if (rule?.forward && (trains || node.op === "BatchNormalization")) {
      const update = (index: number, value: string) => averages.set(node.inputs[index], value);
      saved = rule.forward({ ...e, node, inputs, shapes, known, shape, output, channelBlock, update });
    } else {
      e.add({ ...node, name: `step/${node.name}`, inputs });
    }
    if (trains) {
      tape.push({ node, inputs, shapes, known, shape, needs, saved });
      for (const name of node.outputs) needed.add(name);
    }
  }
  return tape;
}

/** Emits the backward pass: the gradient of every value that needs one, by name. */
function backward(
  tape: readonly Entry[],
  e: Emitter,
  logits: string,
  dLogits: string,
  channelBlock: number,
): Map<string, string> {
  const parts = new Map<string, string[]>([[logits, [dLogits]]]);
  const sums = new Map<string, string>();
  const gradientOfValue = (name: string): string | undefined => {
    const terms = parts.get(name);
    if (!terms) return undefined;
    if (!sums.has(name)) sums.set(name, sumOf(e, terms));
    return sums.get(name);
  };
  for (const entry of tape.toReversed()) {
    const [output] = entry.node.outputs;
    const all = entry.node.outputs.map(gradientOfValue);
    const dy = all.find((gradient) => gradient !== undefined);
    if (dy === undefined) continue; // does not reach the output
    const context = { ...e, ...entry, output, channelBlock, gradients: all };
    gradientOf(entry.node.op)!
      .backward(context, dy)
      .forEach((gradient, i) => {
        if (gradient === undefined || !entry.needs[i]) return;
        const name = entry.inputs[i];
        parts.set(name, [...(parts.get(name) ?? []), gradient]);
      });
  }
  for (const name of parts.keys()) gradientOfValue(name);
  return sums;
}

/** By Add, which ONNX Runtime does on all threads, where Sum takes one. */
function sumOf(e: Emitter, terms: readonly string[]): string {
  return terms.reduce((sum, term) => e.emit("Add", [sum, term]));
}

/** Emits the loss, and returns its gradient in the logits. */
function lossGradient(e: Emitter, logits: string, batch: number, distillation?: Distillation): string {
  const hard = crossEntropy(e, logits, stepNames.labels, batch);
  if (!distillation) {
    e.emit("Identity", [hard.loss], {}, stepNames.loss);
    return hard.gradient;
  }
  const { weight, temperature } = distillation;
  const cooled = (value: string) => e.emit("Mul", [value, e.scalar(1 / temperature)]);
  const teacher = e.emit("Softmax", [cooled(stepNames.teacher)], { axis: 1 });
  const soft = crossEntropy(e, cooled(logits), teacher, batch);
  const mixed = (a: string, b: string, factor: number, name?: string) =>
    e.emit(
      "Add",
      [e.emit("Mul", [a, e.scalar(1 - weight)]), e.emit("Mul", [b, e.scalar(weight * factor)])],
      {},
      name,
    );
  mixed(hard.loss, soft.loss, temperature ** 2, stepNames.loss);
  return mixed(hard.gradient, soft.gradient, temperature);
}

/** The mean cross-entropy of softmax(logits) against a distribution, and its gradient. */
function crossEntropy(
  e: Emitter,
  logits: string,
  labels: string,
  batch: number,
): { loss: string; gradient: string } {
  const logP = e.emit("LogSoftmax", [logits], { axis: 1 });
  const likelihood = e.emit("ReduceSum", [e.emit("Mul", [logP, labels])], { keepdims: 0 });
  const loss = e.emit("Mul", [likelihood, e.scalar(-1 / batch)]);
  const error = e.emit("Sub", [e.emit("Exp", [logP]), labels]);
  return { loss, gradient: e.emit("Mul", [error, e.scalar(1 / batch)]) };
}
