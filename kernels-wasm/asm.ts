/**
 * A WebAssembly assembler: expressions and statements are byte arrays, functions put them together.
 *
 * What is written is what runs: nothing reorders, so the order of the statements is the schedule
 * (V8 keeps it). A kernel reads as the loop it emits:
 *
 *     func("sum", { x: "i32", end: "i32", out: "i32" }, ({ x, end, out }, local) => {
 *       const acc = local("v128");
 *       return [
 *         doWhile([set(acc, f32x4.add(acc, v128.load(x))), set(x, i32.add(x, i32.const(16)))], i32.lt_u(x, end)),
 *         v128.store(out, acc),
 *       ];
 *     });
 */

export type ValueType = "i32" | "f32" | "v128";
/** Bytes, as a tree: nothing is copied until a module is assembled. */
export type Code = readonly (number | Code)[];

export interface Local {
  readonly type: ValueType;
  readonly index: number;
  readonly get: Code; // local.get, made once: most instructions read a local or two
}

const localOf = (type: ValueType, index: number): Local => ({ type, index, get: [0x20, leb(index)] });

/** What an instruction takes: code that leaves a value, or a local to read. */
export type Expr = Code | Local;

export interface Func {
  readonly name: string; // exported under this name
  readonly params: Readonly<Record<string, ValueType>>; // by name, in order
  /** The locals after the parameters, and the code; made when the function is assembled. */
  body(): { readonly locals: readonly ValueType[]; readonly code: Code };
}

const typeByte: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** A function without results. `body` gets its parameters as locals and a maker of further ones. */
export function func<P extends Record<string, ValueType>>(
  name: string,
  params: P,
  body: (params: { [K in keyof P]: Local }, local: (type: ValueType) => Local) => readonly Code[],
): Func {
  return {
    name,
    params,
    body() {
      let count = 0;
      const args = {} as { [K in keyof P]: Local };
      for (const key in params) args[key] = localOf(params[key], count++);
      const locals: ValueType[] = [];
      const code = body(args, (type) => {
        locals.push(type);
        return localOf(type, count++);
      });
      return { locals, code };
    },
  };
}

/** `n` locals of one type. */
export function locals(local: (type: ValueType) => Local, type: ValueType, n: number): Local[] {
  return Array.from({ length: n }, () => local(type));
}

// ── values ──────────────────────────────────────────────────────────────────────────────────────

const value = (expr: Expr): Code => (expr as Partial<Local>).get ?? (expr as Code);

/** Unsigned LEB128: mostly one byte. */
function leb(n: number): number | number[] {
  if (n < 0x80) return n;
  const bytes: number[] = [];
  for (; n >= 0x80; n >>>= 7) bytes.push((n & 0x7f) | 0x80);
  bytes.push(n);
  return bytes;
}

/** Signed LEB128 of an i32. */
function sleb(n: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const byte = n & 0x7f;
    n >>= 7;
    if ((n === 0 && !(byte & 0x40)) || (n === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

const f32Bytes = (x: number): number[] => [...new Uint8Array(new Float32Array([x]).buffer)];

const unary =
  (...op: number[]) =>
  (a: Expr): Code => [value(a), op];
const binary =
  (...op: number[]) =>
  (a: Expr, b: Expr): Code => [value(a), value(b), op];
const simd = (op: number): number[] => (op < 0x80 ? [0xfd, op] : [0xfd, (op & 0x7f) | 0x80, op >> 7]);
const load =
  (align: number, ...op: number[]) =>
  (address: Expr, offset = 0): Code => [value(address), op, align, leb(offset)];
const store =
  (align: number, ...op: number[]) =>
  (address: Expr, x: Expr, offset = 0): Code => [value(address), value(x), op, align, leb(offset)];

export const i32 = {
  const: (n: number): Code => [0x41, sleb(n)],
  load: load(2, 0x28),
  load16_u: load(1, 0x2f),
  store: store(2, 0x36),
  eq: binary(0x46),
  ne: binary(0x47),
  lt_u: binary(0x49),
  gt_s: binary(0x4a),
  eqz: unary(0x45),
  add: binary(0x6a),
  mul: binary(0x6c),
  and: binary(0x71),
  shl: binary(0x74),
  trunc_sat_f32_s: unary(0xfc, 0x00),
};

export const f32 = {
  const: (x: number): Code => [0x43, ...f32Bytes(x)],
  load: load(2, 0x2a),
  store: store(2, 0x38),
  nearest: unary(0x90),
  add: binary(0x92),
  sub: binary(0x93),
  mul: binary(0x94),
  div: binary(0x95),
  min: binary(0x96),
  max: binary(0x97),
  reinterpret_i32: unary(0xbe),
};

export const v128 = {
  /** Four i32 lanes. */
  const: (lanes: readonly number[]): Code => [
    simd(0x0c),
    ...new Uint8Array(Int32Array.from(lanes).buffer),
  ],
  load: load(2, ...simd(0x00)), // 4-byte alignment is all that is promised
  load32_splat: load(2, ...simd(0x09)),
  store: store(2, ...simd(0x0b)),
  store32_lane0: (address: Expr, x: Expr, offset = 0): Code => [
    store(2, ...simd(0x5a))(address, x, offset),
    0,
  ],
  store64_lane0: (address: Expr, x: Expr, offset = 0): Code => [
    store(2, ...simd(0x5b))(address, x, offset),
    0,
  ],
  and: binary(...simd(0x4e)),
  xor: binary(...simd(0x51)),
  /** The bits of a where mask has ones, of b elsewhere. */
  bitselect: (a: Expr, b: Expr, mask: Expr): Code => [value(a), value(b), value(mask), simd(0x52)],
};

export const i32x4 = {
  splat: unary(...simd(0x11)),
  shl: binary(...simd(0xab)), // by an i32
  shr_s: binary(...simd(0xac)),
  add: binary(...simd(0xae)),
  sub: binary(...simd(0xb1)),
};

export const f32x4 = {
  splat: unary(...simd(0x13)),
  eq: binary(...simd(0x41)), // comparisons: all ones or zeros
  lt: binary(...simd(0x43)),
  gt: binary(...simd(0x44)),
  ceil: unary(...simd(0x67)),
  floor: unary(...simd(0x68)),
  nearest: unary(...simd(0x6a)), // whole number, the even one of two
  abs: unary(...simd(0xe0)),
  neg: unary(...simd(0xe1)),
  sqrt: unary(...simd(0xe3)),
  convert_i32x4_s: unary(...simd(0xfa)),
  add: binary(...simd(0xe4)),
  sub: binary(...simd(0xe5)),
  mul: binary(...simd(0xe6)),
  div: binary(...simd(0xe7)),
  min: binary(...simd(0xe8)),
  max: binary(...simd(0xe9)),
  pmin: binary(...simd(0xea)), // b < a ? b : a, one instruction on x64; min is several
  pmax: binary(...simd(0xeb)),
  /** a * b + c, fused or not as the machine likes. */
  relaxed_madd: (a: Expr, b: Expr, c: Expr): Code => [value(a), value(b), value(c), simd(0x105)],
};

/** Four lanes of the eight of a (0..3) and b (4..7). */
export const i32x4_shuffle = (a: Expr, b: Expr, lanes: readonly number[]): Code => [
  value(a),
  value(b),
  simd(0x0d),
  ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte)),
];

// ── statements ──────────────────────────────────────────────────────────────────────────────────

export const set = (local: Local, x: Expr): Code => [value(x), 0x21, leb(local.index)];
export const drop = (x: Expr): Code => [value(x), 0x1a];

/** local += n. */
export const bump = (local: Local, n: number | Local): Code =>
  set(local, i32.add(local, typeof n === "number" ? i32.const(n) : n));

/** Runs the body once, then again while the condition holds. */
export const doWhile = (body: readonly Code[], condition: Expr): Code => [
  0x03,
  0x40,
  body,
  value(condition),
  0x0d,
  0,
  0x0b,
];

export const when = (condition: Code, then: readonly Code[], otherwise?: readonly Code[]): Code => [
  condition,
  0x04,
  0x40,
  then,
  ...(otherwise ? [0x05, otherwise] : []),
  0x0b,
];

/** Runs the body while the condition holds, tested first. */
export const whileDo = (condition: Code, body: readonly Code[]): Code =>
  when(condition, [doWhile(body, condition)]);

/** memory.fill: `bytes` bytes of zero from `address` on. */
export const fillZero = (address: Expr, bytes: Expr): Code => [
  value(address),
  i32.const(0),
  value(bytes),
  0xfc,
  0x0b,
  0,
];

// ── module ──────────────────────────────────────────────────────────────────────────────────────

export interface MemoryImport {
  readonly pages: number; // of 64 KiB; the minimum, and the maximum where shared
  readonly shared: boolean;
}

/** A module that imports the memory "env"."memory" and exports every function. */
export function assemble(funcs: readonly Func[], memory: MemoryImport): Uint8Array<ArrayBuffer> {
  const signatures = funcs.map(({ params }) => Object.values(params).join());
  const types = [...new Set(signatures)];
  const limits = memory.shared ? [3, leb(memory.pages), leb(memory.pages)] : [0, leb(memory.pages)];
  const out = makeOutput();
  const section = (id: number, items: number, write: () => void) => {
    out.put([id]);
    out.sized(() => {
      out.put([leb(items)]);
      write();
    });
  };
  out.put([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  section(1, types.length, () => {
    for (const type of types) {
      const params = type ? type.split(",").map((name) => typeByte[name as ValueType]) : [];
      out.put([0x60, params.length, params, 0]);
    }
  });
  section(2, 1, () => out.put([text("env"), text("memory"), 2, limits]));
  section(3, funcs.length, () => out.put(signatures.map((type) => leb(types.indexOf(type)))));
  section(7, funcs.length, () => {
    for (const [index, { name }] of funcs.entries()) out.put([text(name), 0, leb(index)]);
  });
  section(10, funcs.length, () => {
    for (const func of funcs) {
      out.sized(() => {
        const { locals, code } = func.body();
        out.put([runsOf(locals), code, 0x0b]);
      });
    }
  });
  return out.bytes();
}

const text = (s: string): Code => [leb(s.length), Array.from(s, (char) => char.charCodeAt(0))]; // names are ASCII

/** The declarations of locals: how many of a type, and the type. */
function runsOf(locals: readonly ValueType[]): Code {
  const runs: Code[] = [];
  for (let first = 0, end = 0; first < locals.length; first = end) {
    while (locals[end] === locals[first]) end++;
    runs.push([leb(end - first), typeByte[locals[first]]]);
  }
  return [leb(runs.length), runs];
}

/** The bytes written so far. */
function makeOutput() {
  let buffer = new Uint8Array(1 << 14);
  let end = 0;
  const grow = () => {
    const larger = new Uint8Array(2 * buffer.length);
    larger.set(buffer);
    buffer = larger;
  };
  const put = (code: Code): void => {
    for (let i = 0; i < code.length; i++) {
      const part = code[i];
      if (typeof part !== "number") put(part);
      else {
        if (end === buffer.length) grow();
        buffer[end++] = part;
      }
    }
  };
  return {
    put,
    /** What is written meanwhile, with its size before it. */
    sized(write: () => void): void {
      const start = end;
      write();
      const size = [leb(end - start)].flat();
      if (end + size.length > buffer.length) grow();
      buffer.copyWithin(start + size.length, start, end);
      buffer.set(size, start);
      end += size.length;
    },
    bytes: () => buffer.slice(0, end),
  };
}
