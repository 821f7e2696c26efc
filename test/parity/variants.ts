/** The ways in which a model is pruned before it is checked, all at once and without training. */
import { exportOnnx, pack } from "../../pruner/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { LoadedModel } from "./models.ts";

export interface Variant {
  /** What Filigree runs, and the same weights as an ONNX file with zeros. */
  make(model: LoadedModel): Promise<VariantFiles>;
  readonly onlySparse?: boolean; // for models whose files hold zeros already
}

export interface VariantFiles {
  readonly graph: Graph;
  readonly onnx: Uint8Array;
  readonly note?: string;
}

export const variants = {
  dense: {
    make: async ({ graph, onnx }) => ({ graph, onnx: onnx ?? exportOnnx(graph) }),
  },
  "16x8": pruned("block:16x8", 0.7),
  "2:4": pruned("2:4"),
  unstructured: pruned("unstructured", 0.7),
  packed: {
    onlySparse: true,
    make: async ({ graph, onnx }) => {
      const packed = pack(graph).graph;
      return { graph: packed, onnx: onnx ?? exportOnnx(graph) };
    },
  },
} satisfies Record<string, Variant>;

export type VariantName = keyof typeof variants;

function pruned(pattern: string, sparsity?: number): Variant {
  return {
    async make(model) {
      const options = { pattern, sparsity };
      try {
        const { graph } = await model.prune(options);
        return { graph, onnx: exportOnnx(graph) };
      } catch (error) {
        if (!(error as Error).message.includes("has no weight to prune")) throw error;
        const { graph } = await model.prune({ ...options, include: ["*"] });
        return {
          graph,
          onnx: exportOnnx(graph),
          note: "its first and last layers pruned: no others can be",
        };
      }
    },
  };
}
