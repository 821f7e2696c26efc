/**
 * The worker that makes and prunes networks: the pruner, which nothing else of the app loads. Its memory is free again
 * when its page ends it, before anything is timed.
 */
import { expose, transfer } from "comlink";
import {
  exportOnnx,
  type Graph,
  importOnnx,
  importTflite,
  isTflite,
  prune,
  readModel,
  simplify,
} from "../../../pruner/index.ts";
import { buildNetwork, type ZooName, zoo } from "../../zoo/index.ts";
import { pruneNetwork } from "../../zoo/prune.ts";
import { type CostVariant, costVariants } from "./cost-variants.ts";
import { type Form, type Forms, formsOf, type Sizes, withInputsOf, withSizes } from "./forms.ts";
import { describe, type Inspected } from "./inspect.ts";

/** A network, dense and pruned, in the forms that were asked for. */
export interface Made {
  readonly files: Forms;
  readonly pattern: string;
  readonly removed: number; // fraction of the weights that were up for pruning, or of all
  readonly refused: Readonly<Partial<Record<Form, string>>>; // and why
}

const api = {
  /** A network of the zoo: its weights come from a seed, so that there is nothing to download. */
  async makeZooNetwork(name: ZooName, pattern: string, forms: readonly Form[]): Promise<Made> {
    const dense = simplify(buildNetwork(name));
    const { graph: pruned, report } = await pruneNetwork(dense, { pattern, exclude: zoo[name].heads });
    const { kept, total } = report.elements;
    return sent(await formsOf({ dense, pruned }, forms), report.pattern, 1 - kept / total);
  },

  /** The same forms of a network that is there already, dense and pruned. */
  async convert(
    dense: Uint8Array,
    pruned: Uint8Array,
    pattern: string,
    forms: readonly Form[],
  ): Promise<Made> {
    const { graph } = await readModel(dense);
    const graphs = { dense: graph, pruned: withInputsOf(graph, (await readModel(pruned)).graph) };
    return sent(await formsOf(graphs, forms), pattern, removedOf(graphs.pruned));
  },

  async inspect(bytes: Uint8Array): Promise<Inspected> {
    const { graph, format } = await open(bytes);
    return describe(graph, format, bytes.length);
  },

  /** By magnitude, each layer's compared with its own. `sizes`: what its inputs leave open, by name. */
  async pruneOwn(
    bytes: Uint8Array,
    options: { readonly pattern: string; readonly sparsity?: number; readonly sizes: Sizes },
  ): Promise<Made & { readonly layers: number; readonly skipped: readonly string[] }> {
    const { pattern, sparsity, sizes } = options;
    const dense = simplify(withSizes((await open(bytes)).graph, sizes));
    const { graph: pruned, report } = await prune(dense, {
      method: "magnitude",
      scale: "layer",
      pattern,
      sparsity,
    });
    const { kept, total } = report.elements;
    const made = await formsOf({ dense, pruned }, [
      "dense.filigree",
      "pruned.filigree",
      "check.filigree",
    ]);
    return {
      ...sent(made, report.pattern, total ? 1 - kept / total : 0),
      layers: report.layers.length,
      skipped: report.skipped.map(({ node, reason }) => `${node}: ${reason}`),
    };
  },

  /** Files of the same network at several densities, to time what its blocks cost. */
  async costVariants(name: ZooName, pattern: string): Promise<CostVariant[]> {
    const dense = simplify(buildNetwork(name));
    const variants = await costVariants(dense, pattern, zoo[name].heads);
    return transfer(
      variants,
      variants.map(({ model }) => model.buffer as ArrayBuffer),
    );
  },
};

export type PruningApi = typeof api;

expose(api);

function sent(
  { files, refused }: Pick<Made, "files" | "refused">,
  pattern: string,
  removed: number,
): Made {
  const buffers = Object.values(files).map(({ buffer }) => buffer as ArrayBuffer);
  return transfer({ files, refused, pattern, removed }, [...new Set(buffers)]);
}

/** The fraction of its weights that are zero. */
function removedOf(graph: Graph): number {
  const { weights, keptWeights } = describe(graph, "filigree", 0);
  return 1 - keptWeights / weights;
}

/** Any of the three formats, told by its first bytes. A .filigree file becomes dense again. */
async function open(bytes: Uint8Array): Promise<{ graph: Graph; format: Inspected["format"] }> {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 8));
  if (start === "FILIGREE") {
    return { graph: importOnnx(exportOnnx((await readModel(bytes)).graph)), format: "filigree" };
  }
  if (isTflite(bytes)) return { graph: importTflite(bytes), format: "tflite" };
  return { graph: importOnnx(bytes), format: "onnx" };
}
