/**
 * What exporters make of `x.view(x.size(0), -1)`: Shape, Gather, Unsqueeze, Concat, Reshape. The runtime has no values
 * that are computed from shapes, so such a chain is followed here, and its Reshape gets a constant shape: a size of
 * its own input stands there as 0, one size of another value as -1.
 */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { Rewriting } from "./rewrites.ts";

/** A known size, or the size of `value` along `axis`. */
type Dim = number | { readonly value: string; readonly axis: number };

/** The whole shape of a value, or some sizes: one (as a scalar or vector) or more (a vector). */
type Sizes = { readonly shapeOf: string } | { readonly dims: readonly Dim[] };

/** Takes the nodes in running order; undefined for those that only compute sizes, which are then known here. */
export function createShapeChains(rewriting: Rewriting): {
  follow(node: Node): Node | undefined;
  check(outputs: readonly string[]): void;
} {
  const known = new Map<string, Sizes>(); // by the name of the value
  const maker = new Map<string, Node>();

  return {
    follow(node) {
      if (node.op === "Reshape" && known.has(node.inputs[1])) return constantReshape(node);
      const sizes = sizesMadeBy(node);
      if (sizes) {
        known.set(node.outputs[0], sizes);
        maker.set(node.outputs[0], node);
        return undefined;
      }
      for (const name of node.inputs) refuseSizes(name, nodeName(node));
      return node;
    },

    check(outputs) {
      for (const name of outputs) refuseSizes(name, "the graph's output");
    },
  };

  function refuseSizes(name: string, reader: string): void {
    const node = maker.get(name);
    if (!node) return;
    throw new ModelError(
      `${nodeName(node)}: '${name}' is computed from a shape and read by ${reader}; only a Reshape may read such values. Export with fixed sizes`,
    );
  }

  function sizesMadeBy(node: Node): Sizes | undefined {
    const [first, second] = node.inputs;
    const source = known.get(first);
    switch (node.op) {
      case "Shape":
        return Object.keys(node.attrs).length === 0 ? { shapeOf: first } : undefined;
      case "Cast":
      case "Identity":
      case "Squeeze":
      case "Unsqueeze":
        return source;
      case "Gather": {
        const picks = integers(second);
        return source && picks && (node.attrs.axis ?? 0) === 0 ? pick(source, picks) : undefined;
      }
      case "Slice": {
        const [start, end, axis = 0, step = 1] = node.inputs.slice(1).map((name) => integers(name)?.[0]);
        if (!source || start === undefined || end === undefined || axis !== 0 || step !== 1)
          return undefined;
        if (start < 0 || end < start || end > 64) return undefined; // counted from the end: the rank is not known
        return pick(
          source,
          Array.from({ length: end - start }, (_, i) => start + i),
        );
      }
      case "Concat":
        return node.inputs.some((name) => known.has(name)) ? concat(node.inputs) : undefined;
    }
    return undefined;
  }

  function concat(inputs: readonly string[]): Sizes | undefined {
    const dims: Dim[] = [];
    for (const name of inputs) {
      const sizes = known.get(name);
      const part = sizes && "dims" in sizes ? sizes.dims : integers(name);
      if (!part) return undefined;
      dims.push(...part);
    }
    return { dims };
  }

  function constantReshape(node: Node): Node {
    const [data, shapeName] = node.inputs;
    const sizes = known.get(shapeName)!;
    const dims = "dims" in sizes ? sizes.dims : undefined;
    const shape = dims?.map((dim, place) => {
      if (typeof dim === "number") return dim;
      return dim.value === data && dim.axis === place ? 0 : -1;
    });
    // A 0 of the file itself means the same as ours, unless allowzero says otherwise.
    if (!shape || shape.filter((dim) => dim === -1).length > 1 || node.attrs.allowzero) {
      const source = nodeName(maker.get(shapeName)!);
      throw new ModelError(
        `${nodeName(node)}: its shape is computed by ${source} and is not known; export with fixed sizes`,
      );
    }
    const value = tensor([shape.length], Int32Array.from(shape), "int32");
    return { ...node, inputs: [data, rewriting.addConstant(`${node.name}.shape`, value)] };
  }

  function integers(name: string | undefined): number[] | undefined {
    const constant: Tensor | undefined = name ? rewriting.constants.get(name) : undefined;
    return constant?.dtype === "int32" && constant.shape.length < 2
      ? Array.from(constant.data)
      : undefined;
  }
}

function pick(source: Sizes, places: readonly number[]): Sizes | undefined {
  if ("shapeOf" in source) {
    if (places.some((axis) => axis < 0)) return undefined;
    return { dims: places.map((axis) => ({ value: source.shapeOf, axis })) };
  }
  const dims = places.map((place) => source.dims.at(place));
  return dims.some((dim) => dim === undefined) ? undefined : { dims: dims as Dim[] };
}
