/** Options that several commands have, and how numbers and lists are read. */
import { InvalidArgumentError } from "commander";

/** Those of the program itself: they may stand before or after the command. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("expected a number");
  return value;
}

export function wholeNumber(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError("expected a whole number ≥ 0");
  return value;
}

/** 0 <= value < 1 */
export function fraction(text: string): number {
  const value = number(text);
  if (value < 0 || value >= 1) throw new InvalidArgumentError("expected 0 ≤ number < 1");
  return value;
}

export function numbers(text: string): number[] {
  return text.split(",").map(number);
}

export function names(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** A number above 0. */
export function positive(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError("expected a number > 0");
  return value;
}

/** A whole number above 0. */
export function count(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("expected a whole number ≥ 1");
  return value;
}

/** 0 <= value */
export function notNegative(text: string): number {
  const value = number(text);
  if (value < 0) throw new InvalidArgumentError("expected a number ≥ 0");
  return value;
}
