/** Both backends agree with ONNX's own operator tests, or decline them: a model of a few nodes, inputs and outputs. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { expectSame } from "../backend/run.ts";
import { hasShared, whyNoShared } from "../shared.ts";
import { readOnnxTests, runOnnxTest, toleranceOf } from "./onnx-tests.ts";

/** The words with which a test may be declined. Everything else must compute what ONNX expects. */
const declined = [
  /the operator is not supported; supported: Abs, /,
  /the element type (number \d+|string|complex\d+) is not supported/, // of 2, 4 or 8 bits, text
  /is of opset (1|26|27|28); supported: 6 to 25/,
  /uses no operators of ONNX itself|is of the domain "/,
  /is of kind graph, which is not supported/,
  /is not a tensor; sequences, maps and optional values are not supported/,
  /MaxPool 'MaxPool_0': the input 'x' is uint8/,
  /training_mode is set|the mask 'z' is read/,
  /does not fit int32/,
  /blocks are not supported/,
  /(Range 'Range_16': limit|ConstantOfShape 'ConstantOfShape_0': the shape 'x') is computed while running/,
  /'(opt_seq|sequence|x\d?|\w+_input|in_seq)': (shape .* overflows|its shape needs \d+ values)/, // no tensors
];

/** At least so many must pass. */
const archives = [
  ["node", 645],
  ["pytorch-operator", 35],
] as const;

describe.skipIf(!hasShared)(hasShared ? "ONNX's own tests" : whyNoShared, () => {
  describe.each(archives)("%s", (archive, least) => {
    const tests = hasShared ? readOnnxTests(archive) : [];
    let passed = 0;

    test.each(tests)("$name", async (test) => {
      for (const backend of [reference, wasm]) {
        try {
          const { got, want } = await runOnnxTest(test, backend);
          expectSame(got, want, Math.max(...Object.keys(want).map((_, i) => toleranceOf(test, i))));
        } catch (error) {
          const { name, message } = error as Error;
          if (name !== "ModelError") throw error;
          expect(
            declined.some((reason) => reason.test(message)),
            message,
          ).toBe(true);
          return;
        }
      }
      passed++;
    });

    test(`at least ${least} pass`, () => {
      expect(passed).toBeGreaterThanOrEqual(least);
    });
  });
});
