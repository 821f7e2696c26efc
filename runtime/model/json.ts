/** Reads untrusted JSON field by field. Each function returns `value` typed, or throws a ModelError naming `what`. */
import { ModelError } from "./errors.ts";

/** Enough for every real header; less than what overflows the stack of whoever walks or clones it. */
const maxDepth = 32;

/** Throws unless `value` comes back from JSON as it was (`undefined` fields, which JSON leaves out, aside). */
export function checkJson(value: unknown, what: string, depth = 0): void {
  if (depth > maxDepth) fail(what, "nested deeper", `at most ${maxDepth} levels`);
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (!Array.isArray(value) && !(isRecord(value) && isPlain(value))) {
    fail(what, show(value), "what JSON can hold");
  }
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) checkJson(item, `${what}.${key}`, depth + 1);
  }
}

export function asRecord(value: unknown, what: string): Record<string, unknown> {
  return isRecord(value) ? value : fail(what, show(value), "an object");
}

export function asArray(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : fail(what, show(value), "a list");
}

export function asString(value: unknown, what: string): string {
  return typeof value === "string" ? value : fail(what, show(value), "a string");
}

export function asStrings(value: unknown, what: string): readonly string[] {
  return asArray(value, what).map((item, i) => asString(item, `${what}[${i}]`));
}

/** A whole number ≥ 0 and ≤ max. */
export function asCount(value: unknown, what: string, max = Number.MAX_SAFE_INTEGER): number {
  const isCount = Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
  return isCount ? (value as number) : fail(what, show(value), `a whole number from 0 to ${max}`);
}

export function asOneOf<T extends string>(value: unknown, all: readonly T[], what: string): T {
  return all.includes(value as T) ? (value as T) : fail(what, show(value), `one of ${all.join(", ")}`);
}

export function fail(what: string, found: string, expected: string): never {
  throw new ModelError(`${what} is ${found}; expected ${expected}`);
}

/** A value as a message quotes it: short, whatever it is. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isRecord(value)) return "an object";
  if (value === undefined) return "missing";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
