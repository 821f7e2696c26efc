/**
 * Reverse-mode differentiation as a pass Graph -> Graph: one ordinary ONNX graph holds a whole training step,
 * that is forward pass, loss, backward pass and the update of the parameters (SGD with momentum).
 *
 *   v' = momentum v + (g + decay w),   w' = w - rate v'          decay for weights of rank ≥ 2 only
 *
 * A masked weight enters the network as  w * mask;  the step also returns  w * dL/d(w * mask),  whose sum over
 * a block is the gradient of that block's mask (smart.ts).
 */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import { type Graph, isSparse, type Node, type ValueInfo } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import type { InferInput } from "../../runtime/ops/operator.ts";
import { plan } from "../../runtime/plan.ts";
import { type Emitter, emitter } from "./emitter.ts";
import { gradientOf } from "./gradients/index.ts";
import type { Saved } from "./gradients/rule.ts";

export interface StepOptions {
  readonly batch: number;
  readonly masked?: readonly string[]; // constants that enter as w * mask
  readonly momentum?: number;
  readonly weightDecay?: number;
}

/** Names of the step graph's inputs and outputs that are not the parameters' own. */
export const stepNames = {
  labels: "step/labels", // input [batch, classes]: one-hot, or any distribution
  rate: "step/rate", // input []: the learning rate
  loss: "step/loss", // output []: mean cross-entropy of the batch
  logits: "step/logits", // output [batch, classes]
  velocity: (name: string) => `${name}/velocity`, // input like the parameter
  mask: (name: string) => `${name}/mask`, // input like the weight
  next: (name: string) => `${name}/next`, // output: the value after the step, of parameters, averages, velocities
  maskGradient: (name: string) => `${name}/mask/gradient`, // output like the weight: w * dL/d(w * mask)
} as const;

export interface Step {
  readonly graph: Graph;
  readonly image: string; // name of the input [batch, …]
  readonly classes: number;
  readonly parameters: readonly string[]; // trained: each has a velocity
  readonly averages: readonly string[]; // of BatchNormalization: an input and a `next`, no velocity
}

/** Which inputs of an operator are trained where they are float32 constants. */
const trainedInputs: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  Add: [0, 1],
};

/** The training step of a classifier. Throws a ModelError naming the node that has no gradient. */
export function trainingStep(graph: Graph, options: StepOptions): Step {
  const { batch, masked = [], momentum = 0.9, weightDecay = 0 } = options;
  const { nodes, logits, image } = classifier(graph);
  const planned = plan(graph, { shapes: { [image.name]: [batch, ...fixedSizes(image)] } });
  const shapeOf = (name: string): Shape => planned.values.get(name)?.shape ?? [];
  const known = (name: string): InferInput | undefined => {
    const value = planned.values.get(name);
    const constant = graph.constants.get(name);
    return value && { ...value, value: constant && !isSparse(constant) ? constant : undefined };
  };
  const parameters = trainedConstants(nodes, graph);
  const e = emitter();
  const masks = new Map(
    masked.map((name) => {
      if (!parameters.has(name)) throw new ModelError(`the masked weight '${name}' is not trained`);
      return [name, e.emit("Mul", [name, stepNames.mask(name)])];
    }),
  );
  const averages = new Map<string, string>();
  const tape = forward(nodes, e, { parameters, masks, averages, shapeOf, known });

  const logitsShape = shapeOf(logits);
  const classes = sizeOf(logitsShape.slice(1));
  const flat = logitsShape.length === 2 ? logits : e.emit("Reshape", [logits, e.ints([batch, classes])]);
  const dLogits = crossEntropy(e, flat, batch);
  const dOutput = logitsShape.length === 2 ? dLogits : e.emit("Reshape", [dLogits, e.ints(logitsShape)]);
  const gradients = backward(tape, e, logits, dOutput);

  const like = (name: string, shape: Shape): ValueInfo => ({ name, dtype: "float32", shape });
  const outputs = [like(stepNames.loss, []), like(stepNames.logits, [batch, classes])];
  e.emit("Identity", [flat], {}, stepNames.logits);
  for (const name of parameters) {
    const weight = masks.get(name);
    let gradient = gradients.get(weight ?? name);
    if (gradient === undefined) throw new ModelError(`the constant '${name}' does not reach the output`);
    if (weight !== undefined) {
      outputs.push(
        like(e.emit("Mul", [gradient, name], {}, stepNames.maskGradient(name)), shapeOf(name)),
      );
      gradient = e.emit("Mul", [gradient, stepNames.mask(name)]);
    }
    const decay = shapeOf(name).length >= 2 ? weightDecay : 0;
    for (const next of update(e, name, gradient, momentum, decay))
      outputs.push(like(next, shapeOf(name)));
  }
  for (const [name, value] of averages) {
    outputs.push(like(e.emit("Identity", [value], {}, stepNames.next(name)), shapeOf(name)));
  }

  const inputs = [
    like(image.name, [batch, ...fixedSizes(image)]),
    like(stepNames.labels, [batch, classes]),
    like(stepNames.rate, []),
    ...[...parameters, ...averages.keys()].map((name) => like(name, shapeOf(name))),
    ...[...parameters].map((name) => like(stepNames.velocity(name), shapeOf(name))),
    ...masked.map((name) => like(stepNames.mask(name), shapeOf(name))),
  ];
  const given = new Set(inputs.map(({ name }) => name));
  const constants = new Map<string, Tensor>(e.constants);
  for (const name of new Set(nodes.flatMap(({ inputs }) => inputs))) {
    const constant = graph.constants.get(name);
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

/** The nodes up to the logits (a Softmax at the end is part of the loss), and the one input. */
function classifier(graph: Graph): { nodes: readonly Node[]; logits: string; image: ValueInfo } {
  if (graph.inputs.length !== 1 || graph.outputs.length !== 1) {
    throw new ModelError(
      `training needs a classifier with one input and one output; '${graph.name}' has ` +
        `${graph.inputs.length} and ${graph.outputs.length}`,
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
  readonly masks: ReadonlyMap<string, string>; // weight -> masked weight
  readonly averages: Map<string, string>; // filled: constant -> its next value
  shapeOf(name: string): Shape;
  known(name: string): InferInput | undefined;
}

/** Emits the forward pass, and lists the nodes that the gradient passes through. */
function forward(nodes: readonly Node[], e: Emitter, parts: ForwardParts): Entry[] {
  const { parameters, masks, averages, shapeOf } = parts;
  const needed = new Set(parameters); // values whose gradient is asked for
  const tape: Entry[] = [];
  for (const node of nodes) {
    const needs = node.inputs.map((name) => needed.has(name));
    const inputs = node.inputs.map((name) => masks.get(name) ?? name);
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
      saved = rule.forward({ ...e, node, inputs, shapes, known, shape, output, update });
    } else {
      e.emit(node.op, inputs, node.attrs, output);
    }
    if (trains) {
      tape.push({ node, inputs, shapes, known, shape, needs, saved });
      needed.add(output);
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
): Map<string, string> {
  const parts = new Map<string, string[]>([[logits, [dLogits]]]);
  const sums = new Map<string, string>();
  const gradientOfValue = (name: string): string | undefined => {
    const terms = parts.get(name);
    if (!terms) return undefined;
    if (!sums.has(name)) sums.set(name, terms.length === 1 ? terms[0] : e.emit("Sum", terms));
    return sums.get(name);
  };
  for (const entry of tape.toReversed()) {
    const [output] = entry.node.outputs;
    const dy = gradientOfValue(output);
    if (dy === undefined) continue; // does not reach the output
    const context = { ...e, ...entry, output };
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

/** Emits the mean cross-entropy of softmax(logits), and returns its gradient (softmax - labels) / batch. */
function crossEntropy(e: Emitter, logits: string, batch: number): string {
  const logP = e.emit("LogSoftmax", [logits], { axis: 1 });
  const likelihood = e.emit("ReduceSum", [e.emit("Mul", [logP, stepNames.labels])], { keepdims: 0 });
  e.emit("Mul", [likelihood, e.scalar(-1 / batch)], {}, stepNames.loss);
  const error = e.emit("Sub", [e.emit("Exp", [logP]), stepNames.labels]);
  return e.emit("Mul", [error, e.scalar(1 / batch)]);
}

/** Emits the update of one parameter; returns the names of the new velocity and the new value. */
function update(e: Emitter, name: string, gradient: string, momentum: number, decay: number): string[] {
  const decayed = decay ? e.emit("Add", [gradient, e.emit("Mul", [name, e.scalar(decay)])]) : gradient;
  const velocity = stepNames.velocity(name);
  const kept = e.emit("Mul", [velocity, e.scalar(momentum)]);
  const v = e.emit("Add", [kept, decayed], {}, stepNames.next(velocity));
  const moved = e.emit("Mul", [v, stepNames.rate]);
  return [v, e.emit("Sub", [name, moved], {}, stepNames.next(name))];
}
