/**
 * Where a stage of training stands, as bytes: from there it goes on and ends with the same bits.
 *
 *   4 bytes   length of the header, little-endian
 *   header    JSON: { "key", "step", "log", "arrays": [{ "name", "type", "length" }] }
 *   arrays    one after another, each at a multiple of 8 bytes
 */
import { ModelError } from "../../runtime/model/errors.ts";

export type StateArray = Float32Array | Float64Array | Uint8Array;

export interface StageState {
  readonly key: string; // says which run this is: only the same run may go on
  readonly step: number; // steps done
  readonly log: unknown; // plain data that the stage has written down
  readonly arrays: Readonly<Record<string, StateArray>>;
}

/** Keeps the latest state of each stage, by name. `write` replaces it as a whole or not at all. */
export interface CheckpointStore {
  read(stage: string): Promise<Uint8Array | undefined>;
  write(stage: string, bytes: Uint8Array): Promise<void>;
}

const types = { f32: Float32Array, f64: Float64Array, u8: Uint8Array } as const;

export function writeState({ key, step, log, arrays }: StageState): Uint8Array {
  const entries = Object.entries(arrays);
  const list = entries.map(([name, array]) => {
    const type = array instanceof Float32Array ? "f32" : array instanceof Float64Array ? "f64" : "u8";
    return { name, type, length: array.length };
  });
  const header = new TextEncoder().encode(JSON.stringify({ key, step, log, arrays: list }));
  const bytes = entries.reduce((end, [, array]) => aligned(end) + array.byteLength, 4 + header.length);
  const file = new Uint8Array(bytes);
  new DataView(file.buffer).setUint32(0, header.length, true);
  file.set(header, 4);
  let at = 4 + header.length;
  for (const [, { buffer, byteOffset, byteLength }] of entries) {
    at = aligned(at);
    file.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return file;
}

/** Throws a ModelError where the state is of another run: other data, options or program. */
export function readState(bytes: Uint8Array, key: string): StageState {
  const file = new Uint8Array(bytes); // aligned
  const length = new DataView(file.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(4, 4 + length)));
  if (header.key !== key) {
    throw new ModelError(
      "the checkpoint is of another run: its network, data or options differ; remove it, or name another folder",
    );
  }
  const arrays: Record<string, StateArray> = {};
  let at = 4 + length;
  for (const { name, type, length: count } of header.arrays as {
    name: string;
    type: keyof typeof types;
    length: number;
  }[]) {
    const { BYTES_PER_ELEMENT } = types[type];
    at = aligned(at);
    arrays[name] = new types[type](file.buffer, at, count).slice();
    at += count * BYTES_PER_ELEMENT;
  }
  return { key, step: header.step, log: header.log, arrays };
}

/** A key of plain data and arrays: 53 bits of FNV-1a over all of them. */
export function keyOf(options: unknown, arrays: Iterable<ArrayBufferView>): string {
  let [low, high] = [0x811c9dc5, 0xcbf29ce4];
  const add = (byte: number) => {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x01000193) ^ (low >>> 13);
  };
  for (const byte of new TextEncoder().encode(JSON.stringify(options))) add(byte);
  for (const { buffer, byteOffset, byteLength } of arrays) {
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) add(byte);
  }
  return (2 ** 32 * (high & 0x1fffff) + (low >>> 0)).toString(36);
}

/** The arrays whose names start with `prefix`, without it. */
export function arraysUnder(
  arrays: Readonly<Record<string, StateArray>>,
  prefix: string,
): Record<string, Float32Array & Float64Array> {
  return Object.fromEntries(
    Object.entries(arrays).flatMap(([name, array]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), array as Float32Array & Float64Array]] : [],
    ),
  );
}

/** The inverse of `arraysUnder`. */
export function under(
  prefix: string,
  arrays: Readonly<Record<string, StateArray>>,
): Record<string, StateArray> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [prefix + name, array]));
}

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8;
}
