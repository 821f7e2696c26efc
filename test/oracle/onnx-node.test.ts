/** The reference agrees with ONNX's own operator tests: a model of one node, its inputs and its expected outputs. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { operators } from "../../runtime/ops/index.ts";
import { expectSame } from "../backend/run.ts";
import { hasShared, whyNoShared } from "../shared.ts";
import { readOnnxTests, runOnnxTest } from "./onnx-tests.ts";

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

describe.skipIf(!hasShared)(hasShared ? "ONNX's node tests" : whyNoShared, () => {
  const known = new Set([...Object.keys(operators), "Dropout", "Constant"]);
  const tests = (hasShared ? readOnnxTests("node") : []).filter(({ model }) =>
    model.graph!.node.every((node) => known.has(node.opType)),
  );

  test("there are more than a hundred of our operators", () => {
    expect(tests.length).toBeGreaterThan(100);
  });

  test.each(tests)("$name", async (test) => {
    const reason = declined.find(([names]) => names.test(test.name))?.[1];
    const run = runOnnxTest(test, reference);
    if (reason) return expect(run).rejects.toThrow(reason);
    const { got, want } = await run;
    expectSame(got, want);
  });
});
