/** Operators that take tensors apart and put them together, each part a Slice. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { constantInts, type FileNode, fail, optionsOf, placeOf, type TfliteReader } from "./reader.ts";

export const parts = {
  /** Inputs: the axis, x. */
  SPLIT(node: FileNode, reader: TfliteReader): void {
    const [, x] = node.inputs;
    const axis = axisOf(node, reader, 0, x);
    const size = reader.shapeOf(x)[axis] / node.outputs.length;
    if (!Number.isInteger(size)) fail(node, `axis ${axis} has no ${node.outputs.length} equal parts`);
    split(
      node,
      reader,
      x,
      axis,
      node.outputs.map(() => size),
    );
  },

  /** Inputs: x, the sizes, one of which may be -1, the axis. */
  SPLIT_V(node: FileNode, reader: TfliteReader): void {
    const [x] = node.inputs;
    const axis = axisOf(node, reader, 2, x);
    const given = constantInts(reader, node, 1, "the sizes");
    const known = given.reduce((sum, size) => sum + Math.max(size, 0), 0);
    const sizes = given.map((size) => (size < 0 ? reader.shapeOf(x)[axis] - known : size));
    if (sizes.length !== node.outputs.length)
      fail(node, `[${sizes}] are not the sizes of ${node.outputs.length} outputs`);
    split(node, reader, x, axis, sizes);
  },

  UNPACK(node: FileNode, reader: TfliteReader): void {
    const [x] = node.inputs;
    const rank = reader.shapeOf(x).length;
    const { axis } = optionsOf(node, "UnpackOptions");
    const value = reader.valueOf(x, "plain");
    node.outputs.forEach((place, i) => {
      const range = [[i], [i + 1], [axis < 0 ? axis + rank : axis], [1]];
      const inputs = [value, ...range.map((list) => ints(reader, `${node.name}/range`, list))];
      const slice = reader.add("Slice", inputs, {}, `${node.name}/part`);
      const shape = ints(reader, `${node.name}/shape`, reader.shapeOf(place));
      const made = reader.add("Reshape", [slice, shape], {}, reader.nameOf(place));
      reader.define(place, "plain", made);
    });
  },

  PACK(node: FileNode, reader: TfliteReader): void {
    const { axis } = optionsOf(node, "PackOptions");
    const shape = reader.shapeOf(node.outputs[0]);
    const place = axis < 0 ? axis + shape.length : axis;
    const one = ints(
      reader,
      `${node.name}/shape`,
      shape.map((size, i) => (i === place ? 1 : size)),
    );
    const inputs = node.inputs.map((input) => {
      return reader.add("Reshape", [reader.valueOf(input, "plain"), one], {}, `${node.name}/part`);
    });
    reader.make(node, "plain", "Concat", inputs, { axis: place });
  },

  GATHER(node: FileNode, reader: TfliteReader): void {
    const { axis, batchDims } = optionsOf(node, "GatherOptions");
    if (batchDims) fail(node, `batch_dims is ${batchDims}; supported: 0`);
    const inputs = node.inputs.map((input) => reader.valueOf(input, "plain"));
    reader.make(node, "plain", "Gather", inputs, { axis });
  },

  TILE(node: FileNode, reader: TfliteReader): void {
    const times = ints(reader, `${node.name}/times`, constantInts(reader, node, 1, "the repeats"));
    reader.make(node, "plain", "Tile", [reader.valueOf(node.inputs[0], "plain"), times]);
  },
};

function split(
  node: FileNode,
  reader: TfliteReader,
  x: number,
  axis: number,
  sizes: readonly number[],
): void {
  const layout = reader.layoutOf(x);
  const value = reader.valueOf(x, layout);
  let first = 0;
  sizes.forEach((size, i) => {
    const range = [[first], [first + size], [placeOf(axis, layout)], [1]];
    const inputs = [value, ...range.map((list) => ints(reader, `${node.name}/range`, list))];
    const place = node.outputs[i];
    reader.define(place, layout, reader.add("Slice", inputs, {}, reader.nameOf(place)));
    first += size;
  });
}

function axisOf(node: FileNode, reader: TfliteReader, index: number, x: number): number {
  const [axis = 0] = constantInts(reader, node, index, "the axis");
  const rank = reader.shapeOf(x).length;
  const normal = axis < 0 ? axis + rank : axis;
  if (!(normal >= 0 && normal < rank)) fail(node, `the axis ${axis} does not fit ${rank} dimensions`);
  return normal;
}

function ints(reader: TfliteReader, base: string, list: readonly number[]): string {
  return reader.addConstant(base, tensor([list.length], Int32Array.from(list), "int32"));
}
