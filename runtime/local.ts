/** The engine of this thread: what runs the sessions of `worker: false`. */
import { makeEngine } from "./engine.ts";

export const engine = makeEngine();
