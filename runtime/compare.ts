/** Debug level 3: every run is done twice, and the first node whose result differs is named. */
import type { Backend, Executable, Tensors } from "./backends/backend.ts";
import { nodeName } from "./model/errors.ts";
import type { Tensor } from "./model/tensor.ts";
import { type ExecutionPlan, plan } from "./plan.ts";

/** Sums in another order differ by less; a wrong kernel by more. Relative to the largest value of the tensor. */
const tolerance = 1e-4;

/** An executable whose `run` rejects, naming the node, where `truth` says otherwise. */
export async function comparing(
  executable: Executable,
  planned: ExecutionPlan,
  backend: Backend,
  truth: Backend,
): Promise<Executable> {
  const expected = await truth.prepare(planned);
  return {
    ...executable,
    async run(inputs) {
      const outputs = await executable.run(inputs);
      const wanted = await expected.run(inputs);
      for (const { name } of planned.graph.outputs) {
        const difference = differenceOf(outputs[name], wanted[name]);
        if (difference) {
          const where = await firstDifferent(inputs, planned, backend, truth);
          throw new Error(`${backend.name}: output '${name}' ${difference}; ${where}`);
        }
      }
      return outputs;
    },
    dispose() {
      executable.dispose();
      expected.dispose();
    },
  };
}

/** Runs the graph with every value as an output on both backends. Values that are not fused away are seen. */
async function firstDifferent(
  inputs: Tensors,
  planned: ExecutionPlan,
  backend: Backend,
  truth: Backend,
): Promise<string> {
  const makers = planned.graph.nodes.flatMap((node) =>
    node.outputs.filter((name) => name !== "").map((name) => ({ name, node })),
  );
  const outputs = makers.map(({ name }) => ({ name, ...planned.values.get(name)! }));
  const open = plan({ ...planned.graph, outputs });
  const [found, wanted] = await Promise.all(
    [backend, truth].map(async (each) => {
      const executable = await each.prepare(open);
      const values = await executable.run(inputs);
      executable.dispose();
      return values;
    }),
  );
  for (const { name, node } of makers) {
    const difference = differenceOf(found[name], wanted[name]);
    if (difference) return `the first node that differs is ${nodeName(node)}: '${name}' ${difference}`;
  }
  return "with every value kept no node differs: the fault is in fused nodes, or in the reuse of memory";
}

/** Says where two tensors differ most, or undefined where they are equal within the tolerance. */
export function differenceOf(found: Tensor, expected: Tensor): string | undefined {
  if (`${found.dtype} [${found.shape}]` !== `${expected.dtype} [${expected.shape}]`) {
    return `is ${found.dtype} [${found.shape}]; the reference says ${expected.dtype} [${expected.shape}]`;
  }
  let scale = 1;
  for (const value of expected.data)
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  let [most, at] = [tolerance * scale, -1];
  for (let i = 0; i < expected.data.length; i++) {
    if (Object.is(found.data[i], expected.data[i])) continue;
    const difference = Math.abs(found.data[i] - expected.data[i]);
    if (!(difference <= most)) [most, at] = [difference, i];
    if (Number.isNaN(difference)) break;
  }
  return at < 0 ? undefined : `is ${found.data[at]} at ${at}; the reference says ${expected.data[at]}`;
}
