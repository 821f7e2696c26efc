/** The table of backends, in the order in which `load` tries them. */
import type { Backend } from "./backend.ts";
import { reference } from "./reference/index.ts";
import { wasm } from "./wasm/index.ts";

export const backends = { wasm, reference } satisfies Record<string, Backend>;

export type BackendName = keyof typeof backends;
