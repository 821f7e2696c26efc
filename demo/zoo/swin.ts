/**
 * Swin-T (Liu et al., arXiv 2103.14030, table 7), as torchvision's `swin_t`. Published: 28.3 M parameters and
 * 4.5 GMAC at 224x224.
 *
 * Tokens are rows [height * width, channels] of one image. Windows of 7x7 are cut by a transposition in which the
 * last two dimensions, 7 columns and the channels, stay together, so that it has five dimensions and not six. In
 * every second block windows are shifted by 3: rows and columns are rolled by a Slice each and a Concat, and a mask
 * keeps what was not together apart. The table of relative positions [169, heads] is stored as it is added,
 * [1, heads, 49, 49], and so is the mask: exporters fold both to that.
 */
import type { Graph } from "../../pruner/index.ts";
import { attention, feedForward } from "./attention.ts";
import { type Builder, builder } from "./builder.ts";
import type { ZooNetwork } from "./network.ts";

const window = 7;
const tokens = window * window;
const shift = 3;
const epsilon = 1e-5;
const stages = [
  { channels: 96, heads: 3, blocks: 2 },
  { channels: 192, heads: 6, blocks: 2 },
  { channels: 384, heads: 12, blocks: 6 },
  { channels: 768, heads: 24, blocks: 2 },
] as const;

/** Tokens of one image: rows [height * width, channels]. */
interface Grid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export const swinT: ZooNetwork = {
  size: [224, 224],
  smallSize: [224, 224], // a 32nd of which is one window
  multiple: 32 * window,
  published: { millionParameters: 28.29, gigaMacs: 4.5 },

  build(seed, size): Graph {
    const net = builder(seed);
    let grid: Grid = { height: size[0] / 4, width: size[1] / 4, channels: stages[0].channels };
    const embed = { kernel: 4, stride: 4, pad: 0, gain: 1 };
    let x = net.conv("patch", "image", 3, grid.channels, embed);
    x = net.transpose("patch.last", x, [0, 2, 3, 1]);
    x = net.reshape("patch.rows", x, [grid.height * grid.width, grid.channels]);
    x = net.layerNorm("patch.norm", x, grid.channels, epsilon);
    stages.forEach(({ heads, blocks }, stage) => {
      if (stage > 0) {
        x = merge(net, `merge.${stage}`, x, grid);
        grid = { height: grid.height / 2, width: grid.width / 2, channels: 2 * grid.channels };
      }
      for (let i = 0; i < blocks; i++) {
        const isShifted = i % 2 === 1 && Math.min(grid.height, grid.width) > window;
        x = block(net, `stage${stage}.${i}`, x, grid, heads, isShifted);
      }
    });
    const { height, width, channels } = grid;
    x = net.layerNorm("norm", x, channels, epsilon);
    x = net.transpose(
      "norm.first",
      net.reshape("norm.grid", x, [1, height, width, channels]),
      [0, 3, 1, 2],
    );
    x = net.node("avgpool", "GlobalAveragePool", [x]);
    net.linear("logits", net.node("flatten", "Flatten", [x], { axis: 1 }), channels, 1000);
    return net.graph("swin-t", [1, 3, ...size], { logits: [1, 1000] });
  },
};

function block(
  net: Builder,
  name: string,
  x: string,
  grid: Grid,
  heads: number,
  isShifted: boolean,
): string {
  const { channels } = grid;
  const windows = (grid.height / window) * (grid.width / window);
  const first = net.layerNorm(`${name}.norm1`, x, channels, epsilon);
  const shifted = isShifted ? roll(net, `${name}.shift`, first, grid, shift) : first;
  const positions = net.constant(
    `${name}.positions`,
    [1, heads, tokens, tokens],
    relativePositions(net.draw.vector((2 * window - 1) ** 2 * heads, 0, 0.5), heads),
  );
  const added = isShifted ? [positions, maskOf(net, `${name}.mask`, grid)] : [positions];
  const parts = partition(net, `${name}.windows`, shifted, grid);
  const options = { windows, tokens, channels, heads, added, gain: 1 };
  const whole = unite(net, `${name}.whole`, attention(net, `${name}.attn`, parts, options), grid);
  const back = isShifted ? roll(net, `${name}.unshift`, whole, grid, -shift) : whole;
  const sum = net.add(`${name}.add1`, x, back);
  const second = net.layerNorm(`${name}.norm2`, sum, channels, epsilon);
  return net.add(`${name}.add2`, sum, feedForward(net, `${name}.mlp`, second, channels, 0.5));
}

/** Rows in the order of the image -> in the order of the windows. */
function partition(net: Builder, name: string, x: string, { height, width, channels }: Grid): string {
  const [down, across] = [height / window, width / window];
  const cut = net.reshape(`${name}.cut`, x, [1, down, window, across, window * channels]);
  const turned = net.transpose(`${name}.turned`, cut, [0, 1, 3, 2, 4]);
  return net.reshape(name, turned, [height * width, channels]);
}

/** The inverse of `partition`. */
function unite(net: Builder, name: string, x: string, { height, width, channels }: Grid): string {
  const [down, across] = [height / window, width / window];
  const cut = net.reshape(`${name}.cut`, x, [1, down, across, window, window * channels]);
  const turned = net.transpose(`${name}.turned`, cut, [0, 1, 3, 2, 4]);
  return net.reshape(name, turned, [height * width, channels]);
}

/** What stands at (by, by) comes to (0, 0), and what leaves at one side returns at the other. */
function roll(net: Builder, name: string, x: string, grid: Grid, by: number): string {
  const { height, width, channels } = grid;
  const along = (part: string, value: string, axis: number, size: number) => {
    const at = by < 0 ? size + by : by;
    const front = net.slice(`${part}.front`, value, [axis], [at], [size]);
    const back = net.slice(`${part}.back`, value, [axis], [0], [at]);
    return net.concat(part, [front, back], axis);
  };
  const image = net.reshape(`${name}.image`, x, [height, width, channels]);
  const rolled = along(`${name}.columns`, along(`${name}.rows`, image, 0, height), 1, width);
  return net.reshape(name, rolled, [height * width, channels]);
}

/** 2x2 tokens become one: channels side by side, LayerNormalization, and half as many channels. */
function merge(net: Builder, name: string, x: string, { height, width, channels }: Grid): string {
  const image = net.reshape(`${name}.image`, x, [height, width, channels]);
  const corners = [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ].map((at, i) => net.slice(`${name}.corner${i}`, image, [0, 1], at, [height, width], [2, 2]));
  const joined = net.concat(`${name}.joined`, corners, 2);
  const rows = net.reshape(`${name}.rows`, joined, [(height * width) / 4, 4 * channels]);
  const normed = net.layerNorm(`${name}.norm`, rows, 4 * channels, epsilon);
  return net.linear(name, normed, 4 * channels, 2 * channels, { hasBias: false });
}

/** [169, heads] -> [1, heads, 49, 49]: two tokens of a window take the entry of their distance. */
function relativePositions(table: Float32Array, heads: number): Float32Array {
  const expanded = new Float32Array(heads * tokens * tokens);
  const side = 2 * window - 1;
  for (let head = 0, e = 0; head < heads; head++) {
    for (let a = 0; a < tokens; a++) {
      for (let b = 0; b < tokens; b++, e++) {
        const dy = Math.floor(a / window) - Math.floor(b / window) + window - 1;
        const dx = (a % window) - (b % window) + window - 1;
        expanded[e] = table[(dy * side + dx) * heads + head];
      }
    }
  }
  return expanded;
}

/** [windows, 1, 49, 49]: 0 between tokens that were neighbours before the roll, -100 between others. */
function maskOf(net: Builder, name: string, { height, width }: Grid): string {
  const [down, across] = [height / window, width / window];
  // After the roll a side has three parts: whole windows, and the last window's two, which were far apart.
  const part = (place: number, size: number) =>
    place < size - window ? 0 : place < size - shift ? 1 : 2;
  const mask = new Float32Array(down * across * tokens * tokens);
  for (let w = 0, e = 0; w < down * across; w++) {
    const partOf = (token: number) => {
      const y = Math.floor(w / across) * window + Math.floor(token / window);
      const x = (w % across) * window + (token % window);
      return 3 * part(y, height) + part(x, width);
    };
    for (let a = 0; a < tokens; a++) {
      for (let b = 0; b < tokens; b++, e++) mask[e] = partOf(a) === partOf(b) ? 0 : -100;
    }
  }
  return net.constant(name, [down * across, 1, tokens, tokens], mask);
}
