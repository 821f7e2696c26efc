/**
 * Writes the WGSL of one kernel: hands out names for what it binds and for its constants, and collects both. Two
 * layers of one structure give the same text with other constants, and so share a compiled module.
 */
import { isSparse } from "../../model/graph.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import type { DType, Shape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { type Binding, type Data, type Dispatch, lineSize, maxWorkgroups } from "./dispatch.ts";

export type Scalar = "f32" | "i32" | "u32";

export interface Writer {
  readonly plan: ExecutionPlan;
  /** Products keep their operands, not their sums, in float16 (half.ts). */
  readonly isHalf: boolean;
  /** Products hand weights round in subgroups of so many lanes or more; 0: they do not. */
  readonly lanes: number;
  /** The variable of a value or constant, an array of `type`; the same for all names of the same bytes. */
  value(name: string, type?: string): string;
  /** The variable of data of this kernel's own. */
  data(data: Data, type: string): string;
  /** The name of an override: `name`, or one like it where that has another value already. */
  constant(name: string, value: number, type?: Scalar): string;
  /** An extension of WGSL that the kernel needs: "f16". */
  enable(name: string): void;
  /** A function that the kernel calls, written once. */
  helper(code: string): void;
  /** The kernel of `main`, the statements and functions behind its declarations. */
  finish(rest: Omit<Dispatch, "code" | "constants" | "bindings"> & { readonly main: string }): Dispatch;
  /** The value that owns the bytes of another. */
  owner(name: string): string;
}

export interface WriterOptions {
  readonly plan: ExecutionPlan;
  readonly isHalf: boolean;
  readonly lanes: number;
  /** The value that owns the bytes of another, which is a view of it. */
  owner(name: string): string;
  /** A constant as the GPU holds it, kept for all kernels that read it. */
  raw(name: string): Data;
}

export function createWriter({ plan, isHalf, lanes, owner, raw }: WriterOptions): Writer {
  const bindings: Binding[] = [];
  const declarations: string[] = [];
  const variables = new Map<string, string>(); // of values, by owner and type
  const overrides = new Map<string, { value: number; type: Scalar }>();
  const helpers = new Set<string>();
  const enabled = new Set<string>();
  const bind = (binding: Binding, access: string, type: string): string => {
    const variable = `${binding.kind === "value" ? "v" : "c"}${bindings.length}`;
    declarations.push(
      `@group(0) @binding(${bindings.length}) var<storage, ${access}> ${variable}: array<${type}>;`,
    );
    bindings.push(binding);
    return variable;
  };

  return {
    plan,
    isHalf,
    lanes,
    owner,

    value(name, type = scalarOf(plan.values.get(name)!.dtype)) {
      const own = owner(name);
      const known = variables.get(own);
      if (known) return known;
      // A buffer is bound either to read or to read and write in a dispatch: the arena always the latter.
      const variable = plan.graph.constants.has(own)
        ? bind({ kind: "data", data: raw(own) }, "read", type)
        : bind({ kind: "value", name: own }, "read_write", type);
      variables.set(own, variable);
      return variable;
    },

    data: (data, type) => bind({ kind: "data", data }, "read", type),

    constant(name, value, type = "u32") {
      const wanted = type === "u32" ? value >>> 0 : value;
      for (let i = 0; ; i++) {
        const candidate = i ? `${name}_${i}` : name;
        const known = overrides.get(candidate);
        if (known && (known.value !== wanted || known.type !== type)) continue;
        overrides.set(candidate, { value: wanted, type });
        return candidate;
      }
    },

    enable(name) {
      enabled.add(`enable ${name};`);
    },

    helper(code) {
      helpers.add(code);
    },

    finish({ main, ...rest }) {
      const constants = Object.fromEntries([...overrides].map(([name, { value }]) => [name, value]));
      const lines = [...overrides].map(([name, { type }]) => `override ${name}: ${type};`);
      const code = `${[...enabled, ...lines, ...declarations, ...helpers, main].join("\n")}\n`;
      return { ...rest, code, constants, bindings };
    },
  };
}

/** int32, uint8 and bool are words of an i32 on the GPU. */
export function scalarOf(dtype: DType): Scalar {
  return dtype === "float32" ? "f32" : "i32";
}

/** A constant of the plan as the GPU holds it. */
export function rawConstant(plan: ExecutionPlan, name: string): Data {
  const constant = plan.graph.constants.get(name)!;
  if (isSparse(constant)) return decodeWeight(constant).data;
  return constant.dtype === "float32" ? (constant.data as Float32Array) : Int32Array.from(constant.data);
}

/**
 * A kernel that computes each of `count` elements on its own. `body` is written in terms of `i`, the element, a u32.
 */
export function perElement(
  writer: Writer,
  count: number,
  body: string,
): Pick<Dispatch, "workgroups"> & {
  readonly main: string;
} {
  const groups = Math.ceil(count / lineSize);
  const x = Math.min(groups, maxWorkgroups);
  const size = writer.constant("count", count);
  const row = writer.constant("row", x * lineSize);
  return {
    workgroups: [x, Math.ceil(groups / x), 1],
    main: `@compute @workgroup_size(${lineSize})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ${row} + id.x;
  if (i >= ${size}) { return; }
${body}
}`,
  };
}

/** One axis of a walk: `size` steps of `stride` elements. */
export interface Step {
  readonly size: number;
  readonly stride: number; // may be negative, or 0
}

/**
 * The offset of element `index` (row-major over `axes`) of what lies at these strides: a u32 expression. Sums wrap,
 * so that negative strides come out right.
 */
export function strided(
  writer: Writer,
  axes: readonly Step[],
  index: string,
  offset = 0,
  prefix = "s",
): string {
  const merged: Step[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const before = merged.at(-1);
    if (before && before.stride === axis.stride * axis.size) {
      merged[merged.length - 1] = { size: before.size * axis.size, stride: axis.stride };
    } else merged.push(axis);
  }
  let below = 1; // elements of the axes behind
  const terms: string[] = [];
  for (let at = merged.length - 1; at >= 0; at--) {
    const { size, stride } = merged[at];
    if (stride !== 0) {
      const place = below === 1 ? index : `${index} / ${writer.constant(`${prefix}_below`, below)}`;
      const own = at === 0 ? place : `${place} % ${writer.constant(`${prefix}_size`, size)}`;
      terms.unshift(stride === 1 ? own : `(${own}) * ${writer.constant(`${prefix}_stride`, stride)}`);
    }
    below *= size;
  }
  if (offset) terms.unshift(writer.constant(`${prefix}_offset`, offset));
  return terms.length ? terms.join(" + ") : "0u";
}

/** The axes of `target`, walked in a row-major value of `shape` that broadcasts to it. */
export function broadcastAxes(shape: Shape, target: Shape): Step[] {
  const missing = target.length - shape.length;
  const axes: Step[] = [];
  let stride = 1;
  for (let axis = target.length - 1; axis >= 0; axis--) {
    const own = axis < missing ? 1 : shape[axis - missing];
    axes.unshift({ size: target[axis], stride: own === 1 ? 0 : stride });
    stride *= own;
  }
  return axes;
}
