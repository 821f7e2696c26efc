/**
 * ResNet-50 (He et al., arXiv 1512.03385, table 1), with the stride in the 3x3 convolutions as torchvision's
 * `resnet50` has it. Published with BatchNormalization: 25.56 M parameters; 4.09 GMAC at 224x224.
 */
import type { Graph } from "../../pruner/index.ts";
import { builder } from "./builder.ts";
import type { ZooNetwork } from "./network.ts";

/** Bottlenecks of each stage, and the channels inside them; they give out four times as many. */
const stages = [
  { blocks: 3, width: 64 },
  { blocks: 4, width: 128 },
  { blocks: 6, width: 256 },
  { blocks: 3, width: 512 },
] as const;
/** The last layer of a residual branch is weak, so that 16 additions do not make the sum large. */
const branchGain = 0.7;

export const resnet50: ZooNetwork = {
  size: [224, 224],
  smallSize: [64, 64],
  multiple: 32,
  published: { millionParameters: 25.56, gigaMacs: 4.09 },

  build(seed, size): Graph {
    const net = builder(seed);
    let x = net.relu(net.conv("conv1", "image", 3, 64, { kernel: 7, stride: 2 }));
    x = net.node("maxpool", "MaxPool", [x], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
    let inC = 64;
    stages.forEach(({ blocks, width }, stage) => {
      for (let block = 0; block < blocks; block++) {
        const name = `layer${stage + 1}.${block}`;
        const stride = stage > 0 && block === 0 ? 2 : 1;
        const outC = 4 * width;
        let inner = net.relu(net.conv(`${name}.conv1`, x, inC, width));
        inner = net.relu(net.conv(`${name}.conv2`, inner, width, width, { kernel: 3, stride }));
        inner = net.conv(`${name}.conv3`, inner, width, outC, { gain: branchGain });
        const skip = block === 0 ? net.conv(`${name}.downsample`, x, inC, outC, { stride, gain: 1 }) : x;
        x = net.relu(net.add(`${name}.add`, inner, skip));
        inC = outC;
      }
    });
    x = net.node("avgpool", "GlobalAveragePool", [x]);
    x = net.node("flatten", "Flatten", [x], { axis: 1 });
    net.linear("logits", x, inC, 1000);
    return net.graph("resnet50", [1, 3, ...size], { logits: [1, 1000] });
  },
};
