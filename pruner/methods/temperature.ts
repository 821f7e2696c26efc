/** How the temperature of a soft mask falls over a search, and how soft the mask is. */
import type { SearchOptions } from "./method.ts";

/** tau at a progress in [0, 1], by the options and, where they leave it open, by `defaults`. */
export function temperatureAt(
  { temperature = "geometric", ...options }: SearchOptions,
  defaults: { readonly tauStart: number; readonly tauEnd: number },
): (progress: number) => number {
  const { tauStart = defaults.tauStart, tauEnd = Math.min(tauStart, defaults.tauEnd) } = options;
  const schedules = {
    geometric: (u: number) => tauStart * (tauEnd / tauStart) ** u,
    linear: (u: number) => tauStart + (tauEnd - tauStart) * u,
    cosine: (u: number) => tauEnd + ((tauStart - tauEnd) * (1 + Math.cos(Math.PI * u))) / 2,
    fixed: () => tauStart,
  };
  return schedules[temperature];
}

/** The fraction of the entries in (0.01, 0.99). */
export function softnessOf(p: ArrayLike<number>): number {
  let soft = 0;
  for (let i = 0; i < p.length; i++) if (p[i] > 0.01 && p[i] < 0.99) soft++;
  return soft / p.length;
}
