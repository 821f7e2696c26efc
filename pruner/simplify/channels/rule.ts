/**
 * What the removal of channels knows of a value and of an operator.
 *
 * The channels of a value lie along one axis. Those of several values that can only vanish together, a filter's output
 * and the same place in everything that is computed of it element by element, are one class.
 */
import type { Graph, Node } from "../../../runtime/model/graph.ts";
import type { Shape, Tensor } from "../../../runtime/model/tensor.ts";
import type { InferInput } from "../../../runtime/ops/operator.ts";

export interface Channels {
  readonly axis: number;
  readonly classes: Int32Array; // [shape[axis]]
  /** [shape[axis]]: the value of a channel that is the same everywhere and for every input, NaN for the others. */
  readonly constants: Float64Array;
}

/** The graph while its channels are followed from the inputs on. */
export interface Flow {
  readonly graph: Graph;
  shapeOf(name: string): Shape;
  channelsOf(name: string): Channels | undefined;
  dense(name: string | undefined): Tensor<"float32"> | undefined;
  inputsOf(node: Node): (InferInput | undefined)[];
  /** So many new classes. */
  fresh(count: number): Int32Array;
  /** a[i] and b[i] become one class. */
  join(a: Int32Array, b: Int32Array): void;
  /** The channels for which `isHeld` is 1, or all, must stay. */
  hold(classes: Int32Array, isHeld?: Uint8Array): void;
}

/** The graph while channels are taken out of it. */
export interface Cut {
  /** The channels of a value that stay, ascending; undefined where all do. */
  kept(name: string): Int32Array | undefined;
  channelsOf(name: string): Channels | undefined;
  shapeOf(name: string): Shape;
  constant(name: string | undefined): Tensor | undefined;
  /** Stores a constant for one node; returns its name. */
  add(base: string, value: Tensor): string;
}

export interface ChannelRule {
  /**
   * The channels of the node's first output. Undefined where they cannot be told: then all its inputs keep theirs.
   * A rule whose node reads channels without passing them on holds those that it needs.
   */
  follow(node: Node, flow: Flow): Channels | undefined;
  /** The node without the channels that go. Left out where nothing in the node names a number of channels. */
  cut?(node: Node, cut: Cut): Node | Node[];
}

/** The `kept` places of a tensor along `axis`; the tensor itself where all are kept. */
export function take<T extends Tensor>(tensor: T, axis: number, kept: ArrayLike<number> | undefined): T {
  if (!kept) return tensor;
  const { shape, data } = tensor;
  const size = shape[axis];
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = data.length / (size * inner);
  const taken = data.slice(0, outer * kept.length * inner);
  for (let o = 0, to = 0; o < outer; o++) {
    for (let i = 0; i < kept.length; i++, to += inner) {
      const from = (o * size + kept[i]) * inner;
      taken.set(data.subarray(from, from + inner), to);
    }
  }
  return { ...tensor, shape: shape.map((dim, at) => (at === axis ? kept.length : dim)), data: taken };
}
