/** QuantizeLinear and DequantizeLinear as float arithmetic on whole numbers; int8 and the like only in between. */
import { dataTypes, nameIn } from "../onnx-types.ts";
import { type Rewrite, type Rewriting, rankOf, refused, type Writer, writerFor } from "./writer.ts";

const ranges: Readonly<Record<number, readonly [least: number, most: number]>> = {
  [dataTypes.uint8]: [0, 255],
  [dataTypes.int8]: [-128, 127],
  [dataTypes.uint16]: [0, 65535],
  [dataTypes.int16]: [-32768, 32767],
};

export const quantize: Readonly<Record<string, Rewrite>> = {
  /** min(max(round(x / scale) + zero, least), most) */
  QuantizeLinear(node, rewriting) {
    const [x, scale, zero] = node.inputs;
    const w = writerFor(node, rewriting);
    const given = zero ? rewriting.elementType(zero) : (node.attrs.output_dtype as number | undefined);
    const type = given || dataTypes.uint8;
    const range = ranges[type];
    if (!range) throw refused(node, `the element type ${nameIn(dataTypes, type)} is not supported`);
    const spread = broadcastOf(w, node, rewriting);
    let steps = w.add("Round", [w.add("Div", [x, spread(scale)])]);
    if (zero) steps = w.add("Add", [steps, spread(w.add("Cast", [zero], { to: 1 }))]);
    const clipped = w.add("Clip", [steps, w.scalar(range[0]), w.scalar(range[1])]);
    rewriting.quantized.set(node.outputs[0], clipped);
    return w.end(w.add("Cast", [clipped], { to: type }));
  },

  /** (x - zero) scale */
  DequantizeLinear(node, rewriting) {
    const [x, scale, zero] = node.inputs;
    const w = writerFor(node, rewriting);
    const spread = broadcastOf(w, node, rewriting);
    let values = rewriting.quantized.get(x) ?? w.add("Cast", [x], { to: 1 });
    if (zero) values = w.add("Sub", [values, spread(w.add("Cast", [zero], { to: 1 }))]);
    return w.end(w.add("Mul", [values, spread(scale)]));
  },
};

/** A vector of one value for each index of `axis`, as it broadcasts to x. */
function broadcastOf(w: Writer, node: Parameters<Rewrite>[0], rewriting: Rewriting) {
  const { axis = 1, block_size: block = 0 } = node.attrs as { axis?: number; block_size?: number };
  if (block) throw refused(node, `block_size is ${block}; blocks are not supported`);
  const [x, scale] = node.inputs;
  const isVector = rewriting.dims(scale)?.length === 1 && rewriting.dims(scale)?.[0] !== 1;
  return (vector: string): string => {
    if (!isVector) return w.reshape(vector, []);
    const rank = rankOf(node, x, rewriting);
    const behind = rank - 1 - (axis < 0 ? axis + rank : axis);
    return w.reshape(vector, [-1, ...new Array<number>(behind).fill(1)]);
  };
}
