/** Kernels as text: what is printed is what runs. */
import { expect, test } from "vitest";
import wabtModule from "wabt";
import { f32, func, i32, set, v128 } from "../../kernels-wasm/asm.ts";
import { kernelNamed } from "../../kernels-wasm/catalogue.ts";
import { assemble, type Func, hasRelaxedMadd } from "../../kernels-wasm/index.ts";
import { wat } from "../../kernels-wasm/wat.ts";
import { bind } from "../../runtime/backends/wasm/bind.ts";
import { host } from "../../runtime/backends/wasm/host.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { findKernel, kernelsOf } from "../../runtime/backends/wasm/listing.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";
import { plan } from "../../runtime/plan.ts";
import { cases } from "../backend/cases/index.ts";
import { tinyClassifier } from "../fixtures.ts";

const wabt = await wabtModule();
const features = {
  simd: true,
  relaxed_simd: true,
  threads: true,
  bulk_memory: true,
  sat_float_to_int: true,
};

/** What another assembler makes of the text. */
function assembled(text: string): Uint8Array {
  const module = wabt.parseWat("kernel.wat", text, features);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** Of all operators' test cases, every kernel once. */
function everyKernel(fma: boolean): Func[] {
  const kernels = new Map<string, Func>();
  for (const { graph } of Object.values(cases).flat()) {
    const tuner = makeTuner({}, 0);
    const { functions } = bind(host(plan(graph), wasm.hosted).plan, { threads: 1, fma, tuner });
    for (const kernel of functions) kernels.set(kernel.name, kernel);
  }
  return [...kernels.values()];
}

test.each([true, false])(
  "the text of every kernel is assembled to the same bytes (fused multiply-add: %s)",
  (fma) => {
    const kernels = everyKernel(fma);
    expect(kernels.length).toBeGreaterThan(100);
    for (const kernel of kernels) {
      const memory = { pages: 3, shared: false };
      expect(assembled(wat([kernel], memory)), kernel.name).toEqual(assemble([kernel], memory));
    }
  },
);

test("kernels of one module share it as text, and its memory", () => {
  const kernels = everyKernel(false).slice(0, 20);
  const memory = { pages: 200, shared: true };
  expect(assembled(wat(kernels, memory))).toEqual(assemble(kernels, memory));
});

test.each([0, -0, 1.5, -1e-45, 3.4028234663852886e38, 0.1, Infinity, -Infinity, NaN])(
  "the constant %d is written exactly",
  (x) => {
    const put = func("put", { at: "i32" }, ({ at }) => [f32.store(at, f32.const(x))]);
    const memory = { pages: 1, shared: false };
    expect(assembled(wat([put], memory))).toEqual(assemble([put], memory));
  },
);

test("a statement between operands stays between them", () => {
  const odd = func("odd", { at: "i32" }, ({ at }, local) => {
    const sum = local("i32");
    return [i32.store(at, i32.add(i32.load(at), [...set(sum, i32.const(-7)), ...i32.add(sum, at)]))];
  });
  const memory = { pages: 1, shared: false };
  expect(assembled(wat([odd], memory))).toEqual(assemble([odd], memory));
});

test("parameters keep their names, other locals are named by type, one statement is a line", () => {
  const copy = func("copy", { from: "i32", to: "i32" }, ({ from, to }, local) => {
    const x = local("v128");
    return [set(x, v128.load(from, 16)), v128.store(to, x)];
  });
  expect(wat([copy], { pages: 1, shared: false })).toBe(
    [
      "(module",
      '  (import "env" "memory" (memory 1))',
      '  (func $copy (export "copy") (param $from i32) (param $to i32)',
      "    (local $v0 v128)",
      "    (local.set $v0 (v128.load offset=16 align=4 (local.get $from)))",
      "    (v128.store align=4 (local.get $to) (local.get $v0))",
      "  )",
      ")",
      "",
    ].join("\n"),
  );
});

test("an opcode that has no name is refused", () => {
  const strange: Func = { name: "f", params: {}, body: () => ({ locals: [], code: [0x01] }) };
  expect(() => wat([strange], { pages: 1, shared: false })).toThrow(/opcode 0x1 has no name/);
});

test.each([
  "f32_conv_6x8_k8",
  "f32_conv_5x8_k4_add",
  "f32_conv_6x8_k8_add_silu",
  "f32_panel_48x1_u2",
  "f32_gemv_2x8_k8",
  "f32_depthwise_3x3_s1_8x4",
  "f32_depthwise_3x3_s2_d2_4x4_hard_swish",
  "f32_layer_norm_192",
  "f32_pool_max",
  "f32_resize_linear",
  "f32_softmax",
  "f32_add",
  "f32_copy_repeated_beside",
  "f32_clear",
])("%s is found by its name", (name) => {
  expect(kernelNamed(name, hasRelaxedMadd())?.name).toBe(name);
  expect(findKernel(name, false)!.text()).toContain(`(export "${name}")`);
});

test("a name that no generator gives is not found", () => {
  expect(findKernel("f32_conv_7x8_k8", false)).toBeUndefined();
  expect(findKernel("f32_nothing", false)).toBeUndefined();
});

test("a model's kernels say which steps call them", () => {
  const kernels = kernelsOf(plan(tinyClassifier()), false);
  const conv = kernels.find(({ name }) => name.startsWith("f32_conv"))!;
  expect(conv.steps.join()).toContain("Conv 'stem' + Relu");
  for (const { text, bytes } of kernels) expect(assembled(text()).length).toBe(bytes);
});
