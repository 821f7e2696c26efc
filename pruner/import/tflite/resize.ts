/** RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR as Resize, DEPTH_TO_SPACE as a walk of its values. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { constantInts, type FileNode, fail, optionsOf, type TfliteReader } from "./reader.ts";

export const resizing = {
  RESIZE_BILINEAR(node: FileNode, reader: TfliteReader): void {
    const { alignCorners, halfPixelCenters } = optionsOf(node, "ResizeBilinearOptions");
    const mode = alignCorners ? "align_corners" : halfPixelCenters ? "half_pixel" : "asymmetric";
    resize(node, reader, { mode: "linear", coordinate_transformation_mode: mode });
  },

  RESIZE_NEAREST_NEIGHBOR(node: FileNode, reader: TfliteReader): void {
    const { alignCorners, halfPixelCenters } = optionsOf(node, "ResizeNearestNeighborOptions");
    const [, height, width] = reader.shapeOf(node.inputs[0]);
    const [toHeight, toWidth] = constantInts(reader, node, 1, "the size");
    // By a whole factor, the centre of a new pixel lies in the same old pixel as its corner.
    if (alignCorners || (halfPixelCenters && (toHeight % height || toWidth % width))) {
      fail(node, "only by a whole factor, or by corners that are not aligned");
    }
    const coordinates = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
    resize(node, reader, { mode: "nearest", ...coordinates });
  },

  /** Channel (i block + j) C + c of a pixel becomes channel c of pixel (i, j) of its block. */
  DEPTH_TO_SPACE(node: FileNode, reader: TfliteReader): void {
    const { blockSize: b } = optionsOf(node, "DepthToSpaceOptions");
    const [n, h, w, inC] = reader.shapeOf(node.inputs[0]);
    const outC = inC / b ** 2;
    if (b < 1 || !Number.isInteger(outC)) fail(node, `blocks of ${b} do not fit ${inC} channels`);
    const ints = (base: string, list: readonly number[]) =>
      reader.addConstant(`${node.name}/${base}`, tensor([list.length], Int32Array.from(list), "int32"));
    const x = reader.valueOf(node.inputs[0], "image");
    const split = [x, ints("blocks", [n, b, b, outC, h, w])];
    const blocks = reader.add("Reshape", split, {}, `${node.name}/split`);
    const perm = [0, 3, 4, 1, 5, 2]; // [n, outC, h, i, w, j]
    const spread = reader.add("Transpose", [blocks], { perm }, `${node.name}/spread`);
    const shape = ints("shape", [n, outC, h * b, w * b]);
    reader.make(node, "image", "Reshape", [spread, shape]);
  },

  /** Channel c of pixel (i, j) of a block becomes channel (i block + j) C + c. */
  SPACE_TO_DEPTH(node: FileNode, reader: TfliteReader): void {
    const { blockSize: b } = optionsOf(node, "SpaceToDepthOptions");
    const [n, h, w, inC] = reader.shapeOf(node.inputs[0]);
    if (b < 1 || h % b || w % b) fail(node, `blocks of ${b} do not fit ${h}x${w} pixels`);
    const ints = (base: string, list: readonly number[]) =>
      reader.addConstant(`${node.name}/${base}`, tensor([list.length], Int32Array.from(list), "int32"));
    const split = [
      reader.valueOf(node.inputs[0], "image"),
      ints("blocks", [n, inC, h / b, b, w / b, b]),
    ];
    const blocks = reader.add("Reshape", split, {}, `${node.name}/split`);
    const perm = [0, 3, 5, 1, 2, 4]; // [n, i, j, inC, h, w]
    const gathered = reader.add("Transpose", [blocks], { perm }, `${node.name}/gathered`);
    const shape = ints("shape", [n, inC * b * b, h / b, w / b]);
    reader.make(node, "image", "Reshape", [gathered, shape]);
  },
};

function resize(node: FileNode, reader: TfliteReader, attrs: Readonly<Record<string, string>>): void {
  const [n, , , channels] = reader.shapeOf(node.inputs[0]);
  const size = constantInts(reader, node, 1, "the size");
  const sizes = tensor([4], Int32Array.of(n, channels, ...size), "int32");
  const x = reader.valueOf(node.inputs[0], "image");
  reader.make(
    node,
    "image",
    "Resize",
    [x, "", "", reader.addConstant(`${node.name}/sizes`, sizes)],
    attrs,
  );
}
