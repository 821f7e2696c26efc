/**
 * Kernels as WebAssembly text, to be read: what asm.ts made, folded into expressions, one statement a line. Assembled
 * again, it is the same module, byte for byte.
 *
 * Parameters have their names; other locals are named by their type and number, $v3 being the fourth vector.
 */
import type { Code, Func, MemoryImport, ValueType } from "./asm.ts";

export function wat(funcs: readonly Func[], { pages, shared }: MemoryImport): string {
  const limits = shared ? `${pages} ${pages} shared` : `${pages}`;
  const lines = funcs.flatMap((func) => functionLines(func));
  return ["(module", `  (import "env" "memory" (memory ${limits}))`, ...lines, ")", ""].join("\n");
}

/** What stands between an opcode and the next: nothing, a local, a branch depth, a number, lanes, an address. */
type Immediate = "local" | "depth" | "i32" | "f32" | "i32x4" | "lanes" | "zero" | Access;

/** An access to memory: log2 of the alignment that the text need not say, and whether a lane's number follows. */
interface Access {
  readonly align: number;
  readonly lane?: true;
}

interface Instruction {
  readonly name: string;
  readonly takes: number; // operands
  readonly immediate?: Immediate;
}

/** An opcode by its prefix: 0xfd of vectors, 0xfc of what came later. */
const prefixed = (prefix: number, op: number): number => prefix * 0x10000 + op;

const table = (
  prefix: number,
  rows: readonly (readonly [op: number, name: string, takes: number, immediate?: Immediate])[],
): [number, Instruction][] =>
  rows.map(([op, name, takes, immediate]) => [prefixed(prefix, op), { name, takes, immediate }]);

const instructions = new Map<number, Instruction>([
  ...table(0, [
    [0x0d, "br_if", 1, "depth"],
    [0x1a, "drop", 1],
    [0x20, "local.get", 0, "local"],
    [0x21, "local.set", 1, "local"],
    [0x28, "i32.load", 1, { align: 2 }],
    [0x2a, "f32.load", 1, { align: 2 }],
    [0x2f, "i32.load16_u", 1, { align: 1 }],
    [0x36, "i32.store", 2, { align: 2 }],
    [0x38, "f32.store", 2, { align: 2 }],
    [0x41, "i32.const", 0, "i32"],
    [0x43, "f32.const", 0, "f32"],
    [0x45, "i32.eqz", 1],
    [0x46, "i32.eq", 2],
    [0x47, "i32.ne", 2],
    [0x49, "i32.lt_u", 2],
    [0x4a, "i32.gt_s", 2],
    [0x6a, "i32.add", 2],
    [0x6c, "i32.mul", 2],
    [0x71, "i32.and", 2],
    [0x74, "i32.shl", 2],
    [0x90, "f32.nearest", 1],
    [0x92, "f32.add", 2],
    [0x93, "f32.sub", 2],
    [0x94, "f32.mul", 2],
    [0x95, "f32.div", 2],
    [0x96, "f32.min", 2],
    [0x97, "f32.max", 2],
    [0xbe, "f32.reinterpret_i32", 1],
  ]),
  ...table(0xfc, [
    [0x00, "i32.trunc_sat_f32_s", 1],
    [0x0b, "memory.fill", 3, "zero"],
  ]),
  ...table(0xfd, [
    [0x00, "v128.load", 1, { align: 4 }],
    [0x09, "v128.load32_splat", 1, { align: 2 }],
    [0x0b, "v128.store", 2, { align: 4 }],
    [0x0c, "v128.const", 0, "i32x4"],
    [0x0d, "i8x16.shuffle", 2, "lanes"],
    [0x11, "i32x4.splat", 1],
    [0x13, "f32x4.splat", 1],
    [0x41, "f32x4.eq", 2],
    [0x43, "f32x4.lt", 2],
    [0x44, "f32x4.gt", 2],
    [0x4e, "v128.and", 2],
    [0x51, "v128.xor", 2],
    [0x52, "v128.bitselect", 3],
    [0x5a, "v128.store32_lane", 2, { align: 2, lane: true }],
    [0x5b, "v128.store64_lane", 2, { align: 3, lane: true }],
    [0x67, "f32x4.ceil", 1],
    [0x68, "f32x4.floor", 1],
    [0x69, "f32x4.trunc", 1],
    [0x6a, "f32x4.nearest", 1],
    [0xab, "i32x4.shl", 2],
    [0xac, "i32x4.shr_s", 2],
    [0xae, "i32x4.add", 2],
    [0xb1, "i32x4.sub", 2],
    [0xe0, "f32x4.abs", 1],
    [0xe1, "f32x4.neg", 1],
    [0xe3, "f32x4.sqrt", 1],
    [0xe4, "f32x4.add", 2],
    [0xe5, "f32x4.sub", 2],
    [0xe6, "f32x4.mul", 2],
    [0xe7, "f32x4.div", 2],
    [0xe8, "f32x4.min", 2],
    [0xe9, "f32x4.max", 2],
    [0xea, "f32x4.pmin", 2],
    [0xeb, "f32x4.pmax", 2],
    [0xfa, "f32x4.convert_i32x4_s", 1],
    [0x105, "f32x4.relaxed_madd", 3],
  ]),
]);

/** Instructions that leave nothing. */
const isStatement = (name: string): boolean => /store|^(drop|local\.set|br_if|memory\.fill)$/.test(name);

const [loop, when, otherwise, end] = [0x03, 0x04, 0x05, 0x0b];

function functionLines(func: Func): string[] {
  const { locals, code } = func.body();
  const params = Object.entries(func.params);
  const counts = new Map<ValueType, number>();
  const others = locals.map((type): [string, ValueType] => {
    const n = counts.get(type) ?? 0;
    counts.set(type, n + 1);
    return [`${type[0]}${n}`, type];
  });
  const taken = new Set(params.map(([name]) => name));
  const named = others.map(([name, type]): [string, ValueType] => [
    taken.has(name) ? `${name}_` : name,
    type,
  ]);
  const names = [...params, ...named].map(([name]) => `$${name}`);
  const declared = (what: string, list: readonly (readonly [string, ValueType])[]) =>
    list.map(([name, type]) => `(${what} $${name} ${type})`).join(" ");
  const id = func.name.replaceAll(/[^\w.]/g, "_");
  return [
    `  (func $${id} (export "${func.name}") ${declared("param", params)}`,
    ...(named.length ? [`    ${declared("local", named)}`] : []),
    ...block(makeReader(code), names, "    ").lines,
    "  )",
  ];
}

/** The statements up to the end of a block, a loop, an arm of an if, and which opcode ended it. */
function block(
  reader: Reader,
  names: readonly string[],
  indent: string,
): { lines: string[]; endedBy: number } {
  const lines: string[] = [];
  const stack: string[] = [];
  const operands = (n: number) => stack.splice(Math.max(0, stack.length - n), n);
  /** A statement; what was on the stack before it stays there, computed on lines of its own. */
  const say = (...statement: string[]) => {
    for (const left of stack.splice(0)) lines.push(indent + left);
    lines.push(...statement);
  };
  while (!reader.isAtEnd()) {
    const op = reader.opcode();
    if (op === end || op === otherwise) {
      say();
      return { lines, endedBy: op };
    }
    if (op === loop) {
      reader.byte(); // no result
      say(`${indent}(loop`, ...block(reader, names, `${indent}  `).lines, `${indent})`);
    } else if (op === when) {
      reader.byte();
      const condition = operands(1);
      const then = block(reader, names, `${indent}    `);
      const arms = [`${indent}  (then`, ...then.lines, `${indent}  )`];
      if (then.endedBy === otherwise) {
        arms.push(`${indent}  (else`, ...block(reader, names, `${indent}    `).lines, `${indent}  )`);
      }
      say(`${indent}(if ${condition.join("")}`, ...arms, `${indent})`);
    } else {
      const instruction = instructions.get(op);
      if (!instruction)
        throw new Error(`opcode 0x${op.toString(16)} has no name here; add it to wat.ts`);
      const { name, takes, immediate } = instruction;
      const words = [name, ...(immediate ? immediateText(immediate, reader, names) : [])];
      const text = `(${[...words, ...operands(takes)].join(" ")})`;
      if (isStatement(name)) say(indent + text);
      else stack.push(text);
    }
  }
  say();
  return { lines, endedBy: end };
}

function immediateText(immediate: Immediate, reader: Reader, names: readonly string[]): string[] {
  if (typeof immediate === "object") {
    const align = reader.unsigned();
    const offset = reader.unsigned();
    return [
      ...(offset ? [`offset=${offset}`] : []),
      ...(align === immediate.align ? [] : [`align=${2 ** align}`]),
      ...(immediate.lane ? [`${reader.byte()}`] : []),
    ];
  }
  const floats = () => new DataView(Uint8Array.from(reader.bytes(4)).buffer).getFloat32(0, true);
  const ints = () => new Int32Array(Uint8Array.from(reader.bytes(16)).buffer);
  switch (immediate) {
    case "local":
      return [names[reader.unsigned()]];
    case "depth":
      return [`${reader.unsigned()}`];
    case "i32":
      return [`${reader.signed()}`];
    case "f32":
      return [floatText(floats())];
    case "i32x4":
      return ["i32x4", ...Array.from(ints(), String)];
    case "lanes":
      return reader.bytes(16).map(String);
    case "zero":
      reader.byte();
      return [];
  }
}

function floatText(x: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "-inf" : "inf";
  return Object.is(x, -0) ? "-0" : `${x}`;
}

type Reader = ReturnType<typeof makeReader>;

function makeReader(code: Code) {
  const bytes = (code as readonly unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
  let at = 0;
  const byte = () => bytes[at++];
  /** LEB128: the value, and how many bits of it were there. */
  const leb = (): [value: number, bits: number] => {
    for (let value = 0, bits = 0; ; ) {
      const next = byte();
      value |= (next & 0x7f) << bits;
      bits += 7;
      if (next < 0x80) return [value, bits];
    }
  };
  const unsigned = () => leb()[0];
  return {
    byte,
    unsigned,
    isAtEnd: () => at === bytes.length,
    bytes: (n: number) => bytes.slice(at, (at += n)),
    signed(): number {
      const [value, bits] = leb();
      return bits < 32 ? (value << (32 - bits)) >> (32 - bits) : value;
    },
    opcode(): number {
      const first = byte();
      return first === 0xfc || first === 0xfd ? prefixed(first, unsigned()) : first;
    },
  };
}
