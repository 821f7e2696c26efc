/**
 * What is known of values before the model runs: dtypes, ranks, sizes, and the values that depend on constants and
 * known sizes alone. Sizes that are open stand for two numbers each: what comes out alike for both is known.
 */
import type { Graph, Node, StaticValue } from "../../runtime/model/graph.ts";
import { type DType, sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import { readAttrs } from "../../runtime/ops/attributes.ts";
import { operatorOf } from "../../runtime/ops/index.ts";
import { inferInputs } from "../../runtime/plan.ts";

export interface Knowledge {
  dtype(value: string): DType | undefined;
  /** The sizes of a value, undefined where they are open; undefined as a whole where the rank is not known. */
  dims(value: string): readonly (number | undefined)[] | undefined;
  /** The value of a constant, or of what depends on nothing else. */
  constant(value: string): Tensor | undefined;
  /** Takes in a node of the runtime's operators. True where all its results are known: it need not run. */
  learn(node: Node): boolean;
  /** A constant shape that gives a Reshape what its computed one gives, if there is one. */
  reshapeTarget(node: Node): number[] | undefined;
}

/** One choice of the open sizes. */
interface World {
  readonly values: Map<string, StaticValue>;
  readonly constants: Map<string, Tensor>;
}

// Multiples of 64: sizes are halved and added again.
const [firstSizes, otherSizes] = [
  [2, 3],
  [256, 320],
];
const mostElements = 2 ** 27;

export function createKnowledge(
  inputs: Graph["inputs"],
  constants: ReadonlyMap<string, Tensor>,
): Knowledge {
  const isOpen = inputs.some(({ shape }) => shape.some((dim) => typeof dim === "string"));
  const first = new Set(inputs.map(({ shape }) => shape[0]));
  const worlds = (isOpen ? [0, 1] : [0]).map((which): World => {
    const sizeFor = (dim: number | string) =>
      typeof dim === "number" ? dim : (first.has(dim) ? firstSizes : otherSizes)[which];
    const values = inputs.map(({ name, dtype, shape }): [string, StaticValue] => [
      name,
      { dtype, shape: shape.map(sizeFor) },
    ]);
    return { values: new Map(values), constants: new Map() };
  });
  const valueIn = (world: World, name: string) => world.constants.get(name) ?? constants.get(name);
  const staticIn = (world: World, name: string) => world.values.get(name) ?? valueIn(world, name);
  /** What all worlds agree upon. */
  const agreed = <T>(of: (world: World) => T | undefined, same = Object.is): T | undefined => {
    const [one, ...others] = worlds.map(of);
    return others.every((other) => same(one, other)) ? one : undefined;
  };

  return {
    dtype: (value) => agreed((world) => staticIn(world, value)?.dtype),
    dims(value) {
      const rank = agreed((world) => staticIn(world, value)?.shape.length);
      if (rank === undefined) return undefined;
      return Array.from({ length: rank }, (_, axis) =>
        agreed((world) => staticIn(world, value)!.shape[axis]),
      );
    },
    constant: (value) => constants.get(value) ?? agreed((world) => valueIn(world, value), sameTensor),
    learn(node) {
      for (const world of worlds) infer(node, world, (name) => valueIn(world, name));
      return node.outputs.every(
        (name) => name === "" || agreed((world) => world.constants.get(name), sameTensor),
      );
    },
    reshapeTarget({ inputs: [data, shape], attrs }) {
      if (attrs.allowzero) return undefined;
      const targets = worlds.map((world) => valueIn(world, shape)?.data);
      const sources = worlds.map((world) => staticIn(world, data)?.shape);
      if (targets.includes(undefined) || sources.includes(undefined)) return undefined;
      if (new Set(targets.map((target) => target!.length)).size !== 1) return undefined;
      const sizes = Array.from(targets[0]!, (size, place) => {
        if (targets.every((target) => target![place] === size)) return size;
        return targets.every((target, i) => target![place] === sources[i]![place]) ? 0 : -1;
      });
      return sizes.filter((size) => size === -1).length > 1 ? undefined : sizes;
    },
  };
}

/** Leaves out what cannot be inferred: the plan says later why. */
function infer(node: Node, world: World, constantOf: (name: string) => Tensor | undefined): void {
  const operator = operatorOf(node.op);
  if (!operator) return;
  try {
    const known = new Map<string, Tensor>();
    const values = new Map<string, StaticValue>();
    for (const name of node.inputs) {
      const constant = constantOf(name);
      if (constant) known.set(name, constant);
      const value = world.values.get(name) ?? constant;
      if (value) values.set(name, value);
    }
    const inputs = inferInputs(node, { constants: known }, values);
    readAttrs(node, operator.attrs);
    const results = operator.infer(node, inputs);
    const isKnown = inputs.length > 0 && inputs.every((input) => !input || input.value);
    const size = results.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const folds = (isKnown || node.op === "Shape") && size <= mostElements;
    const read = inputs.map((input) => input?.value ?? (input as Tensor | undefined));
    const made = folds ? operator.reference(node, read, results) : undefined;
    node.outputs.forEach((name, i) => {
      if (name === "" || !results[i]) return;
      world.values.set(name, results[i]);
      if (made) world.constants.set(name, made[i]);
    });
  } catch (error) {
    if ((error as Error).name !== "ModelError") throw error;
  }
}

function sameTensor(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (!a || !b) return a === b;
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  return (a.data as Float32Array).every((value, i) => Object.is(value, b.data[i]));
}
