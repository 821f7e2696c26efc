/**
 * Remembers, in IndexedDB, which kernels were the fastest for a model on this device. Where there is no database,
 * nothing is remembered.
 */
import { createStore, get, set, type UseStore } from "idb-keyval";
import type { Choices } from "./backends/backend.ts";

/** By backend. */
export type RememberedChoices = Readonly<Record<string, Choices>>;

/** What was remembered under a key (`choicesKey`). */
export async function recallChoices(key: string): Promise<RememberedChoices> {
  try {
    return (await get<RememberedChoices>(key, store())) ?? {};
  } catch {
    return {};
  }
}

export async function rememberChoices(key: string, choices: RememberedChoices): Promise<void> {
  try {
    await set(key, choices, store());
  } catch {
    // A full or forbidden database costs the trials again next time, nothing else.
  }
}

/** A new version of the browser may compile the same kernels to other code. `model` is a modelHash. */
export function choicesKey(model: string, shapes: unknown = {}): string {
  return JSON.stringify([model, shapes, globalThis.navigator?.userAgent]);
}

let opened: UseStore | undefined;

function store(): UseStore {
  opened ??= createStore("filigree-choices", "choices");
  return opened;
}
