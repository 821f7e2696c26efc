/**
 * A loss of the user's over the network's outputs, built of operators: their gradients are known, so that it needs none
 * of its own. What it builds is appended to the network.
 *
 *   export function loss(op, outputs, { targets }) {         the mean square error of one output
 *     const error = op("Sub", [outputs.box, targets]);
 *     return op("ReduceMean", [op("Mul", [error, error])], { keepdims: 0 });
 *   }
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { type Dataset, first } from "../data/dataset.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { Engine, EngineOptions } from "./engine.ts";

/** A value that a loss computes with: an output of the network, what is known of the batch, or a result of `op`. */
export type LossValue = string & { readonly __value?: never };

export type LossFunction = (
  /** Adds an ONNX operator; numbers among its inputs become constants. */
  op: (
    name: string,
    inputs: readonly (LossValue | number)[],
    attrs?: Readonly<Record<string, Attr>>,
  ) => LossValue,
  outputs: Readonly<Record<string, LossValue>>,
  batch: {
    readonly labels: LossValue; // [batch, classes]: one-hot, or smoothed
    readonly targets: LossValue; // [batch, …]: the rows of the data's targets; "" where it has none
  },
) => LossValue; // of one element

/** Names of what a batch brings beside its images. */
export const lossInputs = { labels: "step/labels", targets: "step/targets" } as const;

/** The network with the loss as its one output, for batches of one size. Throws a ModelError where it is no scalar. */
export function withLoss(
  graph: Graph,
  loss: LossFunction,
  { classes, targets }: Dataset,
  batch: number,
): Graph {
  const nodes: Node[] = [];
  const constants = new Map(graph.constants);
  const op: Parameters<LossFunction>[0] = (name, inputs, attrs = {}) => {
    const output = `loss/${name}_${nodes.length}`;
    const names = inputs.map((input) => {
      if (typeof input === "string") return input;
      const constant = `loss/${input}`;
      constants.set(constant, tensor([], Float32Array.of(input)));
      return constant;
    });
    nodes.push({ name: output, op: name, inputs: names, outputs: [output], attrs });
    return output;
  };
  const outputs = Object.fromEntries(graph.outputs.map(({ name }) => [name, name]));
  const known = { labels: lossInputs.labels, targets: targets ? lossInputs.targets : "" };
  const result = loss(op, guarded(outputs), known);
  if (!nodes.some(({ outputs }) => outputs.includes(result))) {
    throw new ModelError(`the loss gives ${JSON.stringify(result)}; expected what op(…) returned`);
  }
  const like = (name: string, shape: Shape) => ({ name, dtype: "float32" as const, shape });
  const whole: Graph = {
    ...graph,
    nodes: [...graph.nodes, ...nodes],
    constants,
    inputs: [
      ...graph.inputs.map((input) => ({ ...input, shape: [batch, ...input.shape.slice(1)] })),
      like(lossInputs.labels, [batch, classes]),
      ...(targets ? [like(lossInputs.targets, [batch, ...targets.shape.slice(1)])] : []),
    ],
    outputs: [like(result, [])],
  };
  const { shape } = plan({ ...whole, outputs: [] }).values.get(result)!;
  if (sizeOf(shape) !== 1) {
    throw new ModelError(
      `the loss is of the shape [${shape}]; expected one number: take its ReduceMean`,
    );
  }
  return { ...whole, outputs: [like(result, shape)] };
}

/** Tells the name of an output that is not there, where "undefined" would surface much later. */
function guarded(outputs: Record<string, string>): Record<string, string> {
  return new Proxy(outputs, {
    get(values, name) {
      if (typeof name === "string" && !Object.hasOwn(values, name)) {
        throw new ModelError(
          `the loss reads the output '${name}'; the network has ${Object.keys(values).join(", ")}`,
        );
      }
      return Reflect.get(values, name);
    },
  });
}

/** The mean loss over the data, in whole batches: what is left over is left out. */
export async function meanLoss(
  graph: Graph,
  data: Dataset,
  loss: LossFunction,
  engine: Engine,
  options?: EngineOptions,
): Promise<number> {
  const count = data.labels.length;
  const fixed = graph.inputs[0].shape[0];
  const batch = typeof fixed === "number" ? fixed : Math.min(50, count);
  if (count < batch) throw new ModelError(`${count} images are less than one batch of ${batch}`);
  const whole = withLoss(graph, loss, data, batch);
  const program = await engine.compile(exportOnnx(whole), options);
  let sum = 0;
  const batches = Math.floor(count / batch);
  try {
    for (let b = 0; b < batches; b++) {
      const part = first({ ...data, ...rowsFrom(data, b * batch) }, batch);
      const labels = new Float32Array(batch * data.classes);
      for (const [i, label] of part.labels.entries()) labels[i * data.classes + label] = 1;
      const feeds: Record<string, Tensor<"float32">> = {
        [graph.inputs[0].name]: part.images,
        [lossInputs.labels]: tensor([batch, data.classes], labels),
      };
      if (part.targets) feeds[lossInputs.targets] = part.targets;
      const [{ data: value }] = Object.values(await program.run(pickInputs(feeds, whole)));
      sum += value[0];
    }
  } finally {
    await program.dispose();
  }
  return sum / batches;
}

/** Only what the graph reads: an exported graph has no inputs without a reader. */
function pickInputs(
  feeds: Record<string, Tensor<"float32">>,
  { inputs }: Graph,
): Record<string, Tensor<"float32">> {
  return Object.fromEntries(inputs.map(({ name }) => [name, feeds[name]]));
}

function rowsFrom({ images, labels, targets }: Dataset, start: number): Partial<Dataset> {
  const rest = (of: Tensor<"float32">) => {
    const size = sizeOf(of.shape.slice(1));
    return tensor([of.shape[0] - start, ...of.shape.slice(1)], of.data.subarray(start * size));
  };
  return { images: rest(images), labels: labels.subarray(start), targets: targets && rest(targets) };
}
