/** docs/operators.md says what the tables in the code say. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { operatorsFile, operatorsText } from "./operators-table.ts";

test("docs/operators.md is up to date: npm run docs writes it", () => {
  expect(readFileSync(operatorsFile, "utf8")).toBe(operatorsText());
});

test("an attribute stands with its default, in brackets without one, in bold where it is required", () => {
  const row = (name: string) => operatorsText().match(new RegExp(`^\\| ${name} \\|.*$`, "m"))?.[0];
  expect(row("Softmax")).toBe("| Softmax | 1 | axis = -1 | kernel |");
  expect(row("Concat")).toBe("| Concat | 1 or more | **axis** | kernel |");
  expect(row("Transpose")).toBe("| Transpose | 1 | [perm] | kernel |");
});
