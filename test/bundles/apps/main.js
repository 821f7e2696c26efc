/** An app: loads a model and runs it once. */
import { load, tensor } from "filigree";

globalThis.job = async ({ values, options }) => {
  const session = await load("/model.filigree", { cache: false, ...options });
  const { logits } = await session.run({ image: tensor([1, 3, 9, 9], new Float32Array(values)) });
  session.dispose();
  return { logits: [...logits.data], capabilities: session.capabilities };
};
