/**
 * Reads an ONNX file (protobuf, opset 7 to 25) into a Graph whose operators mean what they do in opset 17.
 * The bytes may be anything: what is wrong or not supported is a ModelError that names where.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Attr, Graph, Node, ValueInfo } from "../../runtime/model/graph.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import { readAttrs } from "../../runtime/ops/attributes.ts";
import { operatorOf, operators } from "../../runtime/ops/index.ts";
import { importAttr } from "./attribute.ts";
import { constantOf } from "./constant.ts";
import { modernSoftmax } from "./legacy-softmax.ts";
import { type ModelProto, ModelProtoSchema, type NodeProto, type ValueInfoProto } from "./onnx_pb.ts";
import { type Rewriting, rewrites } from "./rewrites.ts";
import { createShapeChains } from "./shape-chains.ts";
import { importDType, importTensor } from "./tensor.ts";

export const opsetRange = [7, 25] as const;

/** The graph in an ONNX file. Initializers and Constant nodes become constants; no shape is inferred yet. */
export function importOnnx(bytes: Uint8Array): Graph {
  const model = parse(bytes);
  const opset = opsetOf(model);
  const proto = model.graph;
  if (!proto) throw new ModelError("not an ONNX file: it holds no graph");
  if (proto.sparseInitializer.length > 0) {
    throw new ModelError("sparse_initializer is not supported; export the weights dense, with zeros");
  }
  if (model.functions.length > 0) {
    throw new ModelError(
      "functions local to the model are not supported; export with functions inlined",
    );
  }

  const constants = new Map<string, Tensor>();
  const addConstant = (name: string, value: Tensor, what: string) => {
    if (name === "" || constants.has(name)) {
      throw new ModelError(`${what}: the value '${name}' ${name ? "is there already" : "has no name"}`);
    }
    constants.set(name, value);
  };
  for (const initializer of proto.initializer) {
    const what = `initializer '${initializer.name}'`;
    addConstant(initializer.name, importTensor(initializer, what), what);
  }

  const taken = new Set([
    ...proto.node.flatMap((node) => [...node.input, ...node.output]),
    ...proto.input.map((info) => info.name),
  ]);
  const read = new Set([
    ...proto.node.flatMap((node) => node.input),
    ...proto.output.map((info) => info.name),
  ]);
  const rewriting: Rewriting = {
    opset,
    constants,
    isRead: (value) => read.has(value),
    addConstant(base, value) {
      let name = base;
      for (let i = 1; taken.has(name) || constants.has(name); i++) name = `${base}_${i}`;
      constants.set(name, value);
      return name;
    },
  };
  const chains = createShapeChains(rewriting);
  const names = uniqueNames(proto.node);
  const nodes: Node[] = [];
  for (const [i, nodeProto] of proto.node.entries()) {
    const node = importNode(nodeProto, names[i]);
    if (node.op === "Constant") {
      if (node.outputs.length !== 1) throw new ModelError(`${nodeName(node)}: expected one output`);
      addConstant(node.outputs[0], constantOf(node), nodeName(node));
      continue;
    }
    const modern = Object.hasOwn(rewrites, node.op) ? rewrites[node.op](node, rewriting) : node;
    const rewritten = chains.follow(modern);
    if (!rewritten) continue;
    const operator = operatorOf(rewritten.op);
    if (!operator) {
      const known = Object.keys(operators).join(", ");
      throw new ModelError(`${nodeName(node)}: the operator is not supported; supported: ${known}`);
    }
    readAttrs(rewritten, operator.attrs);
    nodes.push(rewritten);
  }

  chains.check(proto.output.map((info) => info.name));

  const graph: Graph = {
    name: proto.name || "graph",
    nodes,
    // Before IR version 4, initializers are listed as inputs too.
    inputs: proto.input
      .filter(({ name }) => !constants.has(name))
      .map((info) => importInfo(info, "input")),
    outputs: proto.output.map((info) => importInfo(info, "output")),
    constants,
  };
  return opset < 13 ? modernSoftmax(graph, rewriting) : graph;
}

function parse(bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new ModelError(`not an ONNX file, or a truncated one: ${(error as Error).message}`);
  }
  if (model.opsetImport.length === 0) throw new ModelError("not an ONNX file: it names no opset");
  return model;
}

function opsetOf(model: ModelProto): number {
  const entry = model.opsetImport.find(({ domain }) => isOnnxDomain(domain));
  if (!entry) throw new ModelError("the model uses no operators of ONNX itself; expected opset 7 to 25");
  const [first, last] = opsetRange;
  if (entry.version < first || entry.version > last) {
    throw new ModelError(
      `the model is of opset ${entry.version}; supported: ${first} to ${last}; convert it with onnx.version_converter`,
    );
  }
  return Number(entry.version);
}

/** The node as it stands in the file. */
function importNode(proto: NodeProto, name: string): Node {
  const what = nodeName({ op: proto.opType, name });
  if (!isOnnxDomain(proto.domain)) {
    throw new ModelError(
      `${what}: the operator is of the domain "${proto.domain}"; supported: ONNX's own`,
    );
  }
  const attrs = new Map<string, Attr>();
  for (const attribute of proto.attribute) {
    if (attrs.has(attribute.name)) {
      throw new ModelError(`${what}: attribute "${attribute.name}" is there twice`);
    }
    attrs.set(attribute.name, importAttr(attribute, what));
  }
  const inputs = [...proto.input];
  while (inputs.at(-1) === "") inputs.pop(); // trailing optional inputs that are left out
  const outputs = [...proto.output];
  while (outputs.at(-1) === "") outputs.pop();
  return { name, op: proto.opType, inputs, outputs, attrs: Object.fromEntries(attrs) };
}

function importInfo(info: ValueInfoProto, kind: string): ValueInfo {
  const what = `${kind} '${info.name}'`;
  const type = info.type?.value;
  if (type?.case !== "tensorType") {
    throw new ModelError(
      `${what} is not a tensor; sequences, maps and optional values are not supported`,
    );
  }
  const dims = type.value.shape?.dim;
  if (!dims && kind === "input") throw new ModelError(`${what} has no shape; export it with one`);
  const shape = (dims ?? []).map(({ value }, axis) => {
    if (value.case !== "dimValue")
      return (value.case === "dimParam" && value.value) || `${info.name}_${axis}`;
    if (value.value < 0n || value.value >= 2n ** 31n) {
      throw new ModelError(`${what}: dimension ${axis} is ${value.value}; expected 0 to 2^31 - 1`);
    }
    return Number(value.value);
  });
  return { name: info.name, dtype: importDType(type.value.elemType, what), shape };
}

/** `Conv_3` where a node has no name; a number behind a name that is there already. */
function uniqueNames(nodes: readonly NodeProto[]): string[] {
  const taken = new Set(nodes.map((node) => node.name));
  const used = new Set<string>();
  return nodes.map((node, i) => {
    let name = node.name || `${node.opType}_${i}`;
    for (let n = 1; used.has(name) || (name !== node.name && taken.has(name)); n++) {
      name = `${node.name || node.opType}_${i}_${n}`;
    }
    used.add(name);
    return name;
  });
}

function isOnnxDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}
