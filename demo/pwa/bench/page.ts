import type { Page } from "../page.ts";

export async function benchPage(): Promise<Page> {
  return { show() {}, hide() {} };
}
