/**
 * A prepared model as bytes, to be started again without its plan: on the same device, by the same version of this
 * code. Numbers are little-endian. write-image.ts writes it.
 *
 *     0  u32  bytes of the head;  4  u32  bytes of the module;  8  u32  numbers of the program
 *    16       the head, JSON in UTF-8; the module; the program, float64 each; to the end, what lies in memory from
 *             the address `first` on: weights and tables
 *
 * The program lists, for each phase: address of its words, pieces; for each piece: calls; for each call: index of
 * the kernel's name, arguments, and these.
 */
import type { StaticValue } from "../../model/graph.ts";
import type { Phase } from "./step.ts";
import type { PhasePieces } from "./threads.ts";

/** All that a run needs. */
export interface Program {
  readonly module: Uint8Array<ArrayBuffer>; // WebAssembly
  readonly pages: number; // of memory
  readonly first: number; // address
  readonly phases: readonly PhasePieces[];
  readonly shown: readonly Shown[]; // of each phase
  readonly staging: ReadonlyMap<string, number>; // address of each graph input and output, row-major
  readonly inputs: readonly Value[]; // of the graph
  readonly outputs: readonly Value[];
  readonly threads: number;
  readonly fma: boolean;
}

/** A program with its memory. */
export interface Running {
  readonly program: Program;
  readonly memory: ArrayBufferLike;
}

type Value = StaticValue & { readonly name: string };

export type Shown = Omit<Phase, "calls">;

export const headStart = 16;

/** Of WebAssembly memory. */
export const pageBytes = 65536;

/** The program, and what is put into its memory at `first`: a view of `image`. */
export function readImage(image: Uint8Array): { program: Program; data: Uint8Array } {
  const view = new DataView(image.buffer, image.byteOffset);
  const [headBytes, moduleBytes, numbers] = [0, 4, 8].map((at) => view.getUint32(at, true));
  let end = headStart;
  const take = (bytes: number) => image.slice(end, (end += bytes));
  const json = JSON.parse(new TextDecoder().decode(take(headBytes)));
  const { names, staging, ...rest } = json;
  const module = take(moduleBytes);
  const phases = phasesOf(new Float64Array(take(numbers * 8).buffer), names);
  const program: Program = { ...rest, module, phases, staging: new Map(staging) };
  const data = image.subarray(end);
  if (program.first + data.length !== program.pages * pageBytes) throw new Error("the image is cut off");
  return { program, data };
}

function phasesOf(numbers: Float64Array, names: readonly string[]): PhasePieces[] {
  const phases: PhasePieces[] = [];
  for (let at = 0; at < numbers.length; ) {
    const words = numbers[at++];
    const pieces = Array.from({ length: numbers[at++] }, () =>
      Array.from({ length: numbers[at++] }, () => {
        const kernel = names[numbers[at++]];
        const count = numbers[at++];
        const args = Array.from(numbers.subarray(at, at + count));
        at += count;
        return { kernel, args };
      }),
    );
    phases.push({ words, pieces });
  }
  return phases;
}
