/** How operators of a file are written as the runtime's own. */
import { einsum } from "./einsum.ts";
import { elementwise } from "./elementwise.ts";
import { normalization } from "./normalization.ts";
import { oneDimension } from "./one-dimension.ts";
import { opsets } from "./opsets.ts";
import { quantize } from "./quantize.ts";
import { reduce } from "./reductions.ts";
import { space } from "./space.ts";
import type { Rewrite } from "./writer.ts";

const rewrites: Readonly<Record<string, Rewrite>> = {
  ...elementwise,
  ...reduce,
  ...normalization,
  ...space,
  ...quantize,
  ...einsum,
  ...oneDimension,
};

/** First to the form of opset 17, then to operators that the runtime has. */
export const rewrite: Rewrite = (node, rewriting) => {
  const modern = Object.hasOwn(opsets, node.op) ? opsets[node.op](node, rewriting) : node;
  if (!("op" in modern)) return modern;
  return Object.hasOwn(rewrites, modern.op) ? rewrites[modern.op](modern, rewriting) : modern;
};

/** Operators that are only rewritten. */
export const rewritten = [...Object.keys(opsets), ...Object.keys(rewrites)];
