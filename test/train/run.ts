/** A tiny pruning run as a process of its own: `run.ts FOLDER`. Prints a hash of the network it ends with. */
import { createHash } from "node:crypto";
import { digitsNetwork } from "../../demo/digits/network.ts";
import { checkpointFolder, prune } from "../../pruner/index.ts";
import { isSparse } from "../../runtime/model/graph.ts";
import { stripes } from "../methods/stripes.ts";

const [folder, method] = process.argv.slice(2);
const { graph, report } = await prune(digitsNetwork(3, { stem: 8, blocks: [8, 16] }), {
  method: method as "smart",
  pattern: "4x4",
  sparsity: 0.5,
  data: { train: stripes(192, 1) },
  schedule: { searchEpochs: 3, fineTuneEpochs: 2, batch: 16, learningRate: 0.03, flip: true, shift: 2 },
  seed: 5,
  threads: 1,
  checkpoint: checkpointFolder(folder),
  onProgress: ({ step }) => console.log(`step ${step}`),
});
const hash = createHash("sha256").update(JSON.stringify([report.search, report.training]));
for (const [name, constant] of graph.constants) {
  const data = isSparse(constant) ? ("values" in constant ? constant.values : []) : constant.data;
  hash.update(name).update(JSON.stringify(Array.from(data)));
}
console.log(`end ${hash.digest("hex")}`);
