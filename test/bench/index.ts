/**
 * `npm run bench -- NAME`: the benchmarks of the project itself. A new one is a file here and a line below. Without a
 * name, options go to all of them: `npm run bench -- --readme` writes every table of the README.
 */
import { layers } from "./layers.ts";
import { networks } from "./networks.ts";

const benches: Record<string, (args: string[]) => Promise<void>> = { layers, networks };

const [name = "", ...args] = process.argv.slice(2);
try {
  if (name.startsWith("--")) {
    for (const bench of Object.values(benches)) await bench([name, ...args]);
  } else {
    const bench = benches[name];
    if (!bench) throw new Error(`no benchmark "${name}"; there are: ${Object.keys(benches).join(", ")}`);
    await bench(args);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
