/**
 * BiSeNetV2 (Yu et al., arXiv 2004.02147, table 1, figures 4 to 6) for 19 classes, as it infers: without the booster
 * heads that only training has. The head is 1024 channels wide, and its result is enlarged eight times.
 *
 * The paper's ratio of the depthwise layers, 6, is in the channels: each input channel makes six. Without
 * BatchNormalization that is 3.3 M parameters and 24.6 GMAC at 512x1024, 9.8 of them in the head. The paper gives
 * 21.15 GFLOP and does not say how it counts.
 */
import type { Graph } from "../../pruner/index.ts";
import { type Builder, builder, type ConvOptions } from "./builder.ts";
import type { ZooNetwork } from "./network.ts";

const expansion = 6;
const classes = 19;

export const bisenetv2: ZooNetwork = {
  size: [512, 1024],
  smallSize: [64, 128],
  multiple: 32,
  published: { millionParameters: 3.3, gigaMacs: 21.15 },

  build(seed, size): Graph {
    const net = builder(seed);
    const both = aggregate(net, detailBranch(net), semanticBranch(net));
    const wide = convRelu(net, "head.conv", both, 128, 1024, { kernel: 3 });
    net.resize("logits", net.conv("head.classes", wide, 1024, classes), 8, "linear");
    return net.graph("bisenetv2", [1, 3, ...size], { logits: [1, classes, ...size] });
  },
};

/** Wide and shallow: 128 channels at an eighth of the size. */
function detailBranch(net: Builder): string {
  const widths = [64, 64, 64, 64, 64, 128, 128, 128];
  const halved = [0, 2, 5];
  return widths.reduce((x, outC, i) => {
    const stride = halved.includes(i) ? 2 : 1;
    return convRelu(net, `detail.${i}`, x, i ? widths[i - 1] : 3, outC, { kernel: 3, stride });
  }, "image");
}

/** Narrow and deep: 128 channels at a 32nd of the size. */
function semanticBranch(net: Builder): string {
  let x = stem(net);
  let inC = 16;
  const stages = [
    { outC: 32, blocks: 2 },
    { outC: 64, blocks: 2 },
    { outC: 128, blocks: 4 },
  ];
  stages.forEach(({ outC, blocks }, stage) => {
    x = gatherDown(net, `semantic.${stage}.0`, x, inC, outC);
    inC = outC;
    for (let block = 1; block < blocks; block++) {
      x = gather(net, `semantic.${stage}.${block}`, x, inC);
    }
  });
  return embedContext(net, x);
}

/** A convolution and a pooling side by side: 16 channels at a quarter of the size. */
function stem(net: Builder): string {
  const first = convRelu(net, "stem.conv", "image", 3, 16, { kernel: 3, stride: 2 });
  const left = convRelu(net, "stem.left.0", first, 16, 8);
  const conv = convRelu(net, "stem.left.1", left, 8, 16, { kernel: 3, stride: 2 });
  const attrs = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  const pool = net.node("stem.right", "MaxPool", [first], attrs);
  return convRelu(net, "stem.fuse", net.concat("stem.cat", [conv, pool], 1), 32, 16, { kernel: 3 });
}

/** Gather and expansion: 3x3, depthwise to six times the channels, 1x1, and the shortcut. */
function gather(net: Builder, name: string, x: string, channels: number): string {
  const width = expansion * channels;
  let inner = convRelu(net, `${name}.conv1`, x, channels, channels, { kernel: 3 });
  inner = convRelu(net, `${name}.dw`, inner, channels, width, { kernel: 3, group: channels });
  inner = net.conv(`${name}.conv2`, inner, width, channels, { gain: 0.5 });
  return net.relu(net.add(`${name}.add`, inner, x));
}

/** The same at half the size: two depthwise convolutions, and a depthwise and a 1x1 as the shortcut. */
function gatherDown(net: Builder, name: string, x: string, inC: number, outC: number): string {
  const width = expansion * inC;
  let inner = convRelu(net, `${name}.conv1`, x, inC, inC, { kernel: 3 });
  inner = net.conv(`${name}.dw1`, inner, inC, width, { kernel: 3, stride: 2, group: inC });
  inner = convRelu(net, `${name}.dw2`, inner, width, width, { kernel: 3, group: width, gain: 1 });
  inner = net.conv(`${name}.conv2`, inner, width, outC, { gain: 0.5 });
  const shrunk = net.conv(`${name}.skip1`, x, inC, inC, { kernel: 3, stride: 2, group: inC, gain: 1 });
  const skip = net.conv(`${name}.skip2`, shrunk, inC, outC, { gain: 1 });
  return net.relu(net.add(`${name}.add`, inner, skip));
}

/** Context embedding: the average of the whole image is added everywhere. */
function embedContext(net: Builder, x: string): string {
  const mean = net.node("context.mean", "GlobalAveragePool", [x]);
  const context = convRelu(net, "context.conv1", mean, 128, 128);
  return convRelu(net, "context.conv2", net.add("context.add", x, context), 128, 128, { kernel: 3 });
}

/** Guided aggregation: each branch is gated by the other, at the size of either, and the two are added. */
function aggregate(net: Builder, detail: string, semantic: string): string {
  const depthwise = { kernel: 3, group: 128, gain: 1 };
  const linear = { gain: 1 };
  const fine = net.conv("guide.fine.dw", detail, 128, 128, depthwise);
  const finer = net.conv("guide.fine.conv", fine, 128, 128, linear);
  const coarse = net.conv("guide.coarse.conv", detail, 128, 128, { kernel: 3, stride: 2, gain: 1 });
  const coarser = net.node("guide.coarse.pool", "AveragePool", [coarse], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    count_include_pad: 1,
  });
  const gate = net.conv("guide.gate.conv", semantic, 128, 128, { kernel: 3, gain: 1 });
  const fineGate = net.sigmoid(net.resize("guide.gate.up", gate, 4, "linear"));
  const deep = net.conv("guide.deep.dw", semantic, 128, 128, depthwise);
  const coarseGate = net.sigmoid(net.conv("guide.deep.conv", deep, 128, 128, linear));

  const left = net.node("guide.left", "Mul", [finer, fineGate]);
  const right = net.node("guide.right", "Mul", [coarser, coarseGate]);
  const sum = net.add("guide.add", left, net.resize("guide.up", right, 4, "linear"));
  return net.conv("guide.conv", sum, 128, 128, { kernel: 3, gain: 2 });
}

function convRelu(
  net: Builder,
  name: string,
  x: string,
  inC: number,
  outC: number,
  options: ConvOptions = {},
): string {
  return net.relu(net.conv(name, x, inC, outC, options));
}
