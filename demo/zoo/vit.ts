/**
 * ViT-B/16 (Dosovitskiy et al., arXiv 2010.11929, table 1) and DeiT-tiny without distillation (Touvron et al., arXiv
 * 2012.12877, table 1), as timm's `vit_base_patch16_224` and `deit_tiny_patch16_224`. Published at 224x224:
 * 86.6 M parameters and 17.6 GMAC; 5.7 M and 1.25 GMAC.
 */
import type { Graph } from "../../pruner/index.ts";
import { attention, feedForward } from "./attention.ts";
import { builder } from "./builder.ts";
import type { ZooNetwork } from "./network.ts";

const patch = 16;
const depth = 12;
const epsilon = 1e-6;

export const deitTiny = vit("deit-tiny", {
  channels: 192,
  heads: 3,
  published: { millionParameters: 5.72, gigaMacs: 1.25 },
});
export const vitB16 = vit("vit-b16", {
  channels: 768,
  heads: 12,
  published: { millionParameters: 86.57, gigaMacs: 17.6 },
});

function vit(
  name: string,
  { channels, heads, published }: Pick<ZooNetwork, "published"> & { channels: number; heads: number },
): ZooNetwork {
  return {
    size: [224, 224],
    smallSize: [64, 48],
    multiple: patch,
    published,
    build(seed, size): Graph {
      const net = builder(seed);
      const patches = (size[0] / patch) * (size[1] / patch);
      const tokens = patches + 1;
      const embed = { kernel: patch, stride: patch, pad: 0, gain: 1 };
      const embedded = net.conv("patch_embed", "image", 3, channels, embed);
      const columns = net.reshape("patch_embed.flat", embedded, [channels, patches]);
      const rows = net.transpose("patch_embed.rows", columns, [1, 0]);
      const vector = (what: string, count: number) =>
        net.constant(what, [count, channels], net.draw.vector(count * channels, 0, 0.3));
      let x = net.concat("tokens", [vector("cls_token", 1), rows], 0);
      x = net.add("tokens.placed", x, vector("pos_embed", tokens));
      for (let block = 0; block < depth; block++) {
        const part = `blocks.${block}`;
        const first = net.layerNorm(`${part}.norm1`, x, channels, epsilon);
        const attended = attention(net, `${part}.attn`, first, {
          ...{ windows: 1, tokens, channels, heads },
          gain: 1,
        });
        x = net.add(`${part}.add1`, x, attended);
        const second = net.layerNorm(`${part}.norm2`, x, channels, epsilon);
        x = net.add(`${part}.add2`, x, feedForward(net, `${part}.mlp`, second, channels, 0.5));
      }
      x = net.layerNorm("norm", x, channels, epsilon);
      const token = net.slice("cls", x, [0], [0], [1]);
      net.linear("logits", token, channels, 1000);
      return net.graph(name, [1, 3, ...size], { logits: [1, 1000] });
    },
  };
}
