/** The pruning methods, by the name the command line knows them by. */
import { acdc } from "./acdc.ts";
import { awg } from "./awg.ts";
import { dimap } from "./dimap.ts";
import { lamp } from "./lamp.ts";
import { magnitude } from "./magnitude.ts";
import type { PruningMethod } from "./method.ts";
import { pas } from "./pas.ts";
import { pdp } from "./pdp.ts";
import { random } from "./random.ts";
import { smart } from "./smart.ts";

export const methods = {
  smart,
  pdp,
  acdc,
  pas,
  awg,
  magnitude,
  lamp,
  dimap,
  random,
} satisfies Record<string, PruningMethod>;

export type MethodName = keyof typeof methods;

/** Methods that decide while the network is trained, and so need data. */
export const searching: ReadonlySet<MethodName> = new Set(["smart", "pdp", "acdc", "pas", "awg"]);
