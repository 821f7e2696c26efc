/** Masks of blocks become masks of elements. */
import { expect, test } from "vitest";
import type { MaskSearch } from "../../pruner/methods/method.ts";
import { blocksOf } from "../../pruner/pattern.ts";
import { maskedConstants, takeSoftMasks } from "../../pruner/train/masking.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { tensor } from "../../runtime/model/tensor.ts";

test("what is nothing in a soft mask is zero, so that no weight becomes subnormal", () => {
  const value = tensor([4, 2], new Float32Array(8).fill(1));
  const blocks = blocksOf(value.shape, parsePattern("block:1x2"));
  const constants = maskedConstants([{ name: "w", value, blocks }], () => 8);
  const search: MaskSearch = {
    softMask: () => Float32Array.of(1, 1e-9, 1e-13, 1e-40),
    step: () => {},
    state: () => ({ tau: 1, softFraction: 1 }),
    snapshot: () => ({}),
    restore: () => {},
  };
  takeSoftMasks(constants, search);
  const small = Math.fround(1e-9);
  expect([...constants[0].mask]).toEqual([1, 1, small, small, 0, 0, 0, 0]);
});
