/** What every page of the app is, and how it finds its elements. */

export interface Page {
  show(): void;
  hide(): void; // another page is shown, or the tab is hidden
}

/** The element with this id, which index.html has. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no element '${id}'`);
  return found as T;
}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** 1 and, where the page has shared memory, the number of cores, up to the 8 that the runtime uses. */
export function threadChoices(): number[] {
  const cores = Math.min(8, navigator.hardwareConcurrency || 1);
  return crossOriginIsolated && cores > 1
    ? [1, ...(cores > 2 ? [2] : []), ...(cores > 4 ? [4] : []), cores]
    : [1];
}

export function fillThreads(select: HTMLSelectElement): void {
  select.replaceChildren(...threadChoices().map((n) => new Option(String(n), String(n))));
}
