/** Blocks of channels made pixels and back, and ConvTranspose as a Conv whose channels become pixels. */
import type { Node } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { readAttrs } from "../../../runtime/ops/attributes.ts";
import type { AttrSpec } from "../../../runtime/ops/operator.ts";
import { volumeConv, volumeDims } from "./three-dimensions.ts";
import { type Rewrite, type Rewriting, rankOf, refused, type Size, writerFor } from "./writer.ts";

const convTransposeAttrs = {
  auto_pad: { type: "string", default: "NOTSET" },
  dilations: { type: "ints" },
  group: { type: "int", default: 1 },
  kernel_shape: { type: "ints" },
  output_padding: { type: "ints" },
  output_shape: { type: "ints" },
  pads: { type: "ints" },
  strides: { type: "ints" },
} as const satisfies Record<string, AttrSpec>;

export const space: Readonly<Record<string, Rewrite>> = {
  DepthToSpace(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const b = Number(node.attrs.blocksize);
    const isBlocksFirst = (node.attrs.mode ?? "DCR") === "DCR";
    const c: Size = { axis: 1, over: b * b };
    const [n, h, width]: Size[] = [0, 2, 3].map((axis) => ({ axis }));
    const parts = w.reshape(x, isBlocksFirst ? [n, b, b, c, h, width] : [n, c, b, b, h, width]);
    const turned = w.transpose(parts, isBlocksFirst ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
    return w.end(mergePairs(w, turned, rewriting.dims(x), b));
  },

  SpaceToDepth(node, rewriting) {
    const w = writerFor(node, rewriting);
    const [x] = node.inputs;
    const b = Number(node.attrs.blocksize);
    const [n, c]: Size[] = [0, 1].map((axis) => ({ axis }));
    const [h, width]: Size[] = [2, 3].map((axis) => ({ axis, over: b }));
    const turned = w.transpose(w.reshape(x, [n, c, h, b, width, b]), [0, 3, 5, 1, 2, 4]);
    return w.end(w.reshape(turned, [n, { axis: 3, times: b * b }, { axis: 4 }, { axis: 5 }]));
  },

  /**
   * Output o = i * stride + k - pad is phase (o + pad) mod stride of pixel i + …: with stride s, a Conv with s results
   * for each channel and axis, whose kernel holds every s-th tap backwards, then the phases as pixels, then the pads
   * cut off. Weight [C, M / group, ...taps].
   */
  ConvTranspose(node, rewriting) {
    const values = readAttrs(node, convTransposeAttrs);
    const [x, weightName, bias] = node.inputs;
    const weight = rewriting.constant(weightName);
    if (!weight)
      throw refused(node, `the weight '${weightName}' is computed while running; it must be a constant`);
    const axes = rankOf(node, x, rewriting) - 2;
    if (axes < 1 || axes > 3 || weight.shape.length !== axes + 2)
      throw refused(
        node,
        `the weight is [${weight.shape}]; expected [C, M, ((kD,) kH,) kW] as the input has`,
      );
    const geometry = Array.from({ length: axes }, (_, axis) => axisOf(node, values, rewriting, axis));
    const [inC, groupM, ...kernel] = weight.shape;
    const { group } = values;
    const groupC = inC / group;

    // The weight as Conv has it: [M * phases, C / group, ...taps], every phase a channel of its own.
    const strides = geometry.map(({ stride }) => stride);
    const taps = geometry.map(({ taps }) => taps);
    const phases = strides.reduce((a, b) => a * b, 1);
    const tapCount = taps.reduce((a, b) => a * b, 1);
    const kernelCount = kernel.reduce((a, b) => a * b, 1);
    const data = new Float32Array(group * groupM * phases * groupC * tapCount);
    for (let c = 0; c < inC; c++) {
      const g = Math.floor(c / groupC);
      for (let m = 0; m < groupM; m++) {
        for (let k = 0; k < kernelCount; k++) {
          let [phase, tap] = [0, 0];
          for (let axis = 0, rest = k; axis < axes; axis++) {
            const behind = kernel.slice(axis + 1).reduce((a, b) => a * b, 1);
            const reach = Math.floor(rest / behind) * geometry[axis].dilation;
            rest %= behind;
            phase = phase * strides[axis] + (reach % strides[axis]);
            tap = tap * taps[axis] + taps[axis] - 1 - Math.floor(reach / strides[axis]);
          }
          const channel = (g * groupM + m) * phases + phase;
          data[(channel * groupC + (c % groupC)) * tapCount + tap] =
            weight.data[(c * groupM + m) * kernelCount + k];
        }
      }
    }
    const w = writerFor(node, rewriting);
    const convWeight = rewriting.addConstant(
      `${weightName}.phases`,
      tensor([group * groupM * phases, groupC, ...taps], data),
    );
    const border = taps.map((count) => count - 1);
    const inputs = [x, convWeight];
    const shift = bias ? rewriting.constant(bias) : undefined;
    if (bias && !shift) throw refused(node, `the bias '${bias}' is computed while running`);
    if (shift) {
      const each = Float32Array.from({ length: group * groupM * phases }, (_, i) => {
        return shift.data[Math.floor(i / phases)];
      });
      inputs.push(rewriting.addConstant(`${bias}.phases`, tensor([each.length], each)));
    }
    const attrs = { pads: [...border, ...border], group };
    const shape = [group * groupM * phases, groupC, ...taps];
    const conv =
      axes === 3
        ? volumeConv(w, node, inputs, volumeDims(node, rewriting), shape, attrs)
        : w.add("Conv", inputs, attrs);

    const M = group * groupM;
    const dims = rewriting.dims(x)!;
    const outer = geometry.map(({ taps }, axis) => {
      const size = dims[axis + 2];
      return size === undefined ? undefined : size + taps - 1;
    });
    let pixels = conv;
    if (phases > 1) {
      const sizes: Size[] = outer.map((size, axis) => size ?? { axis: axis + 2 });
      const parts = w.reshape(conv, [{ axis: 0 }, M, ...strides, ...sizes]);
      const turned = w.transpose(parts, [
        0,
        1,
        ...strides.flatMap((_, axis) => [2 + axes + axis, 2 + axis]),
      ]);
      const whole = outer.map((size, axis): Size => {
        const times = strides[axis];
        return size === undefined ? { axis: 2 + 2 * axis, times } : size * times;
      });
      pixels = w.reshape(turned, [{ axis: 0 }, M, ...whole]);
    }
    if (geometry.some(({ first, last }) => first > 0 || last < 0)) {
      const ends = geometry.map(({ last }) => (last === 0 ? 2 ** 31 - 1 : last));
      const starts = geometry.map(({ first }) => first);
      const cut = geometry.map((_, axis) => axis + 2);
      pixels = w.add("Slice", [pixels, w.ints(starts), w.ints(ends), w.ints(cut)]);
    }
    return w.end(pixels);
  },
};

/** [n, c, h, b, w, b] -> [n, c, h b, w b]. */
function mergePairs(
  w: ReturnType<typeof writerFor>,
  x: string,
  dims: readonly (number | undefined)[] | undefined,
  b: number,
): string {
  const [, c, h, width] = dims ?? [];
  const target: Size[] = [
    { axis: 0 },
    c === undefined ? { axis: 1 } : c / (b * b),
    h === undefined ? { axis: 2, times: b } : h * b,
    width === undefined ? { axis: 4, times: b } : width * b,
  ];
  return w.reshape(x, target);
}

interface TransposedAxis {
  readonly stride: number;
  readonly dilation: number;
  readonly taps: number; // of the Conv
  readonly first: number; // of what the phases make: where the result begins
  readonly last: number; // and ends, counted from the end: 0 or less
}

function axisOf(
  node: Node,
  values: ReturnType<typeof readAttrs<typeof convTransposeAttrs>>,
  rewriting: Rewriting,
  axis: number,
): TransposedAxis {
  const [x, weight] = node.inputs;
  const axes = rankOf(node, x, rewriting) - 2;
  const stride = values.strides?.[axis] ?? 1;
  const dilation = values.dilations?.[axis] ?? 1;
  const more = values.output_padding?.[axis] ?? 0;
  const reach = ((rewriting.dims(weight)![axis + 2] as number) - 1) * dilation + 1;
  let begin = values.pads?.[axis] ?? 0;
  let end = values.pads?.[axis + axes] ?? 0;
  const wanted = values.output_shape?.[axis - axes + (values.output_shape.length ?? 0)];
  const size = rewriting.dims(x)![axis + 2];
  if (wanted !== undefined || values.auto_pad.startsWith("SAME")) {
    if (wanted !== undefined && size === undefined)
      throw refused(node, `output_shape is given, but the sizes of '${x}' are not known`);
    const made = wanted === undefined ? 0 : wanted - (size as number) * stride; // beyond size * stride
    const total = Math.max(0, reach + more - stride - made);
    const less = Math.floor(total / 2);
    begin = values.auto_pad === "SAME_UPPER" ? less : total - less;
    end = total - begin;
  } else if (values.auto_pad === "VALID") begin = end = 0;
  const taps = Math.max(1, Math.ceil((reach + Math.max(0, more - end)) / stride));
  return { stride, dilation, taps, first: begin, last: reach + more - end - stride * taps };
}
