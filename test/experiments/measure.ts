/** Milliseconds of the networks that cells have left, in headless Chromium, next to the dense one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { benchmark } from "../../pruner/bench/index.ts";
import { importOnnx, simplify, writeModel } from "../../pruner/index.ts";
import { randomTensor } from "../random.ts";
import type { Cell } from "./cells.ts";
import { networkFile } from "./data.ts";
import type { Results } from "./result.ts";

/** Measures a done cell and writes the times into its result. False where its network is not here. */
export async function measureCell(
  { id, network }: Cell,
  results: Results,
  work: string,
): Promise<boolean> {
  const result = results.read(id);
  const path = join(work, "models", `${id}.filigree`);
  if (!result || !existsSync(path)) return false;
  const dense = await writeModel(simplify(importOnnx(networkFile(network))));
  const sample = { input: randomTensor([1, 3, 32, 32], 1) };
  const { place, comparisons } = await benchmark(
    [
      { name: "dense", kind: "filigree", model: dense, threads: 1 },
      { name: "sparse", kind: "filigree", model: new Uint8Array(readFileSync(path)), threads: 1 },
    ],
    [sample],
    { rounds: 15 },
  );
  const [whole, sparse] = comparisons.map(({ timing }) => timing!.minMs);
  results.write({ ...result, milliseconds: { sparse, dense: whole, place } });
  return true;
}
