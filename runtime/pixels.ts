/** Runs with pictures among the inputs, in the worker: downloaded once somebody gives one. */
import type { Executable, Tensors } from "./backends/backend.ts";
import type { SentImages } from "./model/image.ts";
import { tensorsOf } from "./model/pixels.ts";

/** Runs with tensors and with pictures for the other inputs. The pictures are closed. */
export async function runOnImages(
  executable: Executable,
  tensors: Tensors,
  images: SentImages,
  reuse?: Tensors,
): Promise<Tensors> {
  try {
    return await (executable.runOnImages?.(tensors, images) ??
      executable.run({ ...tensors, ...tensorsOf(images) }, reuse));
  } finally {
    for (const { picture } of Object.values(images)) if ("close" in picture) picture.close();
  }
}
