/** ONNX's own tests of operators: archives of folders, each a model of a few nodes, its inputs and what it has to give. */
import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { importOnnx } from "../../pruner/import/onnx.ts";
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "../../pruner/import/onnx_pb.ts";
import { importTensor } from "../../pruner/import/tensor.ts";
import type { Backend, Tensors } from "../../runtime/backends/backend.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { sharedPath } from "../shared.ts";
import { readTarGz } from "./tar.ts";

export interface OnnxTest {
  readonly name: string; // "test_conv_with_strides_padding"
  readonly model: ModelProto;
  /** The i-th input or output of the graph, where the test gives one that is a tensor. */
  data(kind: "input" | "output", i: number): TensorProto | undefined;
}

export function readOnnxTests(archive: "node" | "pytorch-operator"): OnnxTest[] {
  const files = readTarGz(readFileSync(sharedPath(`onnx-tests/${archive}.tar.gz`)));
  return [...files.keys()]
    .filter((file) => file.endsWith("/model.onnx"))
    .map((file) => {
      const folder = file.slice(0, -"/model.onnx".length);
      return {
        name: folder.slice(folder.lastIndexOf("/") + 1),
        model: fromBinary(ModelProtoSchema, files.get(file)!),
        data(kind, i) {
          const bytes = files.get(`${folder}/test_data_set_0/${kind}_${i}.pb`);
          return bytes && fromBinary(TensorProtoSchema, bytes);
        },
      };
    });
}

/** How far an output may be from what is wanted: as far as the rounding of its type, where that is coarse. */
export function toleranceOf(test: OnnxTest, output: number): number {
  const coarse: Readonly<Record<number, number>> = { 10: 2 ** -10, 16: 2 ** -7 }; // float16, bfloat16
  return coarse[test.data("output", output)?.dataType ?? 0] ?? 1e-5;
}

/** What the backend computes, and what ONNX expects. Throws the ModelError with which the model is declined. */
export async function runOnnxTest(
  test: OnnxTest,
  backend: Backend,
): Promise<{ got: Tensors; want: Tensors }> {
  const { graph, inputs } = importTest(test);
  const executable = await backend.prepare(plan(graph));
  try {
    const got = await executable.run(inputs);
    const want = graph.outputs.map(({ name }, i) => [name, importTensor(test.data("output", i)!, name)]);
    return { got, want: Object.fromEntries(want) };
  } finally {
    executable.dispose();
  }
}

/** ONNX's tests give shapes, axes and bounds while running; where they have to be constants here, they become some. */
function importTest(test: OnnxTest): { graph: Graph; inputs: Tensors } {
  const asItIs = toBinary(ModelProtoSchema, test.model);
  try {
    return withInputs(importOnnx(asItIs), test);
  } catch (error) {
    if ((error as Error).name !== "ModelError") throw error;
    const model = fromBinary(ModelProtoSchema, asItIs);
    model.graph!.input.forEach(({ name }, i) => {
      const proto = i > 0 && test.data("input", i);
      if (proto) model.graph!.initializer.push(create(TensorProtoSchema, { ...proto, name }));
    });
    return withInputs(importOnnx(toBinary(ModelProtoSchema, model)), test);
  }
}

/** Planned once, so that a node that needs a constant is known. */
function withInputs(graph: Graph, test: OnnxTest): { graph: Graph; inputs: Tensors } {
  plan(graph);
  const names = test.model.graph!.input.map(({ name }) => name);
  const inputs = graph.inputs.map(({ name }) => {
    return [name, importTensor(test.data("input", names.indexOf(name))!, name)];
  });
  return { graph, inputs: Object.fromEntries(inputs) };
}
