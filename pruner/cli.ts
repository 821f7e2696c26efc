#!/usr/bin/env node
/** The command line: `filigree prune | pack | inspect | run | kernels | bench | data`. One file a command in cli/. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { benchCommand } from "./cli/bench.ts";
import { dataCommand } from "./cli/data.ts";
import { inspectCommand } from "./cli/inspect.ts";
import { kernelsCommand } from "./cli/kernels.ts";
import { packCommand } from "./cli/pack.ts";
import { pruneCommand } from "./cli/prune.ts";
import { runCommand } from "./cli/run.ts";

/** A new command is a file in cli/ and a line here. */
const commands = [
  pruneCommand,
  packCommand,
  inspectCommand,
  runCommand,
  kernelsCommand,
  benchCommand,
  dataCommand,
];

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

const program = new Command("filigree")
  .description("sparse neural networks in the browser: prune, pack, run, prove")
  .version(version)
  .option("--json", "print one JSON object on stdout")
  .option("--quiet", "print nothing but errors (and what --json asks for)")
  .option("--debug", "print the stack of an error")
  .configureHelp({ showGlobalOptions: true });
for (const command of commands) program.addCommand(command());

try {
  await program.parseAsync();
} catch (error) {
  const { debug } = program.opts();
  const expected = error instanceof Error && error.name === "ModelError";
  // What is not a ModelError is a fault of ours: its stack helps to report it.
  console.error(debug || !expected ? error : `filigree: ${(error as Error).message}`);
  process.exitCode = 1;
}
