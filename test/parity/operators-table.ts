/**
 * `npm run docs`: writes docs/operators.md, the table of the operators with their attributes and of who has a kernel
 * for them, from the tables in the code. `--check` fails where the file is not what would be written.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rewritten, rewrittenForms } from "../../pruner/import/rewrite/index.ts";
import { nodeReaders } from "../../pruner/import/tflite/index.ts";
import { bindingOf } from "../../runtime/backends/wasm/bindings.ts";
import { operators } from "../../runtime/ops/index.ts";
import type { AttrSpec, Operator } from "../../runtime/ops/operator.ts";

export const operatorsFile = fileURLToPath(new URL("../../docs/operators.md", import.meta.url));

export function operatorsText(): string {
  const all = Object.entries(operators as Record<string, Operator>).sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = all.map(([name, operator]) => [
    name,
    inputsOf(operator),
    attributesOf(operator.attrs),
    bindingOf(name) ? "kernel" : "plain loop",
  ]);
  const kernels = rows.filter((row) => row[3] === "kernel").length;
  const head = ["operator", "inputs", "attributes", "wasm"];
  const lines = [head, head.map(() => "---"), ...rows];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const older = [...new Set(rewritten)].filter((name) => !Object.hasOwn(operators, name)).sort();
  const forms = Object.entries(rewrittenForms).map(([name, form]) => `${name} ${form}`);
  return `# Operators

<!-- written by npm run docs -->

${all.length} operators, with the meaning that ONNX gives them. The reference backend runs them all as plain loops, on
float32 values and, where an operator says so, on integers and truth values. The wasm backend has kernels for ${kernels}
of them and runs the others, and what a kernel does not take, as the same plain loops between its kernels;
\`session.capabilities\` and \`profile()\` name such nodes. An attribute that is not in the table, and an operator that is
not, is an error that names the node.

${table}

These are replaced at import by operators of the table: ${older.join(", ")}; and
these forms: ${forms.join("; ")}.

Of TFLite these operators are read, on float32, with weights of float32, float16 or int8 with scales, sparse ones too:
${Object.keys(nodeReaders).sort().join(", ")}.
`;
}

function inputsOf({ inputs: [least, most] }: Operator): string {
  if (least === most) return String(least);
  return most === Infinity ? `${least} or more` : `${least} to ${most}`;
}

/** "axis = -1, keepdims = 1"; a word alone is required, one in brackets has no default. */
function attributesOf(attrs: Readonly<Record<string, AttrSpec>>): string {
  return Object.entries(attrs)
    .map(([name, { required, default: value }]) => {
      if (required) return `**${name}**`;
      return value === undefined ? `[${name}]` : `${name} = ${JSON.stringify(value)}`;
    })
    .join(", ")
    .replaceAll("|", "\\|");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = operatorsText();
  if (!process.argv.includes("--check")) {
    mkdirSync(fileURLToPath(new URL("../../docs", import.meta.url)), { recursive: true });
    writeFileSync(operatorsFile, text);
  } else if (readFileSync(operatorsFile, "utf8") !== text) {
    console.error("docs/operators.md is not up to date: npm run docs");
    process.exitCode = 1;
  }
}
