/**
 * Operators that compute each element on its own, as WGSL expressions: alone they are a kernel, behind another
 * kernel a part of how it stores. So a chain of them costs one reading and one writing.
 */
import { isSparse, type Node } from "../../model/graph.ts";
import { sizeOf } from "../../model/tensor.ts";
import { clipRange } from "../../ops/activation.ts";
import { dtypeOfCast } from "../../ops/cast.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { attrsOf, inputsOf, shapeOf } from "../wasm/plan-facts.ts";
import { broadcastAxes, scalarOf, strided, type Writer } from "./writer.ts";

/** How an operator is written: of its inputs as expressions, each a local name or a load. */
interface Elementwise {
  readonly reads: readonly number[]; // which inputs are read while running
  write(inputs: readonly string[], writer: Writer, node: Node): string;
}

/** Why the operator is not written element by element: undefined where it is. */
export function whyNotElementwise(node: Node, plan: ExecutionPlan): string | undefined {
  const known = elementwiseOf(node);
  if (!known) return "the operator has no kernel";
  const read = known.reads.filter((slot) => node.inputs[slot]).map((slot) => node.inputs[slot]);
  for (const name of [...read, node.outputs[0]]) {
    const { dtype, shape } = plan.values.get(name)!;
    if (sizeOf(shape) === 0) return `'${name}' [${shape}] is empty`;
    if (!(dtypesOf[node.op] ?? floats).includes(dtype)) return `'${name}' is ${dtype}`;
  }
  if (
    node.op === "BatchNormalization" &&
    node.inputs.slice(1).some((name) => !plan.graph.constants.has(name))
  )
    return "its scale, shift, mean or variance is computed while running";
  return undefined;
}

/** The inputs that such a node reads while running. */
export function elementwiseReads(node: Node): string[] {
  return elementwiseOf(node)!
    .reads.map((slot) => node.inputs[slot])
    .filter((name) => name !== undefined && name !== "");
}

/**
 * The expression of a node's result at `i`, the row-major element of its output; `known` is what stands for an input
 * that is computed already.
 */
export function writeElementwise(
  node: Node,
  writer: Writer,
  known: ReadonlyMap<string, string> = new Map(),
): string {
  const inputs = elementwiseReads(node).map(
    (name) => known.get(name) ?? load(writer, name, node.outputs[0]),
  );
  return elementwiseOf(node)!.write(inputs, writer, node);
}

/** A value or constant at the place of element `i` of `target`, to which it broadcasts. */
export function load(writer: Writer, name: string, target: string): string {
  const { plan } = writer;
  const shape = shapeOf(plan, name);
  const constant = plan.graph.constants.get(name);
  if (constant && !isSparse(constant) && constant.data.length === 1 && Number.isFinite(constant.data[0]))
    return writer.constant("number", constant.data[0], scalarOf(constant.dtype));
  return `${writer.value(name)}[${strided(writer, broadcastAxes(shape, shapeOf(plan, target)), "i", 0, "b")}]`;
}

function elementwiseOf(node: Node): Elementwise | undefined {
  return Object.hasOwn(operators, node.op) ? operators[node.op] : undefined;
}

const floats = ["float32"];
const numbers = ["float32", "int32"];
const whole = ["float32", "int32", "bool"];

/** Of the values that are read and made; float32 alone where an operator is not here. */
const dtypesOf: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(["Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"].map((op) => [op, numbers])),
  ...Object.fromEntries(["Abs", "Neg", "Sign"].map((op) => [op, numbers])),
  ...Object.fromEntries(
    ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Where", "Cast"].map((op) => [
      op,
      whole,
    ]),
  ),
  ...Object.fromEntries(["And", "Or", "Xor", "Not"].map((op) => [op, ["bool"]])),
};

type Numbers = { readonly alpha: number; readonly beta: number };

const unary = (write: (x: string, writer: Writer, node: Node) => string): Elementwise => ({
  reads: [0],
  write: ([x], writer, node) => write(x, writer, node),
});
const binary = (write: (a: string, b: string, writer: Writer, node: Node) => string): Elementwise => ({
  reads: [0, 1],
  write: ([a, b], writer, node) => write(a, b, writer, node),
});
const compare = (sign: string) => binary((a, b) => `select(0, 1, ${a} ${sign} ${b})`);
const alphaOf = (writer: Writer, node: Node) =>
  writer.constant("alpha", attrsOf<Numbers>(node).alpha, "f32");
const isInt = ({ plan }: Writer, { inputs }: Node) => plan.values.get(inputs[0])!.dtype !== "float32";

const operators: Readonly<Record<string, Elementwise>> = {
  Abs: unary((x) => `abs(${x})`),
  Acos: unary((x, writer) => {
    writer.helper(arcsine);
    return `1.5707963268 - arcsine(${x})`;
  }),
  Add: binary((a, b) => `${a} + ${b}`),
  And: binary((a, b) => `${a} & ${b}`),
  Asin: unary((x, writer) => {
    writer.helper(arcsine);
    return `arcsine(${x})`;
  }),
  Atan: unary((x) => `atan(${x})`),
  BatchNormalization: {
    reads: [0],
    write([x], writer, node) {
      const { epsilon } = attrsOf<{ epsilon: number }>(node);
      const [, scale, shift, mean, variance] = inputsOf(node, writer.plan).map(
        (input) => input?.value?.data as Float32Array,
      );
      const factors = scale.map((value, c) => value / Math.sqrt(variance[c] + epsilon));
      const shifts = shift.map((value, c) => value - mean[c] * factors[c]);
      const shape = shapeOf(writer.plan, node.outputs[0]);
      const c = strided(
        writer,
        broadcastAxes([shape[1], ...shape.slice(2).map(() => 1)], shape),
        "i",
        0,
        "b",
      );
      return `fma(${x}, ${writer.data(factors, "f32")}[${c}], ${writer.data(shifts, "f32")}[${c}])`;
    },
  },
  Cast: unary((x, { plan }, node) => {
    const from = plan.values.get(node.inputs[0])!.dtype;
    const to = dtypeOfCast[node.attrs.to as number];
    if (to === "float32") return `f32(${x})`;
    if (to === "bool") return `select(0, 1, ${x} != ${from === "float32" ? "0.0" : "0"})`;
    return `i32(${x})`;
  }),
  Ceil: unary((x) => `ceil(${x})`),
  Clip: unary((x, writer, node) => {
    const [lo, hi] = clipRange(node, inputsOf(node, writer.plan));
    return clamped(x, lo, hi, writer);
  }),
  Cos: unary((x) => `cos(${x})`),
  Div: binary((a, b, writer, node) =>
    isInt(writer, node) ? `select(${a} / ${b}, 0, ${b} == 0)` : `${a} / ${b}`,
  ),
  Elu: unary((x, writer, node) => {
    writer.helper(
      "fn elu(x: f32, alpha: f32) -> f32 { return select(x, alpha * (exp(x) - 1.0), x < 0.0); }",
    );
    return `elu(${x}, ${alphaOf(writer, node)})`;
  }),
  Equal: compare("=="),
  Erf: unary((x, writer) => {
    writer.helper(erf);
    return `erf(${x})`;
  }),
  Exp: unary((x) => `exp(${x})`),
  Floor: unary((x) => `floor(${x})`),
  Gelu: unary((x, writer, node) => {
    if (attrsOf<{ approximate: string }>(node).approximate === "tanh") {
      writer.helper(tanh);
      writer.helper(
        "fn gelu_tanh(x: f32) -> f32 { return 0.5 * x * (1.0 + tanh_of(0.7978845608 * (x + 0.044715 * x * x * x))); }",
      );
      return `gelu_tanh(${x})`;
    }
    writer.helper(erf);
    writer.helper("fn gelu(x: f32) -> f32 { return 0.5 * x * (1.0 + erf(x * 0.7071067812)); }");
    return `gelu(${x})`;
  }),
  Greater: compare(">"),
  GreaterOrEqual: compare(">="),
  HardSigmoid: unary((x, writer, node) => {
    const { alpha, beta } = attrsOf<Numbers>(node);
    const [a, b] = [writer.constant("alpha", alpha, "f32"), writer.constant("beta", beta, "f32")];
    return `clamp(fma(${a}, ${x}, ${b}), 0.0, 1.0)`;
  }),
  HardSwish: unary((x, writer) => {
    writer.helper("fn hard_swish(x: f32) -> f32 { return x * clamp(x / 6.0 + 0.5, 0.0, 1.0); }");
    return `hard_swish(${x})`;
  }),
  LeakyRelu: unary((x, writer, node) => {
    writer.helper("fn leaky_relu(x: f32, alpha: f32) -> f32 { return select(x, alpha * x, x < 0.0); }");
    return `leaky_relu(${x}, ${alphaOf(writer, node)})`;
  }),
  Less: compare("<"),
  LessOrEqual: compare("<="),
  Log: unary((x) => `log(${x})`),
  Max: binary((a, b) => `max(${a}, ${b})`),
  Min: binary((a, b) => `min(${a}, ${b})`),
  Mish: unary((x, writer) => {
    writer.helper(tanh);
    writer.helper(softplus);
    writer.helper("fn mish(x: f32) -> f32 { return x * tanh_of(softplus(x)); }");
    return `mish(${x})`;
  }),
  Mod: binary((a, b, writer, node) => {
    if (node.attrs.fmod) return `${a} % ${b}`;
    writer.helper(
      isInt(writer, node)
        ? "fn modulo(a: i32, b: i32) -> i32 { return ((a % b) + b) % b; }"
        : "fn modulo(a: f32, b: f32) -> f32 { return a - b * floor(a / b); }",
    );
    return `modulo(${a}, ${b})`;
  }),
  Mul: binary((a, b) => `${a} * ${b}`),
  Neg: unary((x) => `-(${x})`),
  Not: unary((x) => `1 - ${x}`),
  Or: binary((a, b) => `${a} | ${b}`),
  PRelu: binary((a, b, writer) => {
    writer.helper("fn prelu(x: f32, slope: f32) -> f32 { return select(x, slope * x, x < 0.0); }");
    return `prelu(${a}, ${b})`;
  }),
  Pow: binary((a, b, writer) => {
    writer.helper(power);
    return `power(${a}, ${b})`;
  }),
  Reciprocal: unary((x) => `1.0 / ${x}`),
  Relu: unary((x) => `max(${x}, 0.0)`),
  Round: unary((x) => `round(${x})`),
  Sigmoid: unary((x) => `1.0 / (1.0 + exp(-(${x})))`),
  Sign: unary((x) => `sign(${x})`),
  Sin: unary((x) => `sin(${x})`),
  Softplus: unary((x, writer) => {
    writer.helper(softplus);
    return `softplus(${x})`;
  }),
  Sqrt: unary((x) => `sqrt(${x})`),
  Sub: binary((a, b) => `${a} - ${b}`),
  Swish: unary((x, writer, node) => {
    writer.helper("fn swish(x: f32, alpha: f32) -> f32 { return x / (1.0 + exp(-alpha * x)); }");
    return `swish(${x}, ${alphaOf(writer, node)})`;
  }),
  Tan: unary((x) => `tan(${x})`),
  Tanh: unary((x, writer) => {
    writer.helper(tanh);
    return `tanh_of(${x})`;
  }),
  Where: {
    reads: [0, 1, 2],
    write: ([condition, x, y]) => `select(${y}, ${x}, ${condition} != 0)`,
  },
  Xor: binary((a, b) => `${a} ^ ${b}`),
};

/** No bound is infinite: WGSL has no such constants. */
function clamped(x: string, lo: number, hi: number, writer: Writer): string {
  const low = Number.isFinite(lo) ? `max(${x}, ${writer.constant("lo", lo, "f32")})` : x;
  return Number.isFinite(hi) ? `min(${low}, ${writer.constant("hi", hi, "f32")})` : low;
}

const softplus = "fn softplus(x: f32) -> f32 { return max(x, 0.0) + log(1.0 + exp(-abs(x))); }";

/** Beyond 10 it is 1 in float32; where it is made of exp, as on some devices, larger arguments overflow. */
const tanh = "fn tanh_of(x: f32) -> f32 { return tanh(clamp(x, -10.0, 10.0)); }";

/** Within 1.5e-7: Abramowitz and Stegun, 7.1.26. */
const erf = `fn erf(x: f32) -> f32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - p * exp(-a * a));
}`;

/** Within 2e-8 of the angle, where WGSL asks of asin 2^-11 only: a polynomial fitted up to 0.5, the rest by half angles. */
const arcsine = `fn arcsine(x: f32) -> f32 {
  let a = abs(x);
  let near = a <= 0.5;
  let z = select((1.0 - a) * 0.5, x * x, near);
  let s = select(sqrt(z), a, near);
  let p = 0.16666673 + z * (0.0749881 + z * (0.04501066 + z * (0.02649435 + z * 0.03820657)));
  let angle = s + s * z * p;
  return select(1.0, -1.0, x < 0.0) * select(1.5707963268 - 2.0 * angle, angle, near);
}`;

/** WGSL's pow knows no negative x; of one, whole exponents have a power. */
const power = `fn power(x: f32, y: f32) -> f32 {
  if (y == 0.0) { return 1.0; }
  if (y == 2.0) { return x * x; }
  if (y == 3.0) { return x * x * x; }
  let p = pow(abs(x), y);
  return select(p, -p, x < 0.0 && abs(y) % 2.0 == 1.0);
}`;
