import type { Page } from "../page.ts";

export async function modelPage(): Promise<Page> {
  return { show() {}, hide() {} };
}
