/** How this backend runs an operator: the interface of the table in families.ts. */
import type { Node } from "../../model/graph.ts";
import type { ExecutionPlan } from "../../plan.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Step } from "./fuse.ts";
import type { Writer } from "./writer.ts";

export interface Family {
  /** Why it cannot, or undefined. Empty values and other dtypes than `dtypes` are asked about before. */
  unsupported?(node: Node, plan: ExecutionPlan): string | undefined;
  /** Of its first input and its outputs; float32 where left out. */
  readonly dtypes?: readonly string[];
  /** Several outputs, each of them a kernel. */
  readonly splits?: boolean;
  write(step: Step, context: Context): Dispatch[];
}

export interface Context {
  readonly plan: ExecutionPlan;
  /** For one kernel. */
  writer(): Writer;
  /** What is asked for of a step: "16x8". */
  readonly choices: Readonly<Record<string, string>>;
  /** Keeps what was taken where there was a choice. */
  chosen(label: string, choice: string): void;
}
