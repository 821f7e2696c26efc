/** Whole networks: the reference, before and after simplify, agrees with ONNX Runtime on the file itself. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { randomTensor } from "../random.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";
import { runOnnx } from "./ort.ts";

const models = [
  "cifar10/resnet20",
  "cifar10/mlperf_resnet8",
  "mnist/lenet",
  "tinyml/mlperf_kws",
  "tinyml/mlperf_vww_96",
];

describe.skipIf(!hasShared)(hasShared ? "whole networks" : whyNoShared, () => {
  test.each(models)("%s", async (name) => {
    const onnx = readFileSync(sharedPath(`models/${name}.onnx`));
    const graph = importOnnx(onnx);
    const [info] = plan(graph).graph.inputs;
    const shape = info.shape as number[];
    const inputs = { [info.name]: randomTensor(shape, sizeOf(shape), -2, 2) };
    const expected = await runOnnx(onnx, inputs);
    expectSame(await runOn(reference, graph, inputs), expected);
    expectSame(await runOn(reference, simplify(graph), inputs), expected);
  });

  test("resnet20 classifies real images as ONNX Runtime does", async () => {
    const onnx = readFileSync(sharedPath("models/cifar10/resnet20.onnx"));
    const { images, labels } = cifarImages(6);
    const expected = await runOnnx(onnx, { input: images });
    const found = await runOn(reference, simplify(importOnnx(onnx)), { input: images });
    expectSame(found, expected);
    const classes = Array.from({ length: 6 }, (_, i) => {
      const logits = found.logits.data.slice(10 * i, 10 * i + 10);
      return logits.indexOf(Math.max(...logits));
    });
    expect(classes.filter((label, i) => label === labels[i]).length).toBeGreaterThanOrEqual(5);
  });
});

/** The first `count` CIFAR-10 test images as the ResNets want them: RGB / 255, ImageNet's mean and deviation. */
function cifarImages(count: number): { images: Tensor<"float32">; labels: number[] } {
  const file = gunzipSync(readFileSync(sharedPath("cifar10/test_first1000.bin.gz")));
  const mean = [0.485, 0.456, 0.406];
  const deviation = [0.229, 0.224, 0.225];
  const data = new Float32Array(count * 3072);
  const labels: number[] = [];
  for (let i = 0; i < count; i++) {
    labels.push(file[i * 3073]);
    for (let j = 0; j < 3072; j++) {
      const channel = Math.floor(j / 1024);
      data[i * 3072 + j] = (file[i * 3073 + 1 + j] / 255 - mean[channel]) / deviation[channel];
    }
  }
  return { images: tensor([count, 3, 32, 32], data), labels };
}
