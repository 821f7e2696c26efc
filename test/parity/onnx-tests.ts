/**
 * `npm run parity -- --onnx-tests`: ONNX's own tests of operators on the reference and the wasm backend. A test that is
 * declined has to be declined by a ModelError that names the node, the value or the file; what is not declined has to
 * pass.
 */
import { writeFileSync } from "node:fs";
import { plainTable } from "../../pruner/bench/rows.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { type OnnxTest, readOnnxTests, runOnnxTest, toleranceOf } from "../oracle/onnx-tests.ts";
import { hasShared, whyNoShared } from "../shared.ts";
import { backends } from "./engines.ts";
import { progressLine } from "./schedule.ts";

export interface OnnxTestRow {
  readonly archive: string;
  readonly test: string;
  readonly operator: string; // the first that is not known, else that of the first node
  readonly backend: string;
  readonly outcome: "passed" | "declined" | "unknown operator" | "wrong";
  readonly message?: string;
}

/** The backends that run everywhere. */
const tested = ["reference", "wasm"] as const;

const archives = ["node", "pytorch-operator"] as const;

/** Whether no test is wrong, and any has passed. */
export async function onnxTests(json?: string): Promise<boolean> {
  if (!hasShared) throw new Error(whyNoShared);
  const tests = archives.flatMap((archive) => readOnnxTests(archive).map((test) => ({ archive, test })));
  const progress = progressLine(tests.length);
  const rows: OnnxTestRow[] = [];
  for (const { archive, test } of tests) {
    progress.show(test.name);
    for (const backend of tested) {
      rows.push({ archive, test: test.name, backend, ...(await outcomeOf(test, backend)) });
    }
    progress.done(1);
  }
  progress.stop();
  if (json) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  report(rows);
  const isRight = rows.every(({ outcome }) => outcome !== "wrong");
  return isRight && rows.some(({ outcome }) => outcome === "passed");
}

async function outcomeOf(
  test: OnnxTest,
  backend: keyof typeof backends,
): Promise<Pick<OnnxTestRow, "outcome" | "operator" | "message">> {
  const operator = test.model.graph!.node[0]?.opType ?? "none";
  try {
    const { got, want } = await runOnnxTest(test, backends[backend]);
    const message = differenceBetween(got, want, (output) => toleranceOf(test, output));
    return { operator, outcome: message ? "wrong" : "passed", message };
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== "ModelError") return { operator, outcome: "wrong", message: `${name}: ${message}` };
    const unknown = /^(\w+) '[^']*': the operator is (not supported|of the domain)/.exec(message);
    if (unknown) return { operator: unknown[1], outcome: "unknown operator", message };
    const namesSomething = /'|not an ONNX file|opset|functions local/.test(message);
    return { operator, outcome: namesSomething ? "declined" : "wrong", message };
  }
}

/** The first thing that is not as it should be; errors are of the larger of 1 and the value that is wanted. */
export function differenceBetween(
  got: Tensors,
  want: Tensors,
  toleranceOf: (output: number) => number,
): string | undefined {
  for (const [output, [name, { dtype, shape, data }]] of Object.entries(want).entries()) {
    const found = got[name];
    if (!found) return `'${name}' is missing`;
    if (found.dtype !== dtype || String(found.shape) !== String(shape)) {
      return `'${name}' is ${found.dtype} [${found.shape}]; expected ${dtype} [${shape}]`;
    }
    const tolerance = toleranceOf(output);
    for (let i = 0; i < data.length; i++) {
      if (Object.is(found.data[i], data[i])) continue; // also NaN and infinities
      const error = Math.abs(found.data[i] - data[i]) / Math.max(1, Math.abs(data[i]));
      if (!(error <= tolerance)) return `'${name}' at ${i} is ${found.data[i]}; expected ${data[i]}`;
    }
  }
  return undefined;
}

function report(rows: readonly OnnxTestRow[]): void {
  const of = (outcome: OnnxTestRow["outcome"], among = rows) =>
    among.filter((row) => row.outcome === outcome);
  const one = rows.filter(({ backend }) => backend === "reference");
  tell("operators that are not known", of("unknown operator", one), ({ operator }) => operator);
  tell("declined, though the operator is known", of("declined", one), reasonOf);
  for (const { test, backend, message } of of("wrong"))
    console.log(`wrong: ${test} on ${backend}: ${message}`);
  const head = ["tests", "backend", "passed", "applicable", "all", "declined", "unknown operator"];
  const cells = archives.flatMap((archive) =>
    tested.map((backend) => {
      const own = rows.filter((row) => row.archive === archive && row.backend === backend);
      const [passed, wrong, declined, unknown] = (
        ["passed", "wrong", "declined", "unknown operator"] as const
      ).map((outcome) => of(outcome, own).length);
      return [archive, backend, passed, passed + wrong, own.length, declined, unknown].map(String);
    }),
  );
  console.log(plainTable(head, cells));
}

/** "Conv: its element type is float64", without what is the test's own. */
function reasonOf({ operator, message = "" }: OnnxTestRow): string {
  const reason = message.replace(/^\w+ '[^']*': /, "").replace(/'[^']*'/g, "'…'");
  return `${operator}: ${reason.slice(0, 120)}`;
}

function tell(title: string, rows: readonly OnnxTestRow[], keyOf: (row: OnnxTestRow) => string): void {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1);
  console.log(`${title} (${rows.length} tests):`);
  for (const [key, count] of [...counts].sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`  ${String(count).padStart(4)}  ${key}`);
  }
}
