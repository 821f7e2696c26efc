/** Operators that are one function of one variable, as kernels-wasm/activation.ts computes it. */
import type { Activation, ActivationKind, Epilogue } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { attrsOf, inputsOf } from "./plan-facts.ts";
import type { Step } from "./step.ts";

/** The function that a node applies to its first input; undefined for other operators, and for what has no kernel. */
export function activationOf(node: Node, plan: ExecutionPlan): Activation | undefined {
  return Object.hasOwn(functions, node.op) ? functions[node.op](node, plan) : undefined;
}

/** What a step does to a sum before it is stored, beside the clamp. */
export function epilogueOf({ residual, activation, addsLast, lo, hi }: Step): Epilogue {
  const clamps = lo > Number.NEGATIVE_INFINITY || hi < Number.POSITIVE_INFINITY;
  return { residual: residual !== undefined, activation, addsLast, clamps };
}

/** Is f(x) finite and about as large as x? Then lanes that nobody means may be computed too. */
export function isTame({ kind }: Activation): boolean {
  return !wild.has(kind);
}

const wild: ReadonlySet<ActivationKind> = new Set(["exp", "log", "power", "reciprocal", "sqrt"]);

type Numbers = { readonly alpha: number; readonly beta: number };

const simple = (kind: ActivationKind) => (): Activation => ({ kind });
const withAlpha =
  (kind: ActivationKind) =>
  (node: Node): Activation => ({ kind, alpha: attrsOf<Numbers>(node).alpha });

const functions: Readonly<Record<string, (node: Node, plan: ExecutionPlan) => Activation | undefined>> =
  {
    Abs: simple("abs"),
    Ceil: simple("ceil"),
    Elu: withAlpha("elu"),
    Erf: simple("erf"),
    Exp: simple("exp"),
    Floor: simple("floor"),
    Gelu: (node) => ({
      kind: attrsOf<{ approximate: string }>(node).approximate === "tanh" ? "gelu_tanh" : "gelu",
    }),
    HardSigmoid: (node) => ({ kind: "hard_sigmoid", ...attrsOf<Numbers>(node) }),
    HardSwish: simple("hard_swish"),
    LeakyRelu: withAlpha("leaky_relu"),
    Log: simple("log"),
    Mish: simple("mish"),
    Neg: simple("neg"),
    Pow(node, plan) {
      const exponent = inputsOf(node, plan)[1]?.value;
      return exponent?.data.length === 1 ? { kind: "power", alpha: exponent.data[0] } : undefined;
    },
    Reciprocal: simple("reciprocal"),
    Round: simple("round"),
    Sigmoid: simple("sigmoid"),
    Softplus: simple("softplus"),
    Sqrt: simple("sqrt"),
    Swish(node) {
      const { alpha } = attrsOf<Numbers>(node);
      if (alpha === 1) return { kind: "silu" };
      return alpha > 0 ? { kind: "silu", alpha } : undefined;
    },
    Tanh: simple("tanh"),
  };
