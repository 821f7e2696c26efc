/** Accuracy and loss of a classifier on labelled images, run by the training engine. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import type { Dataset } from "../data/dataset.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { Engine, EngineOptions } from "./engine.ts";

export interface Evaluation {
  readonly accuracy: number; // correct / images
  readonly correct: number;
  readonly images: number;
  readonly loss: number; // mean cross-entropy
}

/** Images at a time, where the network leaves the batch open. */
const openBatch = 250;

export async function evaluate(
  graph: Graph,
  data: Dataset,
  engine: Engine,
  options?: EngineOptions,
): Promise<Evaluation> {
  const [input] = graph.inputs;
  const [output] = graph.outputs;
  const isProbability =
    graph.nodes.find(({ outputs }) => outputs.includes(output.name))?.op === "Softmax";
  const program = await engine.compile(exportOnnx(graph), options);
  const [total, ...size] = data.images.shape;
  const pixels = size.reduce((a, b) => a * b, 1);
  const batch = typeof input.shape[0] === "number" ? input.shape[0] : openBatch;
  let correct = 0;
  let loss = 0;
  try {
    for (let start = 0; start < total; start += batch) {
      const count = Math.min(batch, total - start);
      // A network of fixed batch gets a last batch filled up with zeros.
      const rows = typeof input.shape[0] === "number" ? batch : count;
      const pixelsOf = new Float32Array(rows * pixels);
      pixelsOf.set(data.images.data.subarray(start * pixels, (start + count) * pixels));
      const results = await program.run({ [input.name]: tensor([rows, ...size], pixelsOf) });
      const scores = results[output.name];
      const classes = scores.data.length / rows;
      if (classes < data.classes) {
        throw new ModelError(`the network has ${classes} classes, the data ${data.classes}`);
      }
      for (let i = 0; i < count; i++) {
        const row = scores.data.subarray(i * classes, (i + 1) * classes);
        const label = data.labels[start + i];
        if (argmax(row) === label) correct++;
        loss += isProbability ? -Math.log(Math.max(row[label], 1e-30)) : crossEntropy(row, label);
      }
    }
  } finally {
    await program.dispose();
  }
  return { accuracy: correct / total, correct, images: total, loss: loss / total };
}

/** The first of the largest values. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

function crossEntropy(logits: Float32Array, label: number): number {
  const most = logits[argmax(logits)];
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum) - logits[label];
}
