/** Writes the image of a prepared model; image.ts says what it is. */
import { headStart, type Running } from "./image.ts";
import type { PhasePieces } from "./threads.ts";

/** Between two runs. */
export function writeImage({ program, memory }: Running): Uint8Array<ArrayBuffer> {
  const { module, phases, staging, first, ...rest } = program;
  const names: string[] = [];
  const numbers = programOf(phases, names);
  const json = { ...rest, first, names, staging: [...staging] };
  const head = new TextEncoder().encode(JSON.stringify(json));
  const code = new Uint8Array(numbers.buffer);
  const data = new Uint8Array(memory, first).slice();
  const words = new Int32Array(data.buffer);
  for (const { words: address } of phases) {
    if (address >= 0) words.fill(0, (address - first) / 4, (address - first) / 4 + 2); // as before any run
  }
  const image = new Uint8Array(headStart + head.length + module.length + code.length + data.length);
  const view = new DataView(image.buffer);
  [head.length, module.length, numbers.length].forEach((n, i) => void view.setUint32(i * 4, n, true));
  let end = headStart;
  for (const part of [head, module, code, data]) {
    image.set(part, end);
    end += part.length;
  }
  return image;
}

function programOf(phases: readonly PhasePieces[], names: string[]): Float64Array<ArrayBuffer> {
  const indices = new Map<string, number>();
  const indexOf = (kernel: string) => {
    if (!indices.has(kernel)) indices.set(kernel, names.push(kernel) - 1);
    return indices.get(kernel)!;
  };
  const numbers: number[] = [];
  for (const { words, pieces } of phases) {
    numbers.push(words, pieces.length);
    for (const calls of pieces) {
      numbers.push(calls.length);
      for (const { kernel, args } of calls) numbers.push(indexOf(kernel), args.length, ...args);
    }
  }
  return Float64Array.from(numbers);
}
