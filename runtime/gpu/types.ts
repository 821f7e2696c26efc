/** What the GPU is asked for, and what comes of it. */
import type { Backend, Choices, Executable } from "../backends/backend.ts";
import type { Deadlines } from "./deadline.ts";

/** A backend that has taken the model. */
export interface Taken {
  readonly executable: Executable;
  readonly by: Backend;
  readonly reasons: string[];
}

export interface GpuOptions {
  /** Is the faster one wanted, or the GPU? */
  readonly mayChoose: boolean;
  readonly choices?: Choices; // of an earlier time on this device
  readonly precision?: "f32" | "f16";
  readonly deadlines?: Deadlines;
  /** How many of the kernels are compiled. */
  onCompiled?(done: number, total: number): void;
  /** The GPU has failed and another backend goes on: heard before the run that it failed in resolves. */
  onChange?(taken: Taken): void | Promise<void>;
}
