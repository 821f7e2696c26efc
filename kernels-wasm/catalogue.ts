/** Kernels by the name that they are exported under: for people who want to read one, not for running a model. */
import type { ActivationKind } from "./activation.ts";
import type { Func } from "./asm.ts";
import type { Epilogue } from "./epilogue.ts";
import {
  clear,
  conv,
  depthwise,
  type Elementwise,
  elementwise,
  gemv,
  type Inner,
  interleave,
  layerNorm,
  mostVectors,
  panel,
  pool,
  resize,
  softmax,
  softmaxRows,
  transpose,
} from "./index.ts";

/**
 * The kernel of this name, or undefined where no generator gives it that name. Numbers that are not of a kernel's
 * shape, as an activation's alpha is not, are those that the generator takes where none are given.
 */
export function kernelNamed(name: string, fma: boolean): Func | undefined {
  for (const func of everyKernel(name, fma)) if (func.name === name) return func;
  return undefined;
}

/** Kernels of all families; of numbers in the name that could be any, those that it has. */
function* everyKernel(name: string, fma: boolean): Generator<Func> {
  const numbers = (name.match(/\d+/g) ?? []).map(Number);
  yield* [clear(), interleave(), softmax(), transpose(), softmaxRows({ scale: 1, fma })];
  for (const kind of ["max", "average"] as const) yield pool(kind);
  for (const mode of ["nearest", "linear"] as const) yield resize(mode, fma);
  for (const count of numbers.filter((n) => n >= 1)) yield layerNorm({ count, fma });
  for (const epilogue of epilogues()) {
    for (const block of numbers.filter((n) => n >= 1 && n <= 64)) {
      for (let pixels = 1; pixels <= 6; pixels++) yield conv({ ...epilogue, pixels, block, fma });
      for (let groups = 1; groups <= 4; groups++) yield gemv({ ...epilogue, groups, block, fma });
    }
    for (const outputs of [1, 2] as const) {
      for (const unroll of [1, 2] as const) {
        for (let vectors = 1; vectors <= mostVectors[outputs]; vectors++)
          yield panel({ ...epilogue, vectors, outputs, unroll, fma });
      }
    }
    const [, kH, kW, stride, ...rest] = numbers; // after the 32 of f32
    const pixels = rest.at(-2);
    if (epilogue.residual || !name.startsWith("f32_depthwise") || !pixels) continue;
    yield depthwise({
      ...epilogue,
      kH,
      kW,
      stride,
      dilation: rest.length > 2 ? rest[0] : 1,
      pixels,
      fma,
    });
  }
  for (const op of operations) {
    for (const inner of innersOf(op)) {
      yield elementwise({ op, inner, fma });
      for (const kind of activations) yield elementwise({ op, inner, activation: { kind }, fma });
    }
  }
}

const operations: readonly Elementwise[] = [
  ...(["copy", "add", "sub", "mul", "div", "max", "min", "prelu"] as const),
];

const activations: readonly ActivationKind[] = [
  ...(["abs", "elu", "erf", "exp", "gelu", "gelu_tanh", "hard_sigmoid", "hard_swish"] as const),
  ...(["leaky_relu", "log", "neg", "power", "reciprocal", "sigmoid", "silu", "sqrt", "tanh"] as const),
];

function* epilogues(): Generator<Epilogue> {
  yield { residual: false };
  yield { residual: true };
  for (const kind of activations) {
    const activation = { kind };
    yield { residual: false, activation };
    yield { residual: true, activation };
    yield { residual: true, activation, addsLast: true };
  }
}

function innersOf(op: Elementwise): Inner[][] {
  const ways: readonly Inner[] = ["beside", "repeated", "apart"];
  const pairs = ways.flatMap((a) => ways.map((b) => [a, b]));
  return op === "copy" ? pairs : pairs.flatMap((pair) => ways.map((out) => [...pair, out]));
}
