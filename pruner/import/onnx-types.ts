/** The numbers that ONNX gives to element types and to kinds of attributes, by name. */

/** TensorProto.DataType. */
export const dataTypes = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
} as const;

/** AttributeProto.AttributeType. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  "sparse tensor": 11,
  "sparse tensors": 12,
  type: 13,
  types: 14,
} as const;

/** The name of a number of one of these tables: `nameIn(dataTypes, 14)` is "complex64". */
export function nameIn(table: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(table).find((name) => table[name] === value) ?? `number ${value}`;
}
