/** Milliseconds of the networks that cells have left, in headless Chromium, next to the dense one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { benchmark } from "../../pruner/bench/index.ts";
import { importOnnx, simplify, writeModel } from "../../pruner/index.ts";
import { randomTensor } from "../random.ts";
import type { Cell } from "./cells.ts";
import { networkFile } from "./data.ts";
import type { Results } from "./result.ts";

const engine = { kind: "filigree", threads: 1 } as const;

/** Measures a done cell and writes the times into its result. False where its network is not here. */
export async function measureCell(
  { id, network, against }: Cell,
  results: Results,
  work: string,
): Promise<boolean> {
  const result = results.read(id);
  const path = join(work, "models", `${id}.filigree`);
  if (!result || !existsSync(path)) return false;
  const denseOf = (name: Cell["network"]) => writeModel(simplify(importOnnx(networkFile(name))));
  const sample = { input: randomTensor([1, 3, 32, 32], 1) };
  const {
    place,
    comparisons,
    profiles = {},
  } = await benchmark(
    [
      { ...engine, name: "dense", model: await denseOf(network) },
      { ...engine, name: "sparse", model: new Uint8Array(readFileSync(path)) },
      ...(against ? [{ ...engine, name: "against", model: await denseOf(against) }] : []),
    ],
    [sample],
    { rounds: 75, profileRounds: 15 },
  );
  const [whole, sparse, small] = comparisons.map(({ timing }) => timing!.minMs);
  const insideOf = (name: string) => profiles[name]?.reduce((sum, { ms }) => sum + ms, 0);
  const inside = {
    sparse: insideOf("sparse")!,
    dense: insideOf("dense")!,
    against: insideOf("against"),
  };
  results.write({ ...result, milliseconds: { sparse, dense: whole, against: small, inside, place } });
  return true;
}
