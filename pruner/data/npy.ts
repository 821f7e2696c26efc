/** NumPy's .npy files (format 1 and 2): float32, float64, int32, int64, uint8 in row-major order. */
import { ModelError } from "../../runtime/model/errors.ts";
import { type Shape, sizeOf, type Tensor } from "../../runtime/model/tensor.ts";

/** float64 is rounded to float32, int64 checked to fit int32. Throws a ModelError (starting with `what`). */
export function readNpy(bytes: Uint8Array, what: string): Tensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || new TextDecoder("latin1").decode(bytes.subarray(0, 6)) !== "\x93NUMPY") {
    throw new ModelError(`${what}: not a .npy file`);
  }
  const wide = bytes[6] >= 2; // since format 2 the length of the header takes 4 bytes
  const headerStart = wide ? 12 : 10;
  const headerLength = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = headerStart + headerLength;
  const header = new TextDecoder("latin1").decode(bytes.subarray(headerStart, start));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? "?";
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (shapeText === undefined) throw new ModelError(`${what}: the .npy header has no shape`);
  if (/'fortran_order':\s*True/.test(header)) {
    throw new ModelError(`${what}: the array is stored by columns; save np.ascontiguousarray(x)`);
  }
  const shape = shapeText.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const read = readers[descr];
  if (!read) {
    throw new ModelError(
      `${what}: values are "${descr}"; expected one of ${Object.keys(readers).join(", ")}`,
    );
  }
  const size = sizeOf(shape, what);
  const needed = size * Number(/\d+$/.exec(descr)![0]);
  if (bytes.length - start < needed) {
    throw new ModelError(
      `${what}: [${shape}] of ${descr} needs ${needed} bytes, there are ${bytes.length - start}`,
    );
  }
  // A copy, so that it starts aligned. (Not `slice`: a Buffer's gives a view.)
  return read(shape, new Uint8Array(bytes.subarray(start, start + needed)).buffer, what);
}

const readers: Record<string, (shape: Shape, buffer: ArrayBuffer, what: string) => Tensor> = {
  "<f4": (shape, buffer) => ({ dtype: "float32", shape, data: new Float32Array(buffer) }),
  "<f8": (shape, buffer) => ({
    dtype: "float32",
    shape,
    data: Float32Array.from(new Float64Array(buffer)),
  }),
  "<i4": (shape, buffer) => ({ dtype: "int32", shape, data: new Int32Array(buffer) }),
  "<i8": (shape, buffer, what) => ({
    dtype: "int32",
    shape,
    data: narrow(new BigInt64Array(buffer), what),
  }),
  "|u1": (shape, buffer) => ({ dtype: "uint8", shape, data: new Uint8Array(buffer) }),
};

function narrow(values: BigInt64Array, what: string): Int32Array {
  return Int32Array.from(values, (value) => {
    if (value !== BigInt.asIntN(32, value))
      throw new ModelError(`${what}: ${value} does not fit 32 bits`);
    return Number(value);
  });
}

/** The bytes of a .npy file. */
export function writeNpy({ dtype, shape, data }: Tensor): Uint8Array {
  const descr = { float32: "<f4", int32: "<i4", uint8: "|u1", bool: "|b1" }[dtype];
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // NumPy wants the data at a multiple of 64.
  const start = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + data.byteLength).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, start - 10, true);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[start - 1] = 0x0a;
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}
