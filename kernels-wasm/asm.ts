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
}

/** What an instruction takes: code that leaves a value, or a local to read. */
export type Expr = Code | Local;

export interface Func {
  readonly name: string; // exported under this name
  readonly params: readonly ValueType[];
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
  const types = Object.values(params);
  const args = Object.fromEntries(
    Object.entries(params).map(([key, type], index) => [key, { type, index }]),
  ) as { [K in keyof P]: Local };
  return {
    name,
    params: types,
    body() {
      const locals: ValueType[] = [];
      const local = (type: ValueType): Local => ({ type, index: types.length + locals.push(type) - 1 });
      const code = body(args, local);
      return { locals, code };
    },
  };
}

/** `n` locals of one type. */
export function locals(local: (type: ValueType) => Local, type: ValueType, n: number): Local[] {
  return Array.from({ length: n }, () => local(type));
}

// ── values ──────────────────────────────────────────────────────────────────────────────────────

const isLocal = (expr: Expr): expr is Local => "index" in expr;
const value = (expr: Expr): Code => (isLocal(expr) ? [0x20, leb(expr.index)] : expr);

/** Unsigned LEB128. */
function leb(n: number): number[] {
  const bytes: number[] = [];
  do {
    const rest = n >>> 7;
    bytes.push(rest ? (n & 0x7f) | 0x80 : n & 0x7f);
    n = rest;
  } while (n);
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
const simd = (op: number): number[] => [0xfd, ...leb(op)];
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
  abs: unary(...simd(0xe0)),
  neg: unary(...simd(0xe1)),
  sqrt: unary(...simd(0xe3)),
  convert_i32x4_s: unary(...simd(0xfa)),
  add: binary(...simd(0xe4)),
  sub: binary(...simd(0xe5)),
  mul: binary(...simd(0xe6)),
  div: binary(...simd(0xe7)),
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
  const signatures = [...new Set(funcs.map((f) => f.params.join()))];
  const limits = memory.shared ? [3, leb(memory.pages), leb(memory.pages)] : [0, leb(memory.pages)];
  const bytes: number[] = [];
  const code: Code = [
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(
      1,
      signatures.map((s) => [
        0x60,
        vector(s ? s.split(",").map((t) => [typeByte[t as ValueType]]) : []),
        0,
      ]),
    ),
    section(2, [[text("env"), text("memory"), 2, ...limits]]),
    section(
      3,
      funcs.map((f) => leb(signatures.indexOf(f.params.join()))),
    ),
    section(
      7,
      funcs.map((f, index) => [text(f.name), 0, leb(index)]),
    ),
    section(10, funcs.map(bodyOf)),
  ];
  flatten(code, bytes);
  return new Uint8Array(bytes);
}

function bodyOf(f: Func): Code {
  const { locals, code } = f.body();
  const body: number[] = [];
  flatten([vector(locals.map((type) => [1, typeByte[type]])), code, 0x0b], body);
  return [leb(body.length), body];
}

const vector = (items: readonly Code[]): Code => [leb(items.length), items];
const text = (s: string): Code => vector([...new TextEncoder().encode(s)].map((byte) => [byte]));

function section(id: number, items: readonly Code[]): Code {
  const body: number[] = [];
  flatten(vector(items), body);
  return [id, leb(body.length), body];
}

function flatten(code: Code, into: number[]): void {
  for (const part of code) {
    if (typeof part === "number") into.push(part);
    else flatten(part, into);
  }
}
