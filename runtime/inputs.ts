/** Checks the inputs of a run against the model before they are sent to the worker. */
import { ModelError } from "./model/errors.ts";
import { type DType, sameShape, sizeOf, type Tensor, zeros } from "./model/tensor.ts";
import type { SessionInputs, SessionValue } from "./session.ts";

const arrayNames: Record<DType, string> = {
  float32: "Float32Array",
  int32: "Int32Array",
  uint8: "Uint8Array",
  bool: "Uint8Array",
};

/**
 * Each declared input as a tensor, seen and not copied. Throws a ModelError that names the input that
 * is missing, unknown, or of the wrong dtype, shape or length.
 */
export function checkInputs(
  given: SessionInputs,
  declared: readonly SessionValue[],
): Record<string, Tensor> {
  if (typeof given !== "object" || given === null) {
    throw new ModelError(`inputs are ${given}; expected an object: ${listOf(declared)}`);
  }
  const isAlias = declared.length === 1 && declared[0].name !== "input" && Object.hasOwn(given, "input");
  const named: SessionInputs =
    isAlias && !Object.hasOwn(given, declared[0].name)
      ? { ...given, [declared[0].name]: given.input, input: undefined as never }
      : given;
  for (const name of Object.keys(named)) {
    if (named[name] !== undefined && !declared.some((input) => input.name === name)) {
      throw new ModelError(`input '${name}' is not known; the model has ${listOf(declared)}`);
    }
  }
  return Object.fromEntries(
    declared.map((input) => [
      input.name,
      asTensor(Object.hasOwn(named, input.name) ? named[input.name] : undefined, input),
    ]),
  );
}

/**
 * Outputs that the caller gives back, moved: the caller's arrays are empty afterwards, wherever the model runs. Throws a
 * ModelError that names the one that is no output, or no whole array of the right kind, or in use elsewhere.
 */
export function takeBack(
  given: Readonly<Record<string, Tensor>>,
  declared: readonly SessionValue[],
  inputs: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const buffers = new Set<ArrayBufferLike>();
  const used = new Set(Object.values(inputs).map(({ data }) => data.buffer));
  const tensors = Object.entries(given).map(([name, value]) => {
    const output = declared.find((each) => each.name === name);
    if (!output)
      throw new ModelError(`reuse: '${name}' is no output; the model has ${listOf(declared)}`);
    const tensor = asTensor(value, output, "reuse: output");
    const { buffer, byteLength } = tensor.data;
    const refuse = (found: string) =>
      new ModelError(`reuse: output '${name}' ${found}; give back what a run resolved to`);
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength)
      throw refuse("is not all of a buffer of its own");
    if (buffers.has(buffer)) throw refuse("is given twice");
    if (used.has(buffer)) throw refuse("is also an input that is transferred");
    buffers.add(buffer);
    return [name, tensor];
  });
  return structuredClone(Object.fromEntries(tensors), { transfer: [...buffers] as ArrayBuffer[] });
}

/** The inputs of a run whose values do not matter. */
export function zeroInputs(declared: readonly SessionValue[]): Record<string, Tensor> {
  return Object.fromEntries(declared.map(({ name, dtype, shape }) => [name, zeros(shape, dtype)]));
}

function asTensor(given: unknown, { name, dtype, shape }: SessionValue, role = "input"): Tensor {
  const refuse = (found: string): never => {
    throw new ModelError(`${role} '${name}' is ${found}; expected ${dtype} [${shape}]`);
  };
  if (given === undefined || given === null) return refuse("missing");
  const isBare = ArrayBuffer.isView(given);
  if (!isBare && !(typeof given === "object" && "data" in given && "shape" in given)) {
    return refuse(`a ${typeof given} that is neither a tensor nor a typed array`);
  }
  const tensor = (isBare ? { dtype, shape, data: given } : given) as Tensor;
  if (tensor.dtype !== dtype) refuse(String(tensor.dtype));
  if (!Array.isArray(tensor.shape) || !sameShape(tensor.shape, shape))
    refuse(`of shape [${tensor.shape}]`);
  // The tag, not instanceof: an array may come from another window.
  const arrayName = String((tensor.data as Float32Array)?.[Symbol.toStringTag]);
  if (arrayName !== arrayNames[dtype]) refuse(`held by a ${arrayName}`);
  if (tensor.data.length !== sizeOf(shape)) refuse(`of ${tensor.data.length} values`);
  return { dtype, shape, data: tensor.data } as Tensor;
}

function listOf(declared: readonly SessionValue[]): string {
  return declared.map(({ name, dtype, shape }) => `'${name}' ${dtype} [${shape}]`).join(", ");
}
