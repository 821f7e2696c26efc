/** The table of backends, in the order in which `load` tries them. */
import type { Backend } from "./backend.ts";
import { reference } from "./reference/index.ts";
import { wasm } from "./wasm/index.ts";

export const backends = { wasm, reference } satisfies Record<string, Backend>;

/** "webgpu" is no part of the table: it is imported where it is asked for (runtime/webgpu.ts). */
export type BackendName = keyof typeof backends | "webgpu";
