/** `filigree run FILE`: run a model once, on the reference or the WebAssembly backend. */
import { Command, Option } from "commander";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import { type Shape, sizeOf, type Tensor, tensor, zeros } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { readNpy } from "../data/npy.ts";
import { random } from "../train/random.ts";
import { openModel, readBytes } from "./model.ts";
import { type GlobalOptions, wholeNumber } from "./options.ts";

const backends = { wasm, reference };

/** Outputs of at most so many values are printed whole. */
const printedValues = 20;

interface Options extends GlobalOptions {
  input: string;
  backend: keyof typeof backends;
  seed: number;
}

export function runCommand(): Command {
  return new Command("run")
    .description("run a .filigree or .onnx model once and print its outputs")
    .argument("<file>")
    .option(
      "--input <what>",
      "zeros, random, or a .npy file; for several inputs NAME=WHAT,NAME=WHAT",
      "random",
    )
    .addOption(new Option("--backend <name>").choices(Object.keys(backends)).default("wasm"))
    .option("--seed <n>", "of random inputs", wholeNumber, 0)
    .action(async (file: string, _: unknown, command: Command) => run(file, command.optsWithGlobals()));
}

async function run(path: string, { input, backend: backendName, seed, json }: Options): Promise<void> {
  const { graph } = await openModel(path);
  const wanted = new Map(graph.inputs.map(({ name }) => [name, input]));
  for (const part of input.includes("=") ? input.split(",") : []) {
    const [name, what] = part.split("=");
    if (!wanted.has(name))
      throw new ModelError(
        `input '${name}' is not known; the model has ${[...wanted.keys()].join(", ")}`,
      );
    wanted.set(name, what);
  }
  const arrays = new Map<string, Tensor>();
  for (const [name, what] of wanted) {
    if (what.endsWith(".npy")) arrays.set(name, readNpy(await readBytes(what), what));
    else if (what !== "zeros" && what !== "random") {
      throw new ModelError(`--input ${what}: expected zeros, random or a .npy file`);
    }
  }
  const shapes = Object.fromEntries(Array.from(arrays, ([name, { shape }]) => [name, shape]));
  const planned = plan(graph, { shapes });
  const backend = backends[backendName];
  for (const node of planned.graph.nodes) {
    const reason = backend.unsupported(node, planned);
    if (reason)
      throw new ModelError(
        `${backendName} cannot run ${nodeName(node)}: ${reason}; try --backend reference`,
      );
  }
  const uniform = random(seed);
  const inputs: Record<string, Tensor> = {};
  for (const { name, shape } of planned.graph.inputs) {
    inputs[name] =
      arrays.get(name) ?? filled(shape as Shape, wanted.get(name) === "random" ? uniform : undefined);
  }
  const executable = await backend.prepare(planned);
  const start = performance.now();
  const outputs = await executable.run(inputs);
  const ms = performance.now() - start;
  executable.dispose();
  if (json) {
    const plain = Object.entries(outputs).map(([name, { shape, data }]) => [
      name,
      { shape, data: [...data] },
    ]);
    console.log(JSON.stringify({ backend: backendName, ms, outputs: Object.fromEntries(plain) }));
    return;
  }
  for (const [name, value] of Object.entries(outputs)) console.log(describe(name, value));
  console.log(`${backendName}: ${ms.toFixed(2)} ms, the first run`);
}

function filled(shape: Shape, uniform: (() => number) | undefined): Tensor {
  if (!uniform) return zeros(shape);
  return tensor(shape, Float32Array.from({ length: sizeOf(shape) }, uniform));
}

/** The values of a small output, else the five largest of each row. */
function describe(name: string, { shape, data }: Tensor): string {
  const lines = [`${name} [${shape.join(", ")}]`];
  const width = shape[shape.length - 1] ?? 1;
  const rows = Math.min(data.length / width, 8);
  for (let row = 0; row < rows; row++) {
    const values = Array.from(data.subarray(row * width, (row + 1) * width));
    const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
    if (values.length <= printedValues)
      lines.push(`  ${values.map((value) => value.toPrecision(5)).join(" ")}`);
    const top = order.slice(0, 5).map((i) => `${i}: ${values[i].toPrecision(5)}`);
    if (values.length > 1) lines.push(`  top ${top.length}: ${top.join(", ")}`);
  }
  if (rows < data.length / width) lines.push(`  … ${data.length / width - rows} more rows`);
  return lines.join("\n");
}
