/** The activation kernels: close to the exact function from one end of float32 to the other. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Activation, activate, activationName } from "../../kernels-wasm/activation.ts";
import { assemble, bump, doWhile, func, i32, v128 } from "../../kernels-wasm/asm.ts";
import { makeContext } from "../../kernels-wasm/context.ts";
import { hasRelaxedMadd } from "../../kernels-wasm/index.ts";
import { erf } from "../../runtime/ops/unary.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const clip = (x: number) => Math.min(Math.max(x, 0), 1);
/** f(x) where x is finite, else the limits. */
const tending =
  (f: (x: number) => number, below: number, above: number) =>
  (x: number): number =>
    x === -Infinity ? below : x === Infinity ? above : f(x);

const exact: [activation: Activation, f: (x: number) => number][] = [
  [{ kind: "sigmoid" }, sigmoid],
  [{ kind: "silu" }, tending((x) => x * sigmoid(x), 0, Infinity)],
  [{ kind: "silu", alpha: 1.702 }, tending((x) => x * sigmoid(1.702 * x), 0, Infinity)],
  [{ kind: "gelu" }, tending((x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)), 0, Infinity)],
  [{ kind: "gelu_tanh" }, tending(geluTanh, 0, Infinity)],
  [{ kind: "tanh" }, Math.tanh],
  [{ kind: "erf" }, erf],
  [{ kind: "exp" }, Math.exp],
  [{ kind: "log" }, Math.log],
  [{ kind: "hard_sigmoid", alpha: 0.25, beta: 0.4 }, (x) => clip(0.25 * x + 0.4)],
  [{ kind: "hard_swish" }, tending((x) => x * clip(x / 6 + 0.5), 0, Infinity)],
  [{ kind: "leaky_relu", alpha: 0.1 }, (x) => (x < 0 ? 0.1 * x : x)],
  [{ kind: "leaky_relu", alpha: -2 }, (x) => (x < 0 ? -2 * x : x)],
  [{ kind: "elu", alpha: 1.5 }, (x) => (x < 0 ? 1.5 * Math.expm1(x) : x)],
  [{ kind: "mish" }, tending((x) => x * Math.tanh(softplus(x)), 0, Infinity)],
  [{ kind: "softplus" }, softplus],
  [{ kind: "ceil" }, Math.ceil],
  [{ kind: "floor" }, Math.floor],
  [{ kind: "round" }, (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x))],
  [{ kind: "sqrt" }, Math.sqrt],
  [{ kind: "neg" }, (x) => -x],
  [{ kind: "abs" }, Math.abs],
  [{ kind: "reciprocal" }, (x) => 1 / x],
  [{ kind: "power", alpha: 2 }, (x) => x * x],
  [{ kind: "power", alpha: 7 }, (x) => x ** 7],
  [{ kind: "power", alpha: -3 }, (x) => x ** -3],
  [{ kind: "power", alpha: 0.5 }, Math.sqrt],
  [{ kind: "power", alpha: 0 }, () => 1],
];

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

const edges = [
  ...[0, 1, 0.5, 3, 6, 9, 10, 87.3, 88, 88.37, 88.72, 88.73, 89, 100, 1e4, 1e18, 1e30, 3.4e38, Infinity],
  ...[1e-45, 1e-39, 1.17549435e-38, 1e-30, 1e-10, 1e-5, 0.01, 0.69],
].flatMap((x) => [x, -x]);
/** Every exponent and sign, the numbers between spread evenly over the bits. */
const spread = Array.from(
  new Float32Array(Int32Array.from({ length: 1 << 16 }, (_, i) => (i << 16) | (i * 40503)).buffer),
).filter((x) => !Number.isNaN(x));
const near = Array.from({ length: 40001 }, (_, i) => (i - 20000) / 200); // -100 to 100

const variants = hasRelaxedMadd() ? [false, true] : [false];

for (const fma of variants) {
  test.each(exact.map(([activation, f]) => ({ name: activationName(activation), activation, f })))(
    `$name is exact to a millionth${fma ? ", with fused multiply-add" : ""}`,
    ({ activation, f }) => {
      const x = Float32Array.from([...edges, ...spread, ...near]);
      const got = apply(activation, x, fma);
      let worst = { x: 0, got: 0, want: 0, error: 0 };
      x.forEach((value, i) => {
        const want = f(value);
        if (Object.is(Math.fround(want), got[i])) return;
        const difference = Math.abs(got[i] - want) / Math.max(1, Math.abs(want));
        const error = Number.isNaN(difference) ? Infinity : difference;
        if (error > worst.error) worst = { x: value, got: got[i], want, error };
      });
      expect(worst.error, JSON.stringify(worst)).toBeLessThanOrEqual(1e-6);
    },
  );
}

test.each(exact.map(([activation]) => activation).filter(({ alpha }) => alpha !== 0))(
  "$kind keeps a NaN, whatever its bits",
  (activation) => {
    fc.assert(
      fc.property(fc.integer({ min: 0x7f800001, max: 0x7fffffff }), fc.boolean(), (bits, sign) => {
        const x = new Float32Array(4);
        new Int32Array(x.buffer).fill(sign ? bits | (1 << 31) : bits);
        expect([...apply(activation, x, false)]).toEqual([NaN, NaN, NaN, NaN]);
      }),
      { numRuns: 30, seed: 1 },
    );
  },
);

/** f of every element; their number is a multiple of 4 or padded with zeros. */
function apply(activation: Activation, x: Float32Array, fma: boolean): Float32Array {
  const bytes = Math.ceil(x.length / 4) * 16;
  const pages = Math.ceil(bytes / 65536);
  const run = func("run", { at: "i32", end: "i32" }, ({ at, end }, local) => {
    const context = makeContext(fma, local);
    const each = [v128.store(at, activate(activation, v128.load(at), context)), bump(at, 16)];
    return [...context.fillConstants(), doWhile(each, i32.lt_u(at, end))];
  });
  const memory = new WebAssembly.Memory({ initial: pages });
  const module = new WebAssembly.Module(assemble([run], { pages, shared: false }));
  const values = new Float32Array(memory.buffer);
  values.set(x);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports.run as (at: number, end: number) => void)(0, bytes);
  return values.slice(0, x.length);
}
