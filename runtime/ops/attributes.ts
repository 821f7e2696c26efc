/** Reads a node's attributes against what its operator declares: names, types and ONNX's defaults. */
import { ModelError, nodeName } from "../model/errors.ts";
import type { Attr, Node } from "../model/graph.ts";
import type { Tensor } from "../model/tensor.ts";
import type { AttrSpec, AttrType } from "./operator.ts";

interface ValueOf {
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly strings: readonly string[];
  readonly tensor: Tensor;
}

/** The values of attributes declared as `S`: present where required or defaulted, else maybe undefined. */
export type AttrValues<S extends Readonly<Record<string, AttrSpec>>> = {
  readonly [K in keyof S]: S[K] extends { readonly required: true } | { readonly default: unknown }
    ? ValueOf[S[K]["type"]]
    : ValueOf[S[K]["type"]] | undefined;
};

/**
 * All declared attributes of `node`, with defaults filled in. Throws a ModelError on an attribute that is
 * not declared, of another type, or missing though required: so calling it is also the check at import.
 */
export function readAttrs<const S extends Readonly<Record<string, AttrSpec>>>(
  node: Node,
  specs: S,
): AttrValues<S> {
  const known = alreadyRead.get(node);
  if (known?.specs === specs) return known.values as AttrValues<S>;
  for (const name of Object.keys(node.attrs)) {
    if (Object.hasOwn(specs, name)) continue;
    const supported = Object.keys(specs).join(", ") || "none";
    throw new ModelError(
      `${nodeName(node)}: attribute "${name}" is not supported; supported: ${supported}`,
    );
  }
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = node.attrs[name];
    if (value === undefined) {
      if (spec.required) throw new ModelError(`${nodeName(node)}: attribute "${name}" is missing`);
      values[name] = spec.default;
    } else {
      if (!isOfType[spec.type](value)) {
        const found =
          typeof value === "object" ? "a list or tensor of another kind" : JSON.stringify(value);
        throw new ModelError(
          `${nodeName(node)}: attribute "${name}" is ${found}; expected ${spec.type}`,
        );
      }
      values[name] = value;
    }
  }
  alreadyRead.set(node, { specs, values });
  return values as AttrValues<S>;
}

/** A node is asked for them many times, and never changes. */
const alreadyRead = new WeakMap<Node, { specs: object; values: object }>();

const isOfType: Record<AttrType, (value: Attr) => boolean> = {
  int: (value) => Number.isInteger(value),
  float: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  ints: (value) => Array.isArray(value) && value.every(Number.isInteger),
  floats: (value) => Array.isArray(value) && value.every((v) => typeof v === "number"),
  strings: (value) => Array.isArray(value) && value.every((v) => typeof v === "string"),
  tensor: (value) => typeof value === "object" && "dtype" in value,
};
