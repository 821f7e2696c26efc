/**
 * Reads a TFLite file (.tflite, float32 or float16 weights, sparse ones too) into a Graph.
 *
 * TFLite keeps images as NHWC, a Graph as NCHW: inputs and outputs of four dimensions are NCHW in the Graph, and what
 * works on images works on NCHW. Where the file takes an image for a list of numbers (a reshape), a Transpose stands
 * before. Nodes and values are called after the tensors that they make. The bytes may be anything: what is wrong or
 * not supported is a ModelError that names where.
 */
import { checkGraph } from "../../runtime/model/check-graph.ts";
import { ModelError } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { isTflite, readFlatBuffer } from "./tflite/flatbuffer.ts";
import { nodeReaders } from "./tflite/index.ts";
import { createReader, fail } from "./tflite/reader.ts";
import { builtinOperators } from "./tflite/schema.ts";

export { isTflite };

export function importTflite(bytes: Uint8Array): Graph {
  const model = readFlatBuffer(bytes);
  if (model.version !== 3) {
    throw new ModelError(`the TFLite file has the version ${model.version}; expected 3`);
  }
  const [subgraph, ...others] = model.subgraphs;
  if (!subgraph || others.length) {
    throw new ModelError(`the TFLite file holds ${model.subgraphs.length} graphs; expected one`);
  }
  const reader = createReader(model, subgraph, bytes.length);
  for (const [index, operator] of subgraph.operators.entries()) {
    const code = model.operatorCodes[operator.opcodeIndex];
    if (!code) {
      throw new ModelError(`operator ${index} has the code ${operator.opcodeIndex}, which is not there`);
    }
    // Old files have the number in a byte, new ones in both fields as far as it fits.
    const number = Math.max(code.deprecatedBuiltinCode, code.builtinCode);
    const name = operatorName(number, code.customCode);
    const read = Object.hasOwn(nodeReaders, name) ? nodeReaders[name] : undefined;
    const node = reader.open(name, operator, index);
    if (!read) fail(node, `not supported; supported: ${Object.keys(nodeReaders).join(", ")}`);
    read(node, reader);
  }
  const graph = reader.finish(subgraph.name || "graph");
  checkGraph(graph);
  reader.checkShapes(plan(graph));
  return graph;
}

function operatorName(number: number, custom: string): string {
  if (custom) return custom;
  const known = Object.entries(builtinOperators).find(([, code]) => code === number);
  return known?.[0] ?? `operator ${number}`;
}
