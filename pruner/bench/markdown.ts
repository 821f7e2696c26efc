/** Measured tables in Markdown, put between two marks of a text: numbers in a README are measured ones. */

/** The first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, i) => (i ? "---:" : "---")), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * `text` with `content` between `<!-- measured by NAME -->` and the next `<!-- end of what was measured -->`, and
 * nothing else changed. Throws where the marks are not there.
 */
export function fillMarked(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- measured by ${name} -->`, "<!-- end of what was measured -->"];
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`there is no place between ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}
