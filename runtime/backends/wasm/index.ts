/** The WebAssembly backend: kernels generated for the model, one arena, one or more threads. */
import { assemble, hasRelaxedMadd } from "../../../kernels-wasm/index.ts";
import { ModelError } from "../../model/errors.ts";
import { sizeOf, type Tensor } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import type { Backend, Executable, ProfileRow, Tensors } from "../backend.ts";
import { checkInputs } from "../check-inputs.ts";
import { reference } from "../reference/index.ts";
import { type Bound, bind } from "./bind.ts";
import { bindingOf } from "./bindings.ts";
import { type Crew, makeCrew } from "./helpers.ts";
import { host, isPlain } from "./host.ts";
import { type Program, pageBytes, type Running, readImage } from "./image.ts";
import { makePace } from "./pace.ts";
import { shapeOf } from "./plan-facts.ts";
import { makeRun, type ThreadStart } from "./threads.ts";
import { makeTuner } from "./tune.ts";

const mostTuneMs = 150;
const maxPages = 2 ** 15; // 2 GiB: addresses stay positive as i32

/** An Executable that also says how many threads it has, and whether it multiplies and adds in one go. */
export interface WasmExecutable extends Executable {
  readonly threads: number;
  readonly relaxedSimd: boolean;
  readonly memoryBytes: number; // of WebAssembly memory: it does not grow
  readonly running?: Running; // what an image is written of; absent where a node runs without a kernel
}

export const wasm = {
  name: "wasm",

  unsupported: reference.unsupported,

  hosted(node, plan) {
    const binding = bindingOf(node.op);
    if (!binding) return "the operator has no kernel";
    const computed = node.inputs.filter((name, i) => i === 0 || !plan.graph.constants.has(name));
    for (const name of [...computed, ...node.outputs]) {
      if (name === "" || !isPlain(plan, name)) continue;
      const { dtype, shape } = plan.values.get(name)!;
      return dtype === "float32" ? `'${name}' [${shape}] is empty` : `'${name}' is ${dtype}`;
    }
    if (node.outputs.length > 1) return "it has more than one output";
    return binding.unsupported?.(node, plan);
  },

  async prepare(plan, options = {}): Promise<WasmExecutable> {
    const threads = canShareMemory() ? Math.max(1, Math.floor(options.threads ?? 1)) : 1;
    const fma = options.relaxedSimd !== false && hasRelaxedMadd();
    const crew = makeCrew(threads - 1); // they load while kernels are made
    try {
      const tuner = makeTuner(options.choices ?? {}, options.tuneMs ?? mostTuneMs);
      const hosting = host(plan, wasm.hosted);
      const bound = bind(hosting.plan, { threads, fma, tuner });
      const pages = Math.ceil(bound.bytes / pageBytes);
      const { phases, pieces, staging, data } = bound;
      const program: Program = {
        module: assemble(bound.functions, { pages, shared: threads > 1 }),
        pages,
        first: data[0]?.address ?? pages * pageBytes,
        phases: pieces,
        shown: phases.map(({ calls: _, ...phase }) => phase),
        staging,
        inputs: plan.graph.inputs as Program["inputs"],
        outputs: plan.graph.outputs as Program["outputs"],
        threads,
        fma,
      };
      const start = await startOf(program, (memory) => move(data, memory, plan));
      await crew.start(start);
      return { ...executable(program, hosting.plain, start, crew), choices: tuner.choices };
    } catch (error) {
      crew.dispose();
      throw error;
    }
  },

  async revive(image): Promise<WasmExecutable> {
    const { program, data } = readImage(image);
    const { threads, fma, first } = program;
    if ((threads > 1 && !canShareMemory()) || (fma && !hasRelaxedMadd()))
      throw new Error("the image was made on another device");
    const crew = makeCrew(threads - 1);
    try {
      const start = await startOf(program, (memory) => new Uint8Array(memory, first).set(data));
      crew.start(start).catch(() => {}); // they have started before: nobody waits, whoever is late does nothing
      return executable(program, new Map(), start, crew);
    } catch (error) {
      crew.dispose();
      throw error;
    }
  },
} satisfies Backend;

/** Copies weights and tables; what was made of them for this is freed at once, so that none is there twice. */
function move(data: Bound["data"], memory: ArrayBuffer, { graph }: ExecutionPlan): void {
  const last = new Map(data.map(({ values }, i) => [values.buffer, i]));
  for (const constant of graph.constants.values())
    for (const array of Object.values(constant)) last.delete(array.buffer);
  data.forEach(({ address, values }, i) => {
    const view = values instanceof Int32Array ? Int32Array : Float32Array;
    new view(memory, address, values.length).set(values);
    if (last.get(values.buffer) === i) (values.buffer as Movable).transfer?.(0);
  });
}

/** Of newer browsers: moved to a buffer of no bytes, its memory is free without waiting for the garbage collector. */
type Movable = ArrayBufferLike & { transfer?(length: number): unknown };

/** `fill` puts weights and tables into memory. */
async function startOf(program: Program, fill: (memory: ArrayBuffer) => void): Promise<ThreadStart> {
  const { pages, phases, threads } = program;
  const module = await WebAssembly.compile(program.module);
  const memory = allocate(pages, threads > 1);
  fill(memory.buffer);
  return { module, memory, phases };
}

/** All the memory that the model will ever use: weights, tables and one arena. */
function allocate(pages: number, shared: boolean): WebAssembly.Memory {
  const megabytes = Math.ceil((pages * pageBytes) / 2 ** 20);
  if (pages > maxPages) {
    throw new ModelError(`the model needs ${megabytes} MB of memory; at most 2048 MB can be addressed`);
  }
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch {
    throw new ModelError(`the model needs ${megabytes} MB of memory, more than this device gives`);
  }
}

/** Shared memory is there, workers to share it with, and this thread may wait for them (a page's own may not). */
function canShareMemory(): boolean {
  return (
    typeof SharedArrayBuffer !== "undefined" &&
    typeof Worker !== "undefined" &&
    typeof document === "undefined" &&
    (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true
  );
}

/** What runs need of a plan: not its weights, which lie in WebAssembly memory by now. */
function surfaceOf({ inputs, outputs }: Program): ExecutionPlan {
  const values = new Map([...inputs, ...outputs].map((info) => [info.name, info]));
  const graph = { name: "", inputs, outputs, nodes: [], constants: new Map() };
  return { graph, values, lifetimes: new Map() };
}

function executable(
  program: Program,
  plain: Map<string, Tensor>,
  start: ThreadStart,
  crew: Crew,
): WasmExecutable {
  const { shown, staging, threads, fma, inputs, outputs } = program;
  const plan = surfaceOf(program);
  const { memory } = start;
  const phases = makeRun(start).map((phase, i) => {
    const { run } = shown[i];
    if (!run) return phase;
    return (isShared: boolean) => {
      phase(isShared);
      run(memory.buffer);
    };
  });
  const pace = makePace();
  const put = (inputs: Tensors) => {
    checkInputs(plan, inputs); // or a longer array would be written over what lies behind it
    for (const { name } of plan.graph.inputs) {
      const { data } = inputs[name];
      if (isPlain(plan, name)) plain.set(name, inputs[name]);
      else new Float32Array(memory.buffer, staging.get(name), data.length).set(data);
    }
  };
  const fetch = (name: string, inputs: Tensors, reuse?: Tensors): Tensor => {
    const given = inputs[name] ?? plain.get(name);
    if (given) return { ...given, data: given.data.slice() } as Tensor;
    const shape = shapeOf(plan, name);
    const view = new Float32Array(memory.buffer, staging.get(name), sizeOf(shape));
    const known = reuse?.[name]?.data;
    if (!(known instanceof Float32Array) || known.length !== view.length)
      return { dtype: "float32", shape, data: new Float32Array(view) };
    known.set(view);
    return { dtype: "float32", shape, data: known };
  };

  const isWhole =
    shown.every(({ run }) => !run) && [...inputs, ...outputs].every(({ name }) => staging.has(name));

  return {
    threads,
    relaxedSimd: fma,
    memoryBytes: memory.buffer.byteLength,
    running: isWhole ? { program, memory: memory.buffer } : undefined,

    async run(inputs, reuse) {
      put(inputs);
      const isShared = threads > 1 && pace.next();
      if (isShared) crew.take();
      const start = performance.now();
      for (const phase of phases) phase(isShared);
      if (threads > 1) pace.record(isShared, performance.now() - start);
      return Object.fromEntries(
        plan.graph.outputs.map(({ name }) => [name, fetch(name, inputs, reuse)]),
      );
    },

    async profile(inputs, runs = 20) {
      put(inputs);
      const total = new Float64Array(phases.length);
      crew.take();
      // Clocks in browsers step by 5 to 100 µs: sums over many runs are right where single readings are not.
      for (let run = 0; run < runs; run++) {
        let before = performance.now();
        phases.forEach((phase, i) => {
          phase(threads > 1);
          const now = performance.now();
          total[i] += now - before;
          before = now;
        });
      }
      return shown.map(({ label, kernel, detail, flops }, i): ProfileRow => {
        const ms = total[i] / runs;
        return { node: label, kernel, detail, ms, gflops: ms > 0 ? flops / ms / 1e6 : 0 };
      });
    },

    dispose: () => crew.dispose(),
  };
}
