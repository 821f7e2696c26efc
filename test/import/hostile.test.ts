/** Broken ONNX files are refused with a ModelError, or are valid: nothing else, and at once. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { simplify } from "../../pruner/simplify.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier } from "../fixtures.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";

/** "valid", or the name of the error. */
function outcome(bytes: Uint8Array): string {
  try {
    plan(importOnnx(bytes));
    return "valid";
  } catch (error) {
    return (error as Error).name;
  }
}

const tiny = exportOnnx(tinyClassifier("batch"));

describe("a broken ONNX file", () => {
  test("cut at any byte is a ModelError", () => {
    const outcomes = Array.from(tiny, (_, length) => outcome(tiny.subarray(0, length)));
    expect(new Set(outcomes)).toEqual(new Set(["ModelError"]));
    expect(outcome(tiny)).toBe("valid");
  });

  test("with any byte changed is a ModelError or valid", () => {
    for (let at = 0; at < tiny.length; at += at < 600 || at > tiny.length - 2500 ? 1 : 97) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const broken = tiny.slice();
        broken[at] ^= flip;
        expect(["ModelError", "valid"], `byte ${at} ^ ${flip}`).toContain(outcome(broken));
      }
    }
  });

  test("with several bytes changed, or of any bytes, is a ModelError or valid", () => {
    const change = fc.tuple(fc.nat(tiny.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 2, maxLength: 12 }), (changes) => {
        const broken = tiny.slice();
        for (const [at, value] of changes) broken[at] = value;
        expect(["ModelError", "valid"]).toContain(outcome(broken));
      }),
      { numRuns: 500, seed: 7 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(outcome(bytes)).toBe("ModelError");
      }),
      { numRuns: 500, seed: 8 },
    );
  });

  test.skipIf(!hasShared)(hasShared ? "so is a real one, cut or changed" : whyNoShared, () => {
    const real = readFileSync(sharedPath("models/cifar10/mlperf_resnet8.onnx"));
    expect(outcome(real)).toBe("valid");
    expect(simplify(importOnnx(real)).nodes.length).toBeGreaterThan(20);
    const broken = fc.tuple(fc.nat(real.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean());
    fc.assert(
      fc.property(broken, ([at, flip, cut]) => {
        const bytes = Uint8Array.from(cut ? real.subarray(0, at) : real);
        if (!cut) bytes[at] ^= flip;
        expect(["ModelError", "valid"]).toContain(outcome(bytes));
      }),
      { numRuns: 60, seed: 9 },
    );
  });
});
