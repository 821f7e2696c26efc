/**
 * YOLOv5 n and m, version 6.0 and later, for 80 classes: the layers of ultralytics' `yolov5n.yaml` and `yolov5m.yaml`
 * (one table, scaled in depth and width). Published with BatchNormalization, at 640x640: n 1.87 M parameters and
 * 4.5 GFLOP, m 21.2 M and 49.0 GFLOP, where a multiplication and an addition are two.
 *
 * The result is what ultralytics exports: for each of 3 anchors at each place of 3 grids x, y, width, height in
 * pixels, and 81 probabilities, [1, 25200, 85] at 640x640. The decoding is done on three dimensions a level
 * ([anchor, value, place]) where ultralytics has five. Non-maximum suppression is left out, as in their export.
 */
import type { Graph } from "../../pruner/index.ts";
import { type Builder, builder, type ConvOptions } from "./builder.ts";
import type { ImageSize, ZooNetwork } from "./network.ts";

const classes = 80;
const values = classes + 5;
const levels = [
  { stride: 8, anchors: [10, 13, 16, 30, 33, 23] },
  { stride: 16, anchors: [30, 61, 62, 45, 59, 119] },
  { stride: 32, anchors: [116, 90, 156, 198, 373, 326] },
] as const;

export const yolov5n = yolov5("yolov5n", {
  depth: 1 / 3,
  width: 0.25,
  published: { millionParameters: 1.87, gigaMacs: 2.25 },
});
export const yolov5m = yolov5("yolov5m", {
  depth: 2 / 3,
  width: 0.75,
  published: { millionParameters: 21.2, gigaMacs: 24.5 },
});

function yolov5(
  name: string,
  { depth, width, published }: Pick<ZooNetwork, "published"> & { depth: number; width: number },
): ZooNetwork {
  return {
    size: [640, 640],
    smallSize: [64, 96],
    published,
    multiple: 32,
    heads: levels.map((_, level) => headName(level)),
    build(seed, size) {
      const of = (channels: number) => Math.ceil((channels * width) / 8) * 8;
      const repeat = (blocks: number) => Math.max(1, Math.round(blocks * depth));
      return build(name, seed, size, of, repeat);
    },
  };
}

function headName(level: number): string {
  return `model.24.m.${level}`;
}

/** The layers in the order of the yaml, which numbers them. `of` scales channels, `repeat` the bottlenecks of a C3. */
function build(
  name: string,
  seed: number,
  size: ImageSize,
  of: (channels: number) => number,
  repeat: (blocks: number) => number,
): Graph {
  const net = builder(seed);
  const [c64, c128, c256, c512, c1024] = [64, 128, 256, 512, 1024].map(of);
  const down = { kernel: 3, stride: 2 };

  const stem = conv(net, "model.0", "image", 3, c64, { kernel: 6, stride: 2, pad: 2 });
  const p2 = c3(net, "model.2", conv(net, "model.1", stem, c64, c128, down), c128, c128, repeat(3));
  const p3 = c3(net, "model.4", conv(net, "model.3", p2, c128, c256, down), c256, c256, repeat(6));
  const p4 = c3(net, "model.6", conv(net, "model.5", p3, c256, c512, down), c512, c512, repeat(9));
  const p5 = c3(net, "model.8", conv(net, "model.7", p4, c512, c1024, down), c1024, c1024, repeat(3));
  const pooled = sppf(net, "model.9", p5, c1024);

  const top = conv(net, "model.10", pooled, c1024, c512);
  const n4 = net.concat("model.12", [net.resize("model.11", top, 2, "nearest"), p4], 1);
  const m4 = c3(net, "model.13", n4, 2 * c512, c512, repeat(3), false);
  const middle = conv(net, "model.14", m4, c512, c256);
  const n3 = net.concat("model.16", [net.resize("model.15", middle, 2, "nearest"), p3], 1);
  const out3 = c3(net, "model.17", n3, 2 * c256, c256, repeat(3), false);
  const n4b = net.concat("model.19", [conv(net, "model.18", out3, c256, c256, down), middle], 1);
  const out4 = c3(net, "model.20", n4b, 2 * c256, c512, repeat(3), false);
  const n5b = net.concat("model.22", [conv(net, "model.21", out4, c512, c512, down), top], 1);
  const out5 = c3(net, "model.23", n5b, 2 * c512, c1024, repeat(3), false);

  const found = [out3, out4, out5].map((x, level) => {
    const raw = net.conv(headName(level), x, [c256, c512, c1024][level], 3 * values, { gain: 1 });
    return decode(net, `model.24.${level}`, raw, level, size);
  });
  const rows = levels.reduce((sum, { stride }) => sum + 3 * places(size, stride), 0);
  net.reshape("output0", net.concat("model.24", found, 0), [1, rows, values]);
  return net.graph(name, [1, 3, ...size], { output0: [1, rows, values] });
}

/** SiLU(convolution). SiLU takes more of small values than Relu: the gain makes up for it. */
function conv(
  net: Builder,
  name: string,
  x: string,
  inC: number,
  outC: number,
  options: ConvOptions = {},
): string {
  const made = net.conv(name, x, inC, outC, { gain: 2.3, ...options });
  return net.node(`${made}.silu`, "Mul", [made, net.sigmoid(made)]);
}

/** Two halves side by side, `blocks` bottlenecks on one of them, and a 1x1 over both. */
function c3(
  net: Builder,
  name: string,
  x: string,
  inC: number,
  outC: number,
  blocks: number,
  shortcut = true,
): string {
  const half = outC / 2;
  let left = conv(net, `${name}.cv1`, x, inC, half);
  for (let block = 0; block < blocks; block++) {
    const part = `${name}.m.${block}`;
    const inner = conv(net, `${part}.cv1`, left, half, half);
    const gain = shortcut ? { gain: 0.3 } : {};
    const outer = conv(net, `${part}.cv2`, inner, half, half, { kernel: 3, ...gain });
    left = shortcut ? net.add(`${part}.add`, left, outer) : outer;
  }
  const right = conv(net, `${name}.cv2`, x, inC, half);
  return conv(net, `${name}.cv3`, net.concat(`${name}.cat`, [left, right], 1), outC, outC);
}

/** Spatial pyramid pooling: windows of 5, 9 and 13 as three of 5 in a row. */
function sppf(net: Builder, name: string, x: string, channels: number): string {
  const half = channels / 2;
  const pooled = [conv(net, `${name}.cv1`, x, channels, half)];
  for (let i = 0; i < 3; i++) {
    const attrs = { kernel_shape: [5, 5], strides: [1, 1], pads: [2, 2, 2, 2] };
    pooled.push(net.node(`${name}.pool${i}`, "MaxPool", [pooled[i]], attrs));
  }
  return conv(net, `${name}.cv2`, net.concat(`${name}.cat`, pooled, 1), 4 * half, channels);
}

/**
 * [1, 3 * 85, h, w] -> [3 * h * w, 85]. With s = sigmoid of the convolution's values:
 * centre = (2 s - 0.5 + place in the grid) * stride, size = (2 s)² * anchor, the rest is s.
 */
function decode(net: Builder, name: string, raw: string, level: number, size: ImageSize): string {
  const { stride, anchors } = levels[level];
  const count = places(size, stride);
  const columns = size[1] / stride;
  const flat = net.reshape(`${name}.flat`, raw, [3, values, count]);
  const s = net.sigmoid(net.transpose(`${name}.rows`, flat, [0, 2, 1]));
  const part = (what: string, from: number, to: number) =>
    net.slice(`${name}.${what}`, s, [2], [from], [to]);
  const times = (x: string, what: string, shape: number[], data: number[]) =>
    net.node(`${x}.${what}`, "Mul", [x, net.constant(`${x}.${what}.by`, shape, data)]);

  const grid = Array.from({ length: count }, (_, i) => [i % columns, Math.floor(i / columns)]);
  const offsets = grid.flat().map((place) => (place - 0.5) * stride);
  const centre = net.add(
    `${name}.centre`,
    times(part("xy", 0, 2), "scaled", [], [2 * stride]),
    net.constant(`${name}.grid`, [1, count, 2], offsets),
  );
  const doubled = times(part("wh", 2, 4), "doubled", [], [2]);
  const squared = net.node(`${name}.squared`, "Mul", [doubled, doubled]);
  const extent = times(squared, "anchored", [3, 1, 2], [...anchors]);
  const all = net.concat(`${name}.all`, [centre, extent, part("scores", 4, values)], 2);
  return net.reshape(`${name}.found`, all, [3 * count, values]);
}

const places = ([height, width]: ImageSize, stride: number): number =>
  (height / stride) * (width / stride);
