/** The pruning methods, by the name the command line knows them by. */
import { dimap } from "./dimap.ts";
import { magnitude } from "./magnitude.ts";
import type { PruningMethod } from "./method.ts";
import { smart } from "./smart.ts";

export const methods = { smart, magnitude, dimap } satisfies Record<string, PruningMethod>;

export type MethodName = keyof typeof methods;
