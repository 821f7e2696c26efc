/** `filigree inspect FILE`: what is in a model file. Reading it has checked every hash and index. */
import { stat } from "node:fs/promises";
import { Command } from "commander";
import type { ValueInfo } from "../../runtime/model/graph.ts";
import { openModel } from "./model.ts";
import type { GlobalOptions } from "./options.ts";
import { inspectTable, weightRows } from "./tables.ts";

/** A dense weight with fewer nonzeros than this fraction has been pruned. */
const fewNonzeros = 0.9;

export function inspectCommand(): Command {
  return new Command("inspect")
    .description("show the layers of a .filigree, .onnx or .tflite file, and how each weight is stored")
    .argument("<file>")
    .action(async (file: string, _: unknown, command: Command) => run(file, command.optsWithGlobals()));
}

async function run(path: string, { json }: GlobalOptions): Promise<void> {
  const { graph, meta, format } = await openModel(path);
  const layers = weightRows(graph);
  const bytes = (await stat(path)).size;
  const hashes = format === "filigree" ? "all match" : "none in this format";
  const operators: Record<string, number> = {};
  for (const { op } of graph.nodes) operators[op] = (operators[op] ?? 0) + 1;
  if (json) {
    const { name, inputs, outputs } = graph;
    console.log(
      JSON.stringify({ name, format, bytes, hashes, inputs, outputs, operators, layers, meta }),
    );
    return;
  }
  const list = (values: readonly ValueInfo[]) =>
    values.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(", ")}]`).join("; ");
  console.log(inspectTable(layers));
  console.log(`${graph.name}: ${format}, ${bytes} bytes; hashes: ${hashes}`);
  const withZeros = layers.filter(
    ({ pattern, density }) => pattern === "dense" && density < fewNonzeros,
  );
  if (format !== "filigree" && withZeros.length > 0) {
    console.log(`${withZeros.length} dense weights hold zeros: filigree pack stores them sparse`);
  }
  console.log(`inputs: ${list(graph.inputs)}`);
  console.log(`outputs: ${list(graph.outputs)}`);
  const counts = Object.entries(operators).map(([op, n]) => `${n} ${op}`);
  console.log(`${graph.nodes.length} nodes: ${counts.join(", ")}`);
  if (Object.keys(meta).length > 0)
    console.log(`meta: ${Object.keys(meta).join(", ")} (--json shows all)`);
}
