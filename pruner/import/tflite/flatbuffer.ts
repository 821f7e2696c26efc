/**
 * Reads the tables of a TFLite file (schema.ts) from bytes that may be anything: every offset is checked.
 *
 * A FlatBuffer is tables joined by offsets. A table starts with the way back to its list of slots; a slot holds where
 * its field lies in the table, 0 where it is absent. Fields are numbers, or ways on to vectors, strings and tables.
 */
import { ModelError } from "../../../runtime/model/errors.ts";
import { type Field, fileIdentifier, type TableName, tables } from "./schema.ts";

interface Vector {
  uint8: Uint8Array;
  uint16: Uint16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  float32: Float32Array;
}

const views = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float32: Float32Array,
};

/** A table as an object; absent numbers have their default, absent vectors are empty. */
export type Table<K extends TableName> = {
  readonly [F in keyof (typeof tables)[K]]: ValueOf<(typeof tables)[K][F]>;
};
type ValueOf<F> = F extends { scalar: string }
  ? number
  : F extends "string"
    ? string
    : F extends { values: infer V extends keyof Vector }
      ? Vector[V]
      : F extends { table: infer T extends TableName }
        ? Table<T> | undefined
        : F extends { tables: infer T extends TableName }
          ? readonly Table<T>[]
          : F extends { union: infer U }
            ? Union<Extract<keyof U, TableName>> | undefined
            : never;

/** A member of a union says which it is. */
export type Union<K extends TableName> = { [T in K]: { readonly kind: T } & Table<T> }[K];

export function isTflite(bytes: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(bytes.subarray(4, 8)) === fileIdentifier;
}

/** The whole file. Vectors of numbers are views of one copy of `bytes`. Throws a ModelError on anything malformed. */
export function readFlatBuffer(bytes: Uint8Array): Table<"Model"> {
  if (!isTflite(bytes)) throw new ModelError(`not a TFLite file: it does not say ${fileIdentifier}`);
  const { buffer } = bytes.slice(); // views need an aligned start
  const view = new DataView(buffer);
  // Tables and lists may be named many times over; a file in which they are would take for ever to read.
  let tablesLeft = bytes.length / 4;
  let vectorBytesLeft = 16 * bytes.length;
  const path: string[] = []; // of what is being read

  function readTable<K extends TableName>(name: K, at: number): Table<K> {
    if (tablesLeft-- <= 0) throw new ModelError("its tables are too many for its size");
    const slots = at - view.getInt32(at, true);
    const slotBytes = view.getUint16(slots, true);
    const placeOf = (slot: number) => {
      const entry = 4 + 2 * slot;
      const offset = entry + 2 <= slotBytes ? view.getUint16(slots + entry, true) : 0;
      return offset ? at + offset : undefined;
    };
    const table: Record<string, unknown> = {};
    let slot = 0;
    for (const [field, type] of Object.entries(tables[name]) as [string, Field][]) {
      path.push(path.length ? `.${field}` : field);
      if (typeof type === "object" && "union" in type) {
        table[field] = readUnion(`${name}.${field}`, type.union, placeOf(slot), placeOf(slot + 1));
        slot += 2;
      } else {
        table[field] = readField(type, placeOf(slot));
        slot += 1;
      }
      path.pop();
    }
    return table as Table<K>;
  }

  function readField(type: Exclude<Field, { union: unknown }>, at: number | undefined): unknown {
    if (type === "string") return at === undefined ? "" : new TextDecoder().decode(vector("uint8", at));
    if ("scalar" in type) return at === undefined ? type.default : scalar(type.scalar, at);
    if ("values" in type) return vector(type.values, at);
    if ("table" in type) return at && readTable(type.table as TableName, follow(at));
    if (at === undefined) return [];
    const start = follow(at);
    const count = view.getUint32(start, true);
    if (count > tablesLeft) throw new ModelError(`a list of ${count} tables is too long for its size`);
    return Array.from({ length: count }, (_, i) => {
      path.push(`[${i}]`);
      const table = readTable(type.tables as TableName, follow(start + 4 + 4 * i));
      path.pop();
      return table;
    });
  }

  function readUnion(
    what: string,
    members: Readonly<Record<string, number>>,
    kindAt: number | undefined,
    at: number | undefined,
  ): unknown {
    const number = kindAt === undefined ? 0 : view.getUint8(kindAt);
    if (number === 0 || at === undefined) return undefined;
    const kind = Object.keys(members).find((name) => members[name] === number);
    // What is not known here is told by whoever needs it, with the name of the node.
    if (!kind) return undefined;
    if (!Object.hasOwn(tables, kind)) throw new ModelError(`${what}: the table ${kind} is not known`);
    return { kind, ...readTable(kind as TableName, follow(at)) };
  }

  function follow(at: number): number {
    return at + view.getUint32(at, true);
  }

  function scalar(type: string, at: number): number {
    if (type === "int8") return view.getInt8(at);
    if (type === "uint8" || type === "bool") return view.getUint8(at);
    if (type === "int32") return view.getInt32(at, true);
    if (type === "uint32") return view.getUint32(at, true);
    if (type === "float32") return view.getFloat32(at, true);
    return Number(view.getBigUint64(at, true));
  }

  function vector<V extends keyof Vector>(type: V, at: number | undefined): Vector[V] {
    const View = views[type];
    if (at === undefined) return new View(0) as Vector[V];
    const start = follow(at);
    const result = new View(buffer, start + 4, view.getUint32(start, true)) as Vector[V];
    vectorBytesLeft -= result.byteLength;
    if (vectorBytesLeft < 0) throw new ModelError("its lists are too long for its size");
    return result;
  }

  try {
    return readTable("Model", follow(0));
  } catch (error) {
    // DataView and the typed arrays throw a RangeError behind the end and on a vector that is not aligned.
    const at = path.length ? ` at ${path.join("")}` : "";
    throw new ModelError(`a damaged or truncated TFLite file${at}: ${(error as Error).message}`);
  }
}
