/**
 * Remembers, in IndexedDB, which kernels were the fastest for a model on this device. Where there is no database,
 * nothing is remembered.
 */
import { createStore, delMany, entries, get, set, type UseStore } from "idb-keyval";
import type { Choices } from "./backends/backend.ts";

/** By backend. */
export type RememberedChoices = Readonly<Record<string, Choices>>;

/** What lies under a key. Anything may: other versions of this file wrote there, or somebody else. */
interface Entry {
  readonly at: number; // ms since 1970, when it was written
  readonly choices: RememberedChoices;
}

/** So many models, shapes and browser versions are remembered; the oldest entries go. */
const mostEntries = 64;

/** What was remembered under a key (`choicesKey`). */
export async function recallChoices(key: string): Promise<RememberedChoices> {
  try {
    return checked(await get<unknown>(key, store()));
  } catch {
    return {};
  }
}

export async function rememberChoices(key: string, choices: RememberedChoices): Promise<void> {
  try {
    await set(key, { at: Date.now(), choices } satisfies Entry, store());
    const all = await entries<string, Partial<Entry> | null>(store());
    const writtenAt = (entry: Partial<Entry> | null) => Number(entry?.at) || 0;
    const newestFirst = all.sort(([, a], [, b]) => writtenAt(b) - writtenAt(a));
    await delMany(
      newestFirst.slice(mostEntries).map(([key]) => key),
      store(),
    );
  } catch {
    // A full or forbidden database costs the trials again next time, nothing else.
  }
}

/** A new version of the browser may compile the same kernels to other code. `model` is a modelHash. */
export function choicesKey(model: string, shapes: unknown = {}): string {
  return JSON.stringify([model, shapes, globalThis.navigator?.userAgent]);
}

/** The names in an entry, and nothing else that may be there. */
function checked(entry: unknown): RememberedChoices {
  const parts = (value: unknown) => Object.entries(typeof value === "object" && value ? value : {});
  const choices = parts(entry).find(([name]) => name === "choices")?.[1];
  const namesOf = (value: unknown) => parts(value).filter(([, name]) => typeof name === "string");
  return Object.fromEntries(
    parts(choices).map(([backend, names]) => [backend, Object.fromEntries(namesOf(names))]),
  );
}

let opened: UseStore | undefined;

function store(): UseStore {
  opened ??= createStore("filigree-choices", "choices");
  return opened;
}
