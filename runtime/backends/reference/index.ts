/** The backend that defines all others: each operator's plain loop, one after the other, sparse weights decoded. */
import { nodeName } from "../../model/errors.ts";
import { isSparse } from "../../model/graph.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import type { Tensor } from "../../model/tensor.ts";
import { operatorOf, operators } from "../../ops/index.ts";
import { flopsOf } from "../../ops/work.ts";
import type { ExecutionPlan } from "../../plan.ts";
import type { Backend, Executable, Tensors } from "../backend.ts";
import { checkInputs } from "../check-inputs.ts";

export const reference: Backend = {
  name: "reference",

  unsupported(node) {
    return operatorOf(node.op) ? undefined : `supported: ${Object.keys(operators).join(", ")}`;
  },

  async prepare(plan): Promise<Executable> {
    const constants = new Map<string, Tensor>();
    for (const [name, constant] of plan.graph.constants) {
      constants.set(name, isSparse(constant) ? decodeWeight(constant) : constant);
    }
    return {
      async run(inputs) {
        return runNodes(plan, constants, inputs, () => {});
      },

      async profile(inputs, runs = 5) {
        const times = plan.graph.nodes.map((): number[] => []);
        for (let i = 0; i < Math.max(1, runs); i++) {
          runNodes(plan, constants, inputs, (step, ms) => times[step].push(ms));
        }
        return plan.graph.nodes.map((node, step) => {
          const ms = times[step].sort((a, b) => a - b)[times[step].length >> 1];
          const gflops = ms > 0 ? flopsOf(node, plan.values) / ms / 1e6 : 0;
          return { node: nodeName(node), kernel: "reference", detail: "plain loop", ms, gflops };
        });
      },

      dispose() {
        constants.clear();
      },
    };
  },
};

/** Runs all nodes in order; `measured` hears of each. A value is dropped after its last read. */
function runNodes(
  plan: ExecutionPlan,
  constants: ReadonlyMap<string, Tensor>,
  inputs: Tensors,
  measured: (step: number, ms: number) => void,
): Tensors {
  checkInputs(plan, inputs);
  const outputs = new Set(plan.graph.outputs.map(({ name }) => name));
  const values = new Map<string, Tensor>([...constants, ...Object.entries(inputs)]);
  plan.graph.nodes.forEach((node, step) => {
    const start = performance.now();
    const read = node.inputs.map((name) => (name === "" ? undefined : values.get(name)));
    const made = node.outputs.filter((name) => name !== "").map((name) => plan.values.get(name)!);
    const results = operatorOf(node.op)!.reference(node, read, made);
    node.outputs.forEach((name, i) => {
      if (name !== "") values.set(name, results[i]);
    });
    for (const name of [...node.inputs, ...node.outputs]) {
      if (plan.lifetimes.get(name)?.[1] === step && !outputs.has(name)) values.delete(name);
    }
    measured(step, performance.now() - start);
  });
  return Object.fromEntries(
    plan.graph.outputs.map(({ name }) => {
      const value = values.get(name)!;
      // An input or a constant that is also an output stays the caller's: it gets a copy.
      return [name, { ...value, data: value.data.slice() } as Tensor];
    }),
  );
}
