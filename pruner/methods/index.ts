/** The pruning methods, by the name the command line knows them by. */
import { magnitude } from "./magnitude.ts";
import type { PruningMethod } from "./method.ts";
import { smart } from "./smart.ts";

export const methods = { smart, magnitude } satisfies Record<string, PruningMethod>;

export type MethodName = keyof typeof methods;
