/** What `debug` asks for: the plan and the times on the console, runs compared with the reference. */
import type { Backend, Executable, Tensors } from "./backends/backend.ts";
import { comparing } from "./compare.ts";
import { nodeName } from "./model/errors.ts";
import type { ExecutionPlan } from "./plan.ts";
import type { SessionInfo } from "./session.ts";

/** The executable of `backend`, saying what the debug level asks for; `truth` is the backend that is believed. */
export async function debugged(
  executable: Executable,
  planned: ExecutionPlan,
  { capabilities }: SessionInfo,
  debug: 1 | 2 | 3,
  backend: Backend,
  truth: Backend,
): Promise<Executable> {
  const { nodes, name } = planned.graph;
  console.log(`filigree: '${name}', ${nodes.length} nodes`, capabilities);
  console.table(
    nodes.map((node) => ({
      node: nodeName(node),
      outputs: node.outputs.map((value) => `[${planned.values.get(value)?.shape}]`).join(" "),
    })),
  );
  if (debug < 2) return executable;
  let isTimed = false;
  const timed: Executable = {
    ...executable,
    async run(inputs: Tensors) {
      if (!isTimed) console.table(await executable.profile(inputs));
      isTimed = true;
      return executable.run(inputs);
    },
  };
  return debug < 3 ? timed : comparing(timed, planned, backend, truth);
}
