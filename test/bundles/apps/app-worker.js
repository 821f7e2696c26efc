/** The worker of an app: loads a model in its own thread. */
import { load, tensor } from "filigree";

addEventListener("message", async ({ data: values }) => {
  try {
    const session = await load("/model.filigree", { cache: false, worker: false });
    const { logits } = await session.run({ image: tensor([1, 3, 9, 9], new Float32Array(values)) });
    postMessage({ logits: [...logits.data], capabilities: session.capabilities });
    session.dispose();
  } catch (error) {
    postMessage({ error: String(error) });
  }
});
