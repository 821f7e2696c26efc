/** The TFLite operators that are read, by TFLite's names. */
import { convolutions } from "./conv.ts";
import { elementwise } from "./elementwise.ts";
import { matrices } from "./matmul.ts";
import { parts } from "./parts.ts";
import { pooling } from "./pool.ts";
import { type FileNode, fail, type TfliteReader } from "./reader.ts";
import { resizing } from "./resize.ts";
import { shapes } from "./shapes.ts";
import { transposedConvolutions } from "./transpose-conv.ts";

export type NodeReader = (node: FileNode, reader: TfliteReader) => void;

export const nodeReaders: Readonly<Record<string, NodeReader>> = {
  ...convolutions,
  ...elementwise,
  ...matrices,
  ...parts,
  ...pooling,
  ...resizing,
  ...shapes,
  ...transposedConvolutions,

  /** Constants are unpacked where they are read: float16 and sparse ones alike. */
  DENSIFY: unpack,
  DEQUANTIZE: unpack,
};

function unpack(node: FileNode, reader: TfliteReader): void {
  const constant = reader.constantOf(node.inputs[0]);
  if (constant?.dtype !== "float32") fail(node, "only constants of float16 or float32 are unpacked");
  reader.setConstant(node.outputs[0], constant);
}
