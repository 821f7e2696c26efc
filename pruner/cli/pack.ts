/** `filigree pack MODEL -o OUT.filigree`: store a network as it is, with the zeros that it has stored sparse. */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { writeModel } from "../../runtime/model/file.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { pack } from "../pack.ts";
import { openModel } from "./model.ts";
import { type GlobalOptions, names } from "./options.ts";
import { packTable } from "./tables.ts";

interface Options extends GlobalOptions {
  output: string;
  pattern?: string;
  expect?: string;
  keepChannels?: boolean;
  include?: string[];
  exclude?: string[];
}

export function packCommand(): Command {
  return new Command("pack")
    .description(
      "store an ONNX or TFLite network without its dead channels, its zeros in the way that runs fastest",
    )
    .argument("<model>")
    .requiredOption("-o, --output <file>", "where the .filigree file goes")
    .option("--pattern <pattern>", "only this: block:ROWSxCOLS, N:M, N:MxROWS, channel or unstructured")
    .option("--expect <pattern>", "refuse a network whose layers do not have this pattern")
    .option("--include <names>", "layers that must have it though they would not be looked at", names)
    .option("--exclude <names>", "layers that need not have it", names)
    .option("--keep-channels", "leave channels whose weights are all zero")
    .action(async (model: string, _: unknown, command: Command) =>
      run(model, command.optsWithGlobals()),
    );
}

async function run(path: string, options: Options): Promise<void> {
  const { output, pattern, expect, json, quiet } = options;
  const { graph, layers, removed } = pack((await openModel(path)).graph, {
    ...options,
    pattern: pattern === undefined ? undefined : parsePattern(pattern),
    expect: expect === undefined ? undefined : parsePattern(expect),
  });
  const file = await writeModel(graph, { packed: { pattern: pattern ?? "predicted" } });
  await writeFile(output, file);
  if (json) console.log(JSON.stringify({ file: output, fileBytes: file.length, layers, removed }));
  else if (!quiet) console.log(`${packTable(layers, removed)}\n${output}: ${file.length} bytes`);
}
