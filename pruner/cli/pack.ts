/** `filigree pack MODEL -o OUT.filigree`: store a network as it is, with the zeros that it has stored sparse. */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { writeModel } from "../../runtime/model/file.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { pack } from "../pack.ts";
import { openModel } from "./model.ts";
import type { GlobalOptions } from "./options.ts";
import { packTable } from "./tables.ts";

interface Options extends GlobalOptions {
  output: string;
  pattern?: string;
}

export function packCommand(): Command {
  return new Command("pack")
    .description("store an ONNX or TFLite network, its zeros by the pattern that takes the fewest bytes")
    .argument("<model>")
    .requiredOption("-o, --output <file>", "where the .filigree file goes")
    .option("--pattern <pattern>", "only this: block:ROWSxCOLS, N:M, N:MxROWS, channel or unstructured")
    .action(async (model: string, _: unknown, command: Command) =>
      run(model, command.optsWithGlobals()),
    );
}

async function run(path: string, { output, pattern, json, quiet }: Options): Promise<void> {
  const wanted = pattern === undefined ? undefined : parsePattern(pattern);
  const { graph, layers } = pack((await openModel(path)).graph, wanted);
  const file = await writeModel(graph, { packed: { pattern: pattern ?? "smallest" } });
  await writeFile(output, file);
  if (json) console.log(JSON.stringify({ file: output, fileBytes: file.length, layers }));
  else if (!quiet) console.log(`${packTable(layers)}\n${output}: ${file.length} bytes`);
}
