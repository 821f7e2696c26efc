/**
 * Writes the tables of a TFLite file (import/tflite/schema.ts). A FlatBuffer is written from its end to its start:
 * whatever a table points to is written before it.
 */
import { Builder } from "flatbuffers";
import {
  type Field,
  fileIdentifier,
  type ScalarField,
  type TableName,
  tables,
} from "../../import/tflite/schema.ts";

/** A table to be written; what is left out is absent in the file. */
export type Draft<K extends TableName> = {
  readonly [F in keyof (typeof tables)[K]]?: DraftOf<(typeof tables)[K][F]>;
};
type DraftOf<F> = F extends { scalar: string }
  ? number
  : F extends "string"
    ? string
    : F extends { values: "uint8" }
      ? Uint8Array
      : F extends { values: string }
        ? readonly number[] | Int32Array
        : F extends { table: infer T extends TableName }
          ? Draft<T>
          : F extends { tables: infer T extends TableName }
            ? readonly Draft<T>[]
            : F extends { union: infer U }
              ? DraftUnion<Extract<keyof U, TableName>>
              : never;

/** A member of a union says which it is. */
export type DraftUnion<K extends TableName> = { [T in K]: { readonly kind: T } & Draft<T> }[K];

/** The bytes of the file. `aboutBytes` is the space that is taken at first. */
export function writeFlatBuffer(model: Draft<"Model">, aboutBytes = 1024): Uint8Array {
  const builder = new Builder(aboutBytes);
  builder.finish(writeTable("Model", model), fileIdentifier);
  return builder.asUint8Array();

  function writeTable<K extends TableName>(name: K, draft: Draft<K>): number {
    const fields: ((slot: number) => void)[] = []; // by slot
    for (const [field, type] of Object.entries(tables[name]) as [string, Field][]) {
      const value = (draft as Record<string, unknown>)[field];
      if (typeof type === "object" && "union" in type) {
        const member = value as DraftUnion<TableName> | undefined;
        const at = member && writeTable(member.kind, member);
        fields.push((slot) => member && builder.addFieldInt8(slot, type.union[member.kind], 0));
        fields.push((slot) => at && builder.addFieldOffset(slot, at, 0));
      } else if (typeof type === "object" && "scalar" in type) {
        const number = (value as number | undefined) ?? type.default;
        fields.push((slot) => addNumber(slot, type, number));
      } else {
        const at = value === undefined ? 0 : writeValue(type, value);
        fields.push((slot) => builder.addFieldOffset(slot, at, 0));
      }
    }
    builder.startObject(fields.length);
    for (const [slot, add] of fields.entries()) add(slot);
    return builder.endObject();
  }

  function addNumber(slot: number, { scalar, default: none }: ScalarField, number: number): void {
    if (scalar === "float32") builder.addFieldFloat32(slot, number, none);
    else if (scalar === "uint64") builder.addFieldInt64(slot, BigInt(number), BigInt(none));
    else if (scalar === "int32" || scalar === "uint32") builder.addFieldInt32(slot, number, none);
    else builder.addFieldInt8(slot, number, none);
  }

  /** Where the value lies. */
  function writeValue(type: Exclude<Field, { scalar: string } | { union: unknown }>, value: unknown) {
    if (type === "string") return builder.createString(value as string);
    if ("table" in type) return writeTable(type.table as TableName, value as Draft<TableName>);
    if ("tables" in type) {
      const drafts = value as readonly Draft<TableName>[];
      const places = drafts.map((draft) => writeTable(type.tables as TableName, draft));
      builder.startVector(4, places.length, 4);
      for (const place of places.toReversed()) builder.addOffset(place);
      return builder.endVector();
    }
    if (type.values === "uint8") {
      const bytes = value as Uint8Array;
      builder.prep("align" in type ? type.align : 4, bytes.length);
      return builder.createByteVector(bytes);
    }
    const numbers = value as readonly number[] | Int32Array;
    const bytesEach = { uint16: 2, int32: 4, float32: 4, int64: 8 }[type.values];
    builder.startVector(bytesEach, numbers.length, Math.max(4, bytesEach));
    for (let i = numbers.length - 1; i >= 0; i--) {
      if (type.values === "uint16") builder.addInt16(numbers[i]);
      else if (type.values === "int64") builder.addInt64(BigInt(numbers[i]));
      else if (type.values === "float32") builder.addFloat32(numbers[i]);
      else builder.addInt32(numbers[i]);
    }
    return builder.endVector();
  }
}
