/** The reference agrees with ONNX's own operator tests: a model of one node, its inputs and its expected outputs. */
import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { type ModelProto, ModelProtoSchema, TensorProtoSchema } from "../../pruner/import/onnx_pb.ts";
import { importTensor } from "../../pruner/import/tensor.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import { operators } from "../../runtime/ops/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";
import { readTarGz } from "./tar.ts";

/** What is declined, and the words it is declined with. Everything else must compute what ONNX expects. */
const declined: [tests: RegExp, reason: RegExp][] = [
  [
    /^(?!test_pow).*_(u?int(8|16|64)|uint32)(_|$)/,
    /element type u?int\d+ is not supported|is uint8; expected float32/,
  ],
  [/resize_.*_cubic/, /mode "cubic" is not supported/],
  [/resize_.*_antialias/, /antialias is set/],
  [/resize_.*_not_(larger|smaller)/, /keep_aspect_ratio_policy "not_\w+" is not supported/],
  [
    /resize_.*(tf_crop_and_resize|half_pixel_symmetric)/,
    /coordinate_transformation_mode "\w+" is not supported/,
  ],
  [/swiglu/, /the model is of opset 28/],
  [/^test_layer_normalization(?!.*_expanded)/, /has 3 outputs; supported: 1/],
  [/pool_3d_|conv3d/, /expected \[N, C, W\] or \[N, C, H, W\]/],
  [/with_argmax/, /output Indices is not supported/],
  [/edge_pad|reflect_pad|wrap_pad/, /is int32; expected float32/],
  [/identity_(opt|sequence)/, /is not a tensor/],
  [/training_dropout/, /training_mode is set/],
  [/dropout.*_mask/, /the mask 'z' is read/],
];

// Inputs that ONNX's tests give while running and that must be constants here: shapes, axes, bounds.
const constantInputs = new Set(
  "Clip Dropout Expand Gather Pad ReduceMean Reshape Resize Slice Split Squeeze Unsqueeze".split(" "),
);

describe.skipIf(!hasShared)(hasShared ? "ONNX's node tests" : whyNoShared, () => {
  const files = hasShared ? readTarGz(readFileSync(sharedPath("onnx-tests/node.tar.gz"))) : new Map();
  const known = new Set([...Object.keys(operators), "Dropout", "Constant"]);
  const folders = [...files.keys()]
    .filter((name) => name.endsWith("/model.onnx"))
    .map((name) => name.split("/")[0])
    .filter((folder) => parse(folder).graph!.node.every((node) => known.has(node.opType)));

  test("there are more than a hundred of our operators", () => {
    expect(folders.length).toBeGreaterThan(100);
  });

  test.each(folders)("%s", async (folder) => {
    const reason = declined.find(([tests]) => tests.test(folder))?.[1];
    if (reason) await expect(run(folder)).rejects.toThrow(reason);
    else await run(folder);
  });

  function parse(folder: string): ModelProto {
    return fromBinary(ModelProtoSchema, files.get(`${folder}/model.onnx`)!);
  }

  function dataOf(folder: string, name: string) {
    const bytes = files.get(`${folder}/test_data_set_0/${name}.pb`);
    return bytes && fromBinary(TensorProtoSchema, bytes);
  }

  async function run(folder: string): Promise<void> {
    const model = parse(folder);
    const graphProto = model.graph!;
    const inputs: Record<string, Tensor> = {};
    graphProto.input.forEach(({ name }, i) => {
      const proto = dataOf(folder, `input_${i}`);
      if (!proto) return;
      if (i > 0 && constantInputs.has(graphProto.node[0].opType)) {
        graphProto.initializer.push(create(TensorProtoSchema, { ...proto, name }));
      } else {
        Object.defineProperty(inputs, name, { enumerable: true, get: () => importTensor(proto, name) });
      }
    });
    const graph = importOnnx(toBinary(ModelProtoSchema, model));
    const results = await runOn(reference, graph, { ...inputs });
    const expected = graph.outputs.map(({ name }, i) => [
      name,
      importTensor(dataOf(folder, `output_${i}`)!, name),
    ]);
    expectSame(results, Object.fromEntries(expected));
  }
});
