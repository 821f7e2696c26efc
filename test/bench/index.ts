/**
 * `npm run bench -- NAME`: the benchmarks of the project itself. A new one is a file here and a line below. Without a
 * name, `npm run bench -- --readme` runs all of them and writes every table of the README and of docs/prune.md.
 */
import { Command } from "commander";
import { layersCommand } from "./layers.ts";
import { networksCommand } from "./networks.ts";
import { trainingCommand } from "./training.ts";

const benches = [layersCommand, networksCommand, trainingCommand];

const program = new Command("npm run bench --")
  .description(
    "measures Filigree against other engines, in headless Chromium, each result checked; and its training",
  )
  .option("--readme", "run all benchmarks and write their tables into README.md and docs/prune.md")
  .showHelpAfterError("(--help lists the benchmarks)")
  .enablePositionalOptions()
  .action(async ({ readme }: { readme?: boolean }) => {
    if (!readme) program.help();
    for (const command of benches) await command().parseAsync(["--readme"], { from: "user" });
  });
for (const command of benches) program.addCommand(command());

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
