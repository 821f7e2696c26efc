/** The operators that can be written as TFLite. */

import type { Node } from "../../../runtime/model/graph.ts";
import { Conv } from "./conv.ts";
import { elementwise } from "./elementwise.ts";
import type { Emitter } from "./emitter.ts";
import { Gemm, MatMul } from "./matmul.ts";
import { normalization } from "./normalization.ts";
import { pooling } from "./pool.ts";
import { Resize } from "./resize.ts";
import { shapes } from "./shapes.ts";

export type NodeWriter = (node: Node, emitter: Emitter) => void;

export const nodeWriters: Readonly<Record<string, NodeWriter>> = {
  Conv,
  Gemm,
  MatMul,
  Resize,
  ...elementwise,
  ...normalization,
  ...pooling,
  ...shapes,
};
