/**
 * Reads an ONNX file (protobuf, opset 6 to 25) into a Graph whose operators mean what they do in opset 17.
 * The bytes may be anything: what is wrong or not supported is a ModelError that names where.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Attr, Graph, Node, ValueInfo } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { readAttrs } from "../../runtime/ops/attributes.ts";
import { operatorOf, operators } from "../../runtime/ops/index.ts";
import { importAttr } from "./attribute.ts";
import { constantOf } from "./constant.ts";
import { createKnowledge, type Knowledge } from "./knowledge.ts";
import { type ModelProto, ModelProtoSchema, type NodeProto, type ValueInfoProto } from "./onnx_pb.ts";
import { dataTypes } from "./onnx-types.ts";
import { rewrite, rewritten } from "./rewrite/index.ts";
import type { Rewriting } from "./rewrite/writer.ts";
import { importSparse } from "./sparse-initializer.ts";
import { type External, importDType, importTensor } from "./tensor.ts";

export const opsetRange = [6, 25] as const;

/**
 * The graph in an ONNX file. Initializers, Constant nodes and what can be computed of them become constants.
 * `external` gives the bytes of the files beside it that it names: without it, weights must be inside.
 */
export function importOnnx(bytes: Uint8Array, external?: External): Graph {
  const model = parse(bytes);
  const opset = opsetOf(model);
  const proto = model.graph;
  if (!proto) throw new ModelError("not an ONNX file: it holds no graph");
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
  const elementTypes = new Map<string, number>();
  for (const initializer of proto.initializer) {
    const what = `initializer '${initializer.name}'`;
    addConstant(initializer.name, importTensor(initializer, what, external), what);
    elementTypes.set(initializer.name, initializer.dataType);
  }
  for (const sparse of proto.sparseInitializer) {
    const { name = "", dataType = dataTypes.float } = sparse.values ?? {};
    addConstant(
      name,
      importSparse(sparse, `sparse_initializer '${name}'`),
      `sparse_initializer '${name}'`,
    );
    elementTypes.set(name, dataType);
  }
  const names = uniqueNames(proto.node);
  // Before IR version 4, initializers are listed as inputs too.
  const inputs = proto.input
    .filter(({ name }) => !constants.has(name))
    .map((info) => importInfo(info, "input"));
  for (const { name, type } of proto.input)
    if (type?.value.case === "tensorType") elementTypes.set(name, type.value.value.elemType);

  const read = new Set([
    ...proto.node.flatMap((node) => node.input),
    ...proto.output.map((info) => info.name),
  ]);
  const taken = new Set([
    ...proto.node.flatMap((node) => [...node.input, ...node.output]),
    ...proto.input.map((info) => info.name),
  ]);
  const freshName = (base: string) => {
    let name = base;
    for (let i = 1; taken.has(name) || constants.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    return name;
  };
  checkOrder(proto.node, names, [...constants.keys(), ...inputs.map(({ name }) => name)]);
  const knowledge = createKnowledge(inputs, constants);
  const rewriting: Rewriting = {
    ...knowledge,
    opset,
    elementType: (value) => elementTypes.get(value),
    quantized: new Map(),
    isRead: (value) => read.has(value),
    freshName,
    addConstant(base, value) {
      const name = freshName(base);
      constants.set(name, value);
      return name;
    },
  };
  const nodes: Node[] = [];
  const take = (node: Node, source: Node) => {
    const operator = operatorOf(node.op);
    if (!operator) throw unsupported(source);
    readAttrs(node, operator.attrs);
    if (knowledge.learn(node)) {
      for (const name of node.outputs) if (name) constants.set(name, knowledge.constant(name)!);
      return;
    }
    nodes.push(settled(node, rewriting, knowledge));
  };
  for (const [i, nodeProto] of proto.node.entries()) {
    const node = importNode(nodeProto, names[i], external);
    if (node.op === "Constant") {
      if (node.outputs.length !== 1) throw new ModelError(`${nodeName(node)}: expected one output`);
      addConstant(node.outputs[0], constantOf(node), nodeName(node));
      const type = nodeProto.attribute[0]?.t?.dataType;
      if (type) elementTypes.set(node.outputs[0], type);
      continue;
    }
    for (const made of [rewrite(node, rewriting)].flat()) take(made, node);
  }
  const made = [
    ...proto.initializer.map(({ name }) => name),
    ...proto.node.flatMap((node) => node.output),
  ];
  const unread = new Set(made.filter((name) => name !== "" && !read.has(name)));
  const outputs = proto.output.map((info) => importInfo(info, "output"));
  return withoutUnread({ name: proto.name || "graph", nodes, inputs, outputs, constants }, unread);
}

/** The node, plainer where what is known of its inputs allows it. */
function settled(node: Node, rewriting: Rewriting, knowledge: Knowledge): Node {
  const [x] = node.inputs;
  if (node.op === "Cast" && knowledge.dtype(x) === knowledge.dtype(node.outputs[0]))
    return { ...node, op: "Identity", attrs: {} };
  if (node.op !== "Reshape" || rewriting.constant(node.inputs[1])) return node;
  const shape = knowledge.reshapeTarget(node);
  if (!shape) return node;
  const value = tensor([shape.length], Int32Array.from(shape), "int32");
  return { ...node, inputs: [x, rewriting.addConstant(`${node.name}.shape`, value)] };
}

/** Without the nodes and constants that nobody reads, but for those that nobody reads in the file either. */
function withoutUnread(graph: Graph, unread: ReadonlySet<string>): Graph {
  const needed = new Set([...unread, ...graph.outputs.map(({ name }) => name)]);
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.unshift(node);
    for (const name of node.inputs) needed.add(name);
  }
  return {
    ...graph,
    nodes,
    constants: new Map([...graph.constants].filter(([name]) => needed.has(name))),
  };
}

/** Every node reads what stands before it. */
function checkOrder(
  nodes: readonly NodeProto[],
  names: readonly string[],
  made: readonly string[],
): void {
  const known = new Set(made);
  for (const [i, { opType, input, output }] of nodes.entries()) {
    const what = nodeName({ op: opType, name: names[i] });
    for (const name of input) {
      if (name === "" || known.has(name)) continue;
      const later = nodes.findIndex((node) => node.output.includes(name));
      throw new ModelError(
        later < 0
          ? `${what}: reads '${name}', which no input, initializer or node makes; the file lacks it: export it again`
          : `${what}: reads '${name}', which ${nodeName({ op: nodes[later].opType, name: names[later] })} makes of it or after it: the graph has a cycle, or its nodes are not in running order`,
      );
    }
    for (const name of output) known.add(name);
  }
}

function unsupported(node: Node): ModelError {
  const known = [...new Set([...Object.keys(operators), ...rewritten])].sort().join(", ");
  return new ModelError(`${nodeName(node)}: the operator is not supported; supported: ${known}`);
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
  if (!entry) throw new ModelError("the model uses no operators of ONNX itself; expected opset 6 to 25");
  const [first, last] = opsetRange;
  if (entry.version < first || entry.version > last) {
    throw new ModelError(
      `the model is of opset ${entry.version}; supported: ${first} to ${last}; convert it with onnx.version_converter`,
    );
  }
  return Number(entry.version);
}

/** The node as it stands in the file. */
function importNode(proto: NodeProto, name: string, external: External | undefined): Node {
  const what = nodeName({ op: proto.opType, name });
  if (!isOnnxDomain(proto.domain)) {
    const advice = Object.hasOwn(domainAdvice, proto.domain)
      ? domainAdvice[proto.domain]
      : "export it with ONNX's own operators";
    throw new ModelError(
      `${what}: the operator is of the domain "${proto.domain}"; supported: ONNX's own; ${advice}`,
    );
  }
  const attrs = new Map<string, Attr>();
  for (const attribute of proto.attribute) {
    if (attrs.has(attribute.name)) {
      throw new ModelError(`${what}: attribute "${attribute.name}" is there twice`);
    }
    attrs.set(attribute.name, importAttr(attribute, what, external));
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

/** What to do about operators that are not ONNX's own, by their domain. */
const domainAdvice: Readonly<Record<string, string>> = {
  "com.microsoft":
    "ONNX Runtime writes it when it optimizes or quantizes a file: give the file from before that",
  "ai.onnx.ml": "it is no part of a neural network",
};

function isOnnxDomain(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}
