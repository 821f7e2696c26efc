/** How operators of a file are written as the runtime's own. */
import { einsum } from "./einsum.ts";
import { elementwise } from "./elementwise.ts";
import { normalization } from "./normalization.ts";
import { oneDimension } from "./one-dimension.ts";
import { opsets } from "./opsets.ts";
import { quantize } from "./quantize.ts";
import { reduce } from "./reductions.ts";
import { resize } from "./resize.ts";
import { space } from "./space.ts";
import { volumes } from "./three-dimensions.ts";
import type { Rewrite } from "./writer.ts";

const rewrites: Readonly<Record<string, Rewrite>> = {
  ...elementwise,
  ...reduce,
  ...normalization,
  ...space,
  ...quantize,
  ...einsum,
  ...mapped(oneDimension, volumes),
  ...resize,
};

function mapped(
  rewrites: Readonly<Record<string, Rewrite>>,
  by: (rewrite: Rewrite) => Rewrite,
): Record<string, Rewrite> {
  return Object.fromEntries(Object.entries(rewrites).map(([op, rewrite]) => [op, by(rewrite)]));
}

/** First to the form of opset 17, then to operators that the runtime has. */
export const rewrite: Rewrite = (node, rewriting) => {
  const modern = Object.hasOwn(opsets, node.op) ? opsets[node.op](node, rewriting) : node;
  if (!("op" in modern)) return modern;
  return Object.hasOwn(rewrites, modern.op) ? rewrites[modern.op](modern, rewriting) : modern;
};

/** Operators that are only rewritten. */
export const rewritten = [...Object.keys(opsets), ...Object.keys(rewrites)];

/** Forms of operators of the runtime that are rewritten, though others run as they are. */
export const rewrittenForms: Readonly<Record<string, string>> = {
  "Conv, ConvTranspose, MaxPool, AveragePool": "of volumes [N, C, D, H, W] and of rows [N, C, W]",
  LayerNormalization: "whose mean or deviation is read",
  Resize: "cubic, antialiased, cropped, or with the aspect ratio kept",
};
