/** What `--readme` writes: only what lies between the marks of its name. */
import { expect, test } from "vitest";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";

const end = "<!-- end of what was measured -->";
const text = `a\n<!-- measured by one -->\nold\n${end}\nb\n<!-- measured by two -->\n${end}\nc`;

test("only the place of the name is filled", () => {
  const filled = fillMarked(text, "two", "new");
  expect(filled).toBe(
    `a\n<!-- measured by one -->\nold\n${end}\nb\n<!-- measured by two -->\n\nnew\n\n${end}\nc`,
  );
});

test("filling twice gives what filling once gives", () => {
  const once = fillMarked(text, "one", "new");
  expect(fillMarked(once, "one", "new")).toBe(once);
});

test("a text without the marks is refused", () => {
  expect(() => fillMarked(text, "three", "new")).toThrow("measured by three");
});

test("a table has its numbers to the right", () => {
  expect(markdownTable(["what", "ms"], [["a", "1"]])).toBe("| what | ms |\n| --- | ---: |\n| a | 1 |");
});
