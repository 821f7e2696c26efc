/** One network, dense and pruned, in the form that each engine reads. */
import {
  exportOnnx,
  exportTflite,
  type Graph,
  importOnnx,
  isSparse,
  type Tensor,
  writeModel,
} from "../../../pruner/index.ts";

/** check: the pruned weights for dense kernels, which say what the sparse ones should compute. */
export type Form =
  | "dense.filigree"
  | "pruned.filigree"
  | "check.filigree"
  | "dense.onnx"
  | "masked.onnx"
  | "dense.tflite";
export type Forms = Readonly<Partial<Record<Form, Uint8Array>>>;

/** For sizes that a model leaves open ("batch"), by their names. */
export type Sizes = Readonly<Record<string, number>>;

/** Forms that cannot hold the network are refused, with the reason. */
export async function formsOf(
  { dense, pruned }: Readonly<Record<"dense" | "pruned", Graph>>,
  wanted: readonly Form[],
): Promise<{ files: Forms; refused: Partial<Record<Form, string>> }> {
  const make: Record<Form, () => Uint8Array | Promise<Uint8Array>> = {
    "dense.filigree": () => writeModel(dense),
    "pruned.filigree": () => writeModel(pruned),
    "check.filigree": () => writeModel(withoutZeros(importOnnx(exportOnnx(pruned)))),
    "dense.onnx": () => exportOnnx(dense),
    "masked.onnx": () => exportOnnx(pruned),
    "dense.tflite": () => exportTflite(dense),
  };
  const files: Partial<Record<Form, Uint8Array>> = {};
  const refused: Partial<Record<Form, string>> = {};
  for (const form of wanted) {
    try {
      files[form] = await make[form]();
    } catch (error) {
      if (form !== "dense.tflite" || (error as Error).name !== "ModelError") throw error;
      refused[form] = (error as Error).message;
    }
  }
  return { files, refused };
}

/** The sizes that inputs leave open, each name once. */
export function openSizes({ inputs }: Graph): string[] {
  const names = inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string"));
  return [...new Set(names)];
}

export function withSizes(graph: Graph, sizes: Sizes): Graph {
  const closed = (shape: readonly (number | string)[]) =>
    shape.map((size) => (typeof size === "string" ? (sizes[size] ?? size) : size));
  return { ...graph, inputs: graph.inputs.map((input) => ({ ...input, shape: closed(input.shape) })) };
}

/** The same network, whose inputs have the names of another's. */
export function withInputsOf({ inputs }: Graph, graph: Graph): Graph {
  const names = new Map(graph.inputs.map(({ name }, i) => [name, inputs[i].name]));
  const renamed = (name: string) => names.get(name) ?? name;
  return {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, name: renamed(input.name) })),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(renamed) })),
  };
}

/** So little that no sum of a network's feels it. */
const almostNothing = 1e-30;

/** The runtime finds zeros by itself; of these it finds none. */
function withoutZeros(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  for (const { op, inputs } of graph.nodes) {
    const weight = constants.get(inputs[1]);
    if ((op !== "Conv" && op !== "Gemm" && op !== "MatMul") || !weight || isSparse(weight)) continue;
    if (weight.dtype !== "float32") continue;
    const data = (weight as Tensor<"float32">).data.map((value) => value || almostNothing);
    constants.set(inputs[1], { ...weight, data } as Tensor);
  }
  return { ...graph, constants };
}
