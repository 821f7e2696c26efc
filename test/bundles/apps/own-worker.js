/** An app that brings its own worker. */
import { load, tensor } from "filigree";

globalThis.job = async ({ values }) => {
  const worker = new Worker(new URL("./model-worker.js", import.meta.url), { type: "module" });
  const session = await load("/model.filigree", { cache: false, worker });
  const { logits } = await session.run({ image: tensor([1, 3, 9, 9], new Float32Array(values)) });
  session.dispose();
  return { logits: [...logits.data], capabilities: session.capabilities };
};
