/** Made-up images whose class is easy to see: noise, and stripes whose direction (five) and width (two) are the class. */
import type { Dataset } from "../../pruner/data/dataset.ts";
import { normal, random } from "../../pruner/train/random.ts";
import { tensor } from "../../runtime/model/tensor.ts";

export function stripes(count: number, seed: number): Dataset {
  const uniform = random(seed);
  const noise = normal(uniform);
  const images = tensor([count, 1, 28, 28], new Float32Array(count * 784));
  const labels = Int32Array.from({ length: count }, () => Math.floor(uniform() * 10));
  for (const [i, label] of labels.entries()) {
    const [angle, period, phase] = [(Math.PI * (label % 5)) / 5, label < 5 ? 4 : 8, uniform()];
    for (let p = 0; p < 784; p++) {
      const along = (p % 28) * Math.cos(angle) + Math.floor(p / 28) * Math.sin(angle);
      images.data[i * 784 + p] = Math.sin(2 * Math.PI * (along / period + phase)) + 0.3 * noise();
    }
  }
  return { images, labels, classes: 10 };
}
