/** The plan of a graph: every shape, every lifetime, and places in one arena. Pure and backend-neutral. */
import { ModelError, nodeName } from "./model/errors.ts";
import { type Graph, isSparse, type Node, type StaticValue, type ValueInfo } from "./model/graph.ts";
import { bytesPerElement, type Shape, sizeOf, type Tensor } from "./model/tensor.ts";
import { readAttrs } from "./ops/attributes.ts";
import { operatorOf, operators } from "./ops/index.ts";
import type { InferInput } from "./ops/operator.ts";

/** The steps (indices of nodes) between which a value must be kept: [made, last read], both inclusive. */
export type Lifetime = readonly [first: number, last: number];

export interface ExecutionPlan {
  readonly graph: Graph; // its inputs' and outputs' sizes are all numbers; what constants alone decide is constant
  readonly values: ReadonlyMap<string, StaticValue>; // every value: inputs, constants, results of nodes
  readonly lifetimes: ReadonlyMap<string, Lifetime>; // of inputs and results of nodes; graph outputs live to the end
}

export interface PlanOptions {
  /** Sizes of inputs whose graph leaves them open, by input name; a lone "batch" size defaults to 1. */
  readonly shapes?: Readonly<Record<string, Shape>>;
}

/** The most bytes that may be alive at one step: what a 32-bit memory can hold. */
export const maxLiveBytes = 2 ** 31;

/** Checks every node against its operator, infers all shapes, and computes what depends on constants alone. Throws a ModelError naming the node. */
export function plan(graph: Graph, options: PlanOptions = {}): ExecutionPlan {
  const inputs = closeInputs(graph.inputs, options.shapes ?? {});
  const values = new Map<string, StaticValue>();
  const define = (name: string, value: StaticValue, maker: string) => {
    if (name === "") throw new ModelError(`${maker}: a value has no name`);
    if (values.has(name))
      throw new ModelError(`${maker}: the value '${name}' is there already; names are unique`);
    sizeOf(value.shape, `${maker}: '${name}'`);
    values.set(name, { dtype: value.dtype, shape: value.shape });
  };
  for (const [name, { dtype, shape }] of inputs) define(name, { dtype, shape }, "graph inputs");
  for (const [name, constant] of graph.constants) {
    if (isSparse(constant)) {
      define(name, { dtype: "float32", shape: constant.shape }, "constants");
      continue;
    }
    define(name, constant, "constants");
    if (constant.data.length !== sizeOf(constant.shape)) {
      throw new ModelError(
        `constant '${name}' of shape [${constant.shape}] holds ${constant.data.length} values`,
      );
    }
  }
  const nodeNames = new Set<string>();
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.filter((node) => {
    if (nodeNames.has(node.name)) throw new ModelError(`${nodeName(node)}: two nodes have this name`);
    nodeNames.add(node.name);
    const known = inferInputs(node, { constants }, values);
    const results = inferNode(node, known);
    const folded = fold(node, known, results);
    node.outputs.forEach((name, i) => {
      if (name === "") return;
      define(name, results[i], nodeName(node));
      if (folded) constants.set(name, folded[i]);
    });
    return !folded;
  });
  const folded = { ...graph, nodes, constants };
  const outputs = graph.outputs.map(({ name }) => {
    const value = values.get(name);
    if (!value) throw new ModelError(`graph output '${name}' is made by no node`);
    return { name, ...value };
  });
  const lifetimes = lifetimesOf(folded);
  checkLiveBytes(folded, values, lifetimes);
  return { graph: { ...folded, inputs: [...inputs.values()], outputs }, values, lifetimes };
}

/** Places in one arena, aligned to `align` bytes, reusing the bytes of values whose lifetimes do not overlap. */
export function layoutArena(
  values: readonly { readonly bytes: number; readonly lifetime: Lifetime }[],
  align = 64,
): { offsets: number[]; bytes: number } {
  // Largest first, each into the smallest gap that holds it (Pisarchyk and Lee, 2020, "greedy by size").
  const order = values.map((_, i) => i).sort((a, b) => values[b].bytes - values[a].bytes || a - b);
  const offsets = new Array<number>(values.length).fill(0);
  const placed: number[] = []; // ascending in offset
  let bytes = 0;
  for (const i of order) {
    const { bytes: needed, lifetime } = values[i];
    let best = -1;
    let bestGap = Infinity;
    let end = 0; // of the overlapping values so far
    for (const j of placed) {
      const other = values[j].lifetime;
      if (other[0] > lifetime[1] || lifetime[0] > other[1]) continue;
      const start = Math.ceil(end / align) * align;
      const gap = offsets[j] - start;
      if (gap >= needed && gap < bestGap) [best, bestGap] = [start, gap];
      end = Math.max(end, offsets[j] + values[j].bytes);
    }
    offsets[i] = best >= 0 ? best : Math.ceil(end / align) * align;
    bytes = Math.max(bytes, offsets[i] + needed);
    const at = placed.findIndex((j) => offsets[j] > offsets[i]);
    placed.splice(at < 0 ? placed.length : at, 0, i);
  }
  return { offsets, bytes: Math.ceil(bytes / align) * align };
}

/** What `InferInput` says of input values: their dtype, shape, and the value of a dense constant. */
export function inferInputs(
  node: Node,
  { constants }: Pick<Graph, "constants">,
  values: ReadonlyMap<string, StaticValue>,
): (InferInput | undefined)[] {
  return node.inputs.map((name) => {
    if (name === "") return undefined;
    const value = values.get(name);
    if (!value) {
      throw new ModelError(`${nodeName(node)}: reads '${name}', which nothing before it makes`);
    }
    const constant = constants.get(name);
    return constant && !isSparse(constant) ? { ...value, value: constant } : value;
  });
}

/** The most values that are computed of constants beforehand. */
const maxFolded = 2 ** 27;

/** What a node of constants, or of known shapes, makes. */
function fold(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
  results: readonly StaticValue[],
): Tensor[] | undefined {
  const isKnown = node.op === "Shape" || (inputs.length > 0 && inputs.every((x) => !x || x.value));
  if (!isKnown) return undefined;
  const size = results.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (size > maxFolded)
    throw new ModelError(`${nodeName(node)}: makes ${size} values of constants; at most ${maxFolded}`);
  const read = inputs.map((x) => x?.value ?? (x as Tensor | undefined)); // a Shape looks at the shape alone
  return operatorOf(node.op)!.reference(node, read, results);
}

function inferNode(node: Node, inputs: readonly (InferInput | undefined)[]): StaticValue[] {
  const operator = operatorOf(node.op);
  if (!operator) {
    const known = Object.keys(operators).join(", ");
    throw new ModelError(`${nodeName(node)}: the operator is not supported; supported: ${known}`);
  }
  const [min, max] = operator.inputs;
  if (node.inputs.length < min || node.inputs.length > max) {
    const expected = min === max ? min : `${min} to ${max === Infinity ? "any number" : max}`;
    throw new ModelError(`${nodeName(node)}: has ${node.inputs.length} inputs; expected ${expected}`);
  }
  readAttrs(node, operator.attrs);
  const results = operator.infer(node, inputs);
  const made = node.outputs.filter((name) => name !== "").length;
  if (node.outputs.length === 0 || node.outputs[0] === "") {
    throw new ModelError(`${nodeName(node)}: its result has no name`);
  }
  if (made > results.length) {
    throw new ModelError(`${nodeName(node)}: has ${made} outputs; supported: ${results.length}`);
  }
  return results;
}

type ClosedInput = ValueInfo & { readonly shape: Shape };

/** The inputs with all sizes known. A size's name means the same size wherever it stands. */
function closeInputs(
  inputs: readonly ValueInfo[],
  shapes: Readonly<Record<string, Shape>>,
): Map<string, ClosedInput> {
  const sizes = new Map<string, number>(); // by the name of the size
  for (const name of Object.keys(shapes)) {
    const info = inputs.find((candidate) => candidate.name === name);
    if (!info) {
      const known = inputs.map((candidate) => `'${candidate.name}'`).join(", ");
      throw new ModelError(`a shape is given for '${name}', which is no input; the inputs are ${known}`);
    }
    const asked = shapes[name];
    const fits = (dim: number | string, axis: number) => {
      if (typeof dim === "number") return dim === asked[axis];
      const known = sizes.get(dim) ?? asked[axis];
      sizes.set(dim, known);
      return known === asked[axis];
    };
    if (asked.length !== info.shape.length || !info.shape.every(fits)) {
      throw new ModelError(
        `input '${name}': the shape [${asked}] was asked for; expected [${info.shape}]`,
      );
    }
  }
  const closed = inputs.map((info): [string, ClosedInput] => {
    const shape = info.shape.map((dim, axis) => {
      if (typeof dim === "number") return dim;
      const size = sizes.get(dim) ?? (axis === 0 ? 1 : undefined);
      if (size === undefined) {
        throw new ModelError(
          `input '${info.name}': the size "${dim}" of [${info.shape}] is open; give the shape of this input`,
        );
      }
      return size;
    });
    return [info.name, { ...info, shape }];
  });
  if (new Set(closed.map(([name]) => name)).size !== closed.length) {
    throw new ModelError("graph inputs: two inputs have one name");
  }
  return new Map(closed);
}

function lifetimesOf(graph: Graph): Map<string, Lifetime> {
  const end = Math.max(0, graph.nodes.length - 1);
  const lifetimes = new Map<string, Lifetime>();
  for (const { name } of graph.inputs) lifetimes.set(name, [0, 0]);
  graph.nodes.forEach((node, step) => {
    for (const name of node.inputs) {
      const lifetime = lifetimes.get(name);
      if (lifetime) lifetimes.set(name, [lifetime[0], step]);
    }
    for (const name of node.outputs) if (name !== "") lifetimes.set(name, [step, step]);
  });
  for (const { name } of graph.outputs) {
    const lifetime = lifetimes.get(name);
    if (lifetime) lifetimes.set(name, [lifetime[0], end]);
  }
  return lifetimes;
}

function checkLiveBytes(
  graph: Graph,
  values: ReadonlyMap<string, StaticValue>,
  lifetimes: ReadonlyMap<string, Lifetime>,
): void {
  const change = new Array<number>(graph.nodes.length + 2).fill(0);
  for (const [name, [first, last]] of lifetimes) {
    const { dtype, shape } = values.get(name)!;
    const bytes = sizeOf(shape) * bytesPerElement(dtype);
    change[first] += bytes;
    change[last + 1] -= bytes;
  }
  let live = 0;
  graph.nodes.forEach((node, step) => {
    live += change[step];
    if (live > maxLiveBytes) {
      throw new ModelError(`${nodeName(node)}: ${live} bytes are alive here; at most ${maxLiveBytes}`);
    }
  });
}
