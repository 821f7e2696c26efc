/** In Node, in a worker thread: a model from a file, run in the thread that loads it. Prints the result as JSON. */
import { readFile } from "node:fs/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { load, tensor } from "filigree";

if (isMainThread) {
  const [model, values] = process.argv.slice(2);
  const thread = new Worker(new URL(import.meta.url), {
    workerData: { model, values: JSON.parse(values) },
  });
  thread.on("message", (result) => console.log(JSON.stringify(result)));
} else {
  const session = await load(await readFile(workerData.model));
  const { logits } = await session.run({
    image: tensor([1, 3, 9, 9], new Float32Array(workerData.values)),
  });
  parentPort.postMessage({ logits: [...logits.data], capabilities: session.capabilities });
  session.dispose();
}
