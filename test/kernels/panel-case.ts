/** A convolution laid out in memory, with what runs it: for tests that compare a candidate with a plain loop. */
import { assemble, type Func } from "../../kernels-wasm/index.ts";
import type { Candidate, ConvWork } from "../../runtime/backends/wasm/conv-work.ts";
import { roundUp8 } from "../../runtime/backends/wasm/layout.ts";
import type { Builder, Phase } from "../../runtime/backends/wasm/step.ts";
import { random } from "../random.ts";

export interface ConvCase {
  readonly images?: number;
  readonly size: readonly [height: number, width: number]; // of the input
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel?: number;
  readonly stride?: number;
  readonly pad?: number;
  readonly residual?: boolean;
  readonly silu?: boolean; // before the residual
  readonly lo?: number;
  readonly hi?: number;
  /** Is this weight there? */
  readonly keep: (output: number, input: number, tap: number, uniform: number) => boolean;
  readonly threads?: number;
  readonly fma?: boolean;
}

export interface Bench {
  readonly phase: Phase;
  readonly nonzeros: number;
  readonly pixels: number;
  readonly cycles: number; // predicted
  readonly packMs: number;
  run(): void;
  /** The greatest distance from the plain loop, relative to the sum of the products' sizes; NaN counts. */
  worst(): number;
}

export interface Prepared {
  readonly work: ConvWork;
  readonly nonzeros: number;
  bind(candidate: Candidate, scratchBytes: number): Bench;
}

const base = 64;

export function prepareCase(c: ConvCase): Prepared {
  const { images = 1, size, inputs, outputs, kernel = 1, stride = 1, pad = 0 } = c;
  const { lo = -Infinity, hi = Infinity, threads = 1, fma = true } = c;
  const uniform = random(7);
  const taps = kernel * kernel;
  const data = new Float32Array(outputs * inputs * taps);
  let nonzeros = 0;
  for (let o = 0, at = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++, at++) {
        if (c.keep(o, i, tap, uniform())) data[at] = uniform() < 0.5 ? -1 - uniform() : 1 + uniform();
        if (data[at] !== 0) nonzeros++;
      }
    }
  }
  const x = image(base, images, size, inputs, pad);
  const [outH, outW] = size.map((n) => Math.floor((n + 2 * pad - kernel) / stride) + 1);
  const out = image(x.end, images, [outH, outW], outputs, 0);
  const added = image(out.end, images, [outH, outW], outputs, 0);
  const biasAt = added.end;
  const scratch = Math.ceil((biasAt + roundUp8(outputs) * 4) / 64) * 64;
  const before = new Float32Array(scratch / 4); // what lies in memory, scratch and constants aside
  for (const { stride, pixels } of [x, added]) {
    for (const address of pixels(0, 1)) {
      for (let c = 0; c < stride; c++) before[address / 4 + c] = uniform() - 0.5;
    }
  }
  before.fill(Number.NaN, out.address / 4, out.end / 4);
  for (let o = 0; o < outputs; o++) before[biasAt / 4 + o] = uniform() - 0.5;
  const tapBytes = Array.from({ length: taps }, (_, tap) => {
    return Math.floor(tap / kernel) * x.rowBytes + (tap % kernel) * x.stride * 4;
  });
  const work = {
    step: {
      label: "Conv 'case'",
      residual: c.residual ? "added" : undefined,
      activation: c.silu ? { kind: "silu" } : undefined,
      addsLast: c.silu,
      lo,
      hi,
    },
    weights: { data, outputs, inputs, taps, groups: 1 },
    tapBytes,
    pixels: {
      from: x.pixels(-pad, stride, [outH, outW]),
      to: out.pixels(0, 1),
      residual: c.residual ? added.pixels(0, 1) : undefined,
    },
    bias: biasAt,
    lanes: x.stride,
    x: { stride: x.stride, pixelBytes: x.stride * 4 },
    out: { stride: out.stride, pixelBytes: out.stride * 4 },
  } as unknown as ConvWork; // what the families read of it

  return {
    work,
    nonzeros,
    bind(candidate, scratchBytes) {
      const functions = new Map<string, Func>();
      const constants: { address: number; values: Int32Array | Float32Array }[] = [];
      let end = scratch + scratchBytes;
      const builder: Partial<Builder> = {
        threads,
        fma,
        scratch,
        value: () => work.out,
        data(values) {
          const address = Math.ceil(end / 16) * 16;
          constants.push({ address, values });
          end = address + values.byteLength;
          return address;
        },
        kernel(func) {
          functions.set(func.name, func);
          return func.name;
        },
      };
      const start = performance.now();
      const [phase] = candidate.bind(builder as Builder);
      const packMs = performance.now() - start;
      const pages = Math.ceil(end / 65536) + 1;
      const module = new WebAssembly.Module(assemble([...functions.values()], { pages, shared: false }));
      const memory = new WebAssembly.Memory({ initial: pages });
      const floats = new Float32Array(memory.buffer);
      floats.set(before);
      floats.fill(Number.NaN, scratch / 4, (scratch + scratchBytes) / 4);
      for (const { address, values } of constants) {
        const words = new Int32Array(values.buffer, values.byteOffset, values.length);
        new Int32Array(memory.buffer, address, values.length).set(words);
      }
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      const calls = phase.calls.flat().map(({ kernel, args }) => {
        return { kernel: exports[kernel] as (...args: readonly number[]) => void, args };
      });
      return {
        phase,
        nonzeros,
        packMs,
        pixels: work.pixels.from.length,
        cycles: candidate.cycles,
        run() {
          for (const { kernel, args } of calls) kernel(...args);
        },
        worst() {
          return worst(work, floats);
        },
      };
    },
  };
}

/** Images [height, width, stride] inside a border of `pad` zeros, one after another from `address` on. */
function image(
  address: number,
  images: number,
  [h, w]: readonly number[],
  channels: number,
  pad: number,
) {
  const stride = roundUp8(channels);
  const rowBytes = (w + 2 * pad) * stride * 4;
  const imageBytes = (h + 2 * pad) * rowBytes;
  return {
    address,
    stride,
    rowBytes,
    end: address + images * imageBytes,
    /** Addresses of every `step`th pixel of each image from (first, first) on. */
    pixels(first: number, step: number, [rows, cols]: readonly number[] = [h, w]): Int32Array {
      return Int32Array.from({ length: images * rows * cols }, (_, i) => {
        const [n, y, x] = [Math.floor(i / cols / rows), Math.floor(i / cols) % rows, i % cols];
        const [iy, ix] = [y * step + first + pad, x * step + first + pad];
        return address + n * imageBytes + iy * rowBytes + ix * stride * 4;
      });
    },
  };
}

/** The plain loop: every output of every pixel, in double precision. */
function worst(work: ConvWork, floats: Float32Array): number {
  const { outputs, inputs, taps, data } = work.weights;
  const { from, to, residual } = work.pixels;
  let most = 0;
  for (let p = 0; p < from.length; p++) {
    for (let o = 0; o < work.out.stride; o++) {
      let sum = o < outputs ? floats[work.bias / 4 + o] : 0;
      let size = 1;
      const addend = residual ? floats[residual[p] / 4 + o] : 0;
      for (let tap = 0; tap < taps && o < outputs; tap++) {
        for (let i = 0; i < inputs; i++) {
          const product =
            data[(o * inputs + i) * taps + tap] * floats[(from[p] + work.tapBytes[tap]) / 4 + i];
          sum += product;
          size += Math.abs(product);
        }
      }
      if (work.step.activation) sum /= 1 + Math.exp(-sum);
      const expected = Math.min(Math.max(sum + addend, work.step.lo), work.step.hi);
      const error = Math.abs(floats[to[p] / 4 + o] - expected) / size;
      if (!(error <= most)) most = error;
      if (Number.isNaN(error)) return error;
    }
  }
  return most;
}
