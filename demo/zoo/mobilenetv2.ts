/**
 * MobileNetV2, width 1 (Sandler et al., arXiv 1801.04381, table 2), as torchvision's `mobilenet_v2`.
 * Published with BatchNormalization: 3.50 M parameters; 0.30 GMAC at 224x224.
 */
import type { Graph } from "../../pruner/index.ts";
import { type Builder, builder } from "./builder.ts";
import type { ZooNetwork } from "./network.ts";

const stages = [
  { expansion: 1, channels: 16, blocks: 1, stride: 1 },
  { expansion: 6, channels: 24, blocks: 2, stride: 2 },
  { expansion: 6, channels: 32, blocks: 3, stride: 2 },
  { expansion: 6, channels: 64, blocks: 4, stride: 2 },
  { expansion: 6, channels: 96, blocks: 3, stride: 1 },
  { expansion: 6, channels: 160, blocks: 3, stride: 2 },
  { expansion: 6, channels: 320, blocks: 1, stride: 1 },
] as const;

export const mobilenetv2: ZooNetwork = {
  size: [224, 224],
  smallSize: [64, 64],
  multiple: 32,
  published: { millionParameters: 3.5, gigaMacs: 0.3 },

  build(seed, size): Graph {
    const net = builder(seed);
    let x = relu6(net, net.conv("features.0", "image", 3, 32, { kernel: 3, stride: 2 }));
    let inC = 32;
    let place = 1;
    for (const { expansion, channels, blocks, stride } of stages) {
      for (let block = 0; block < blocks; block++, place++) {
        const name = `features.${place}`;
        const step = block === 0 ? stride : 1;
        const width = expansion * inC;
        let inner = x;
        if (expansion > 1) inner = relu6(net, net.conv(`${name}.expand`, inner, inC, width));
        const depthwise = { kernel: 3, stride: step, group: width };
        inner = relu6(net, net.conv(`${name}.depthwise`, inner, width, width, depthwise));
        // Nothing follows that would halve the values: the gain is 1.
        inner = net.conv(`${name}.project`, inner, width, channels, { gain: 1 });
        const isResidual = step === 1 && inC === channels;
        x = isResidual ? net.add(`${name}.add`, inner, x) : inner;
        inC = channels;
      }
    }
    x = relu6(net, net.conv("features.18", x, inC, 1280));
    x = net.node("avgpool", "GlobalAveragePool", [x]);
    x = net.node("flatten", "Flatten", [x], { axis: 1 });
    net.linear("logits", x, 1280, 1000);
    return net.graph("mobilenetv2", [1, 3, ...size], { logits: [1, 1000] });
  },
};

function relu6(net: Builder, x: string): string {
  const [low, high] = [net.constant(`${x}.low`, [], [0]), net.constant(`${x}.high`, [], [6])];
  return net.node(`${x}.relu6`, "Clip", [x, low, high]);
}
