/** What a race is told and what it tells: plain data between the page and the worker that races. */
import type { Timing } from "../../../pruner/bench/page.ts";
import type { Capabilities, ProfileRow, SessionValue } from "../../../runtime/index.ts";
import type { EngineKind } from "./engines.ts";

export interface Runner {
  readonly name: string;
  readonly kind: EngineKind;
  readonly model: Uint8Array;
  /** The runner or judge that has the same weights: their outputs have to agree. */
  readonly like: string;
}

export interface RaceJob {
  readonly runners: readonly Runner[]; // the first one is Filigree: its inputs are everybody's
  /** Run once, to say what is right; not timed. */
  readonly judges: readonly Omit<Runner, "like">[];
  readonly threads: number;
  readonly rounds: number;
  readonly base: string; // address of the app
}

export interface RaceResult {
  readonly name: string;
  readonly kind: EngineKind;
  readonly timing: Timing;
  readonly prepareMs: number; // from the model's bytes to a network that can run; the engine's own loading included
  readonly firstRunMs: number;
  readonly memoryBytes: number; // of WebAssembly, that opening it took
  readonly error: number; // greatest difference of an output / its greatest value
  readonly isRight: boolean;
  readonly capabilities?: Capabilities;
  readonly steps?: readonly ProfileRow[];
}

export type Progress = (doing: string, done: number, total: number) => void;

/** One second of a long run. */
export interface DriftSample {
  readonly second: number; // since the start
  readonly minMs: number;
  readonly medianMs: number;
  readonly runs: number;
}

export interface CostStep {
  readonly name: string; // of the variant
  readonly steps: readonly { readonly node: string; readonly ms: number }[];
}

export type { SessionValue };
