/** Broken TFLite files are refused with a ModelError, or are valid: nothing else, and at once. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Builder } from "flatbuffers";
import { describe, expect, test } from "vitest";
import { type Draft, writeFlatBuffer } from "../../pruner/export/tflite/flatbuffer.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { builtinOperators } from "../../pruner/import/tflite/schema.ts";
import { importTflite } from "../../pruner/import/tflite.ts";
import { tinyClassifier } from "../fixtures.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";

const tiny = exportTflite(tinyClassifier(1));

describe("a broken TFLite file", () => {
  test("cut at any byte is a ModelError", () => {
    const outcomes = Array.from(tiny, (_, length) => outcome(tiny.subarray(0, length)));
    // The last bytes are those of a name, or of nothing.
    expect(new Set(outcomes.slice(0, -16))).toEqual(new Set(["ModelError"]));
    expect(outcome(tiny)).toBe("valid");
  });

  test("with any byte changed is a ModelError or valid", () => {
    for (let at = 0; at < tiny.length; at++) {
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
        if (bytes.length >= 8) bytes.set(new TextEncoder().encode("TFL3"), 4);
        expect(outcome(bytes)).toBe("ModelError");
      }),
      { numRuns: 500, seed: 8 },
    );
  });

  test.skipIf(!hasShared)(hasShared ? "so is a real sparse one, cut or changed" : whyNoShared, () => {
    const real = readFileSync(sharedPath("models/sparse/face_detection_full_range_sparse.tflite"));
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

const image = { name: "x", shape: [1, 4, 4, 2] };
const weight: Draft<"Tensor"> = { name: "w", shape: [3, 1, 1, 2], buffer: 1 };
const conv: Draft<"Operator"> = {
  inputs: [0, 1],
  outputs: [2],
  options: { kind: "Conv2DOptions", padding: 0, strideW: 1, strideH: 1 },
};
const float32 = (count: number): Draft<"Buffer"> => ({ data: new Uint8Array(4 * count) });
const csr = { format: 1, arraySegments: segments(0, 1, 2, 3), arrayIndices: segments(0, 1, 0) };
const sparsity = {
  traversalOrder: [0, 1, 2, 3],
  dimMetadata: [{ denseSize: 3 }, { denseSize: 1 }, { denseSize: 1 }, csr],
};

test("the file that the next ones spoil is valid, dense and sparse", () => {
  expect(outcome(fileOf({}))).toBe("valid");
  expect(outcome(fileOf({ weight: { sparsity }, buffer: float32(3) }))).toBe("valid");
});

test.each<[claim: string, message: RegExp, change: Parts]>([
  ["of another version", /version 2; expected 3/, { model: { version: 2 } }],
  ["without a graph", /holds 0 graphs/, { model: { subgraphs: [] } }],
  [
    "with an operator of another kind",
    /^operator 51 'y' \(operator 0\): not supported; supported: CONV_2D/,
    { code: 51 },
  ],
  ["with a custom operator", /^Mine 'y' \(operator 0\): not supported/, { custom: "Mine" }],
  [
    "with weights of int32 that are quantized",
    /'w' is quantized, of the type 2; expected float32, float16 or int8/,
    { weight: { type: 2, quantization: { scale: [1] } } },
  ],
  [
    "with quantized weights of too few scales",
    /'w' \[3,1,1,2\] has 2 scales along dimension 0/,
    {
      weight: { type: 9, quantization: { scale: [1, 2] } },
      buffer: { data: new Uint8Array(6) },
    },
  ],
  ["with weights of another type", /type 9; supported: float32, float16/, { weight: { type: 9 } }],
  ["with too few weights", /\[3,1,1,2\] needs 6 values, has 5/, { buffer: float32(5) }],
  ["with a buffer that is not there", /names the buffer 7 of 2/, { weight: { buffer: 7 } }],
  [
    "with a tensor that is not there",
    /^CONV_2D 'y' \(operator 0\): names the tensor 9/,
    { operator: { inputs: [0, 9] } },
  ],
  [
    "that reads what nothing makes",
    /reads 'y' before it is made/,
    { operator: { inputs: [2, 1] }, output: [1, 4, 4, 2] },
  ],
  [
    "with an activation of its own",
    /^CONV_2D 'y' \(operator 0\): the activation 4/,
    { options: { activation: 4 } },
  ],
  ["without a stride", /strides \[0,1\]/, { options: { strideH: 0 } }],
  ["with another padding", /padding 5/, { options: { padding: 5 } }],
  [
    "without options",
    /^CONV_2D 'y' \(operator 0\): its Conv2DOptions are missing/,
    { operator: { options: undefined } },
  ],
  [
    "with the options of another operator",
    /has MulOptions; expected Conv2DOptions/,
    { operator: { options: { kind: "MulOptions" } } },
  ],
  [
    "that claims another shape",
    /'y' is \[1,3,4,5\] in the file, but \[1,3,4,4\]/,
    { output: [1, 4, 5, 3] },
  ],
  [
    "whose sparsity leaves a dimension out",
    /name each of 4 dimensions/,
    { weight: { sparsity: { ...sparsity, traversalOrder: [0, 1, 2] } }, buffer: float32(3) },
  ],
  [
    "whose sparse sizes are others",
    /dimension 1 has the size 2; expected 1/,
    { weight: { sparsity: withLevel(1, { denseSize: 2 }) }, buffer: float32(3) },
  ],
  [
    "whose segments fall",
    /segments\[2\] is 1; expected 2/,
    {
      weight: { sparsity: withLevel(3, { ...csr, arraySegments: segments(0, 2, 1, 3) }) },
      buffer: float32(3),
    },
  ],
  [
    "whose indices lie outside",
    /indices\[1\] is 2; expected 0 to 1/,
    {
      weight: { sparsity: withLevel(3, { ...csr, arrayIndices: segments(0, 2, 0) }) },
      buffer: float32(3),
    },
  ],
  [
    "that claims two gigabytes in sparse zeros",
    /'w' \[32768,1,1,16384\] is too large for the size of the file/,
    { weight: { sparsity, shape: [2 ** 15, 1, 1, 2 ** 14] }, buffer: float32(3) },
  ],
  [
    "with values left over",
    /has 4 values; .*places for 3/,
    { weight: { sparsity }, buffer: float32(4) },
  ],
])("a file %s is refused", (_, message, change) => {
  expect(() => importTflite(fileOf(change))).toThrow(
    expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) }),
  );
});

test("a list that a file names thousands of times is refused, and at once", () => {
  const builder = new Builder();
  const name = builder.createString("x".repeat(20_000));
  const tensors = Array.from({ length: 2000 }, () => {
    builder.startObject(4);
    builder.addFieldOffset(3, name, 0);
    return builder.endObject();
  });
  const vectorOf = (places: readonly number[]) => {
    builder.startVector(4, places.length, 4);
    for (const place of places) builder.addOffset(place);
    return builder.endVector();
  };
  const all = vectorOf(tensors);
  builder.startObject(5);
  builder.addFieldOffset(0, all, 0);
  const subgraphs = vectorOf([builder.endObject()]);
  builder.startObject(5);
  builder.addFieldInt32(0, 3, 0);
  builder.addFieldOffset(2, subgraphs, 0);
  builder.finish(builder.endObject(), "TFL3");
  expect(() => importTflite(builder.asUint8Array())).toThrow(
    /damaged.* at subgraphs\[0\].tensors\[\d+\].name: its lists are too long for its size/,
  );
});

interface Parts {
  readonly model?: Draft<"Model">;
  readonly code?: number;
  readonly custom?: string;
  readonly weight?: Draft<"Tensor">;
  readonly buffer?: Draft<"Buffer">;
  readonly operator?: Draft<"Operator">;
  readonly options?: Draft<"Conv2DOptions">;
  readonly output?: readonly number[];
}

/** A 1x1 convolution of a 4x4 image from 2 to 3 channels, with what is given changed. */
function fileOf({ model, code, custom, operator, output = [1, 4, 4, 3], ...parts }: Parts): Uint8Array {
  const options = { ...conv.options!, ...parts.options } as Draft<"Operator">["options"];
  return writeFlatBuffer({
    version: 3,
    operatorCodes: [{ builtinCode: code ?? builtinOperators.CONV_2D, customCode: custom }],
    subgraphs: [
      {
        tensors: [image, { ...weight, ...parts.weight }, { name: "y", shape: output }],
        inputs: [0],
        outputs: [2],
        operators: [{ ...conv, options, ...operator }],
      },
    ],
    buffers: [{}, parts.buffer ?? float32(6)],
    ...model,
  });
}

function segments(...numbers: number[]) {
  return { kind: "Int32Vector", values: numbers } as const;
}

function withLevel(level: number, change: Draft<"DimensionMetadata">): Draft<"SparsityParameters"> {
  return { ...sparsity, dimMetadata: sparsity.dimMetadata.with(level, change as never) };
}

/** "valid", or the name of the error. */
function outcome(bytes: Uint8Array): string {
  try {
    importTflite(bytes);
    return "valid";
  } catch (error) {
    return (error as Error).name;
  }
}
