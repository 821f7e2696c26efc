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
import { makePace } from "./pace.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Phase } from "./step.ts";
import { makeRun, type ThreadStart } from "./threads.ts";
import { makeTuner } from "./tune.ts";

const pageBytes = 65536;
const mostTuneMs = 150;
const maxPages = 2 ** 15; // 2 GiB: addresses stay positive as i32

/** An Executable that also says how many threads it has, and whether it multiplies and adds in one go. */
export interface WasmExecutable extends Executable {
  readonly threads: number;
  readonly relaxedSimd: boolean;
  readonly memoryBytes: number; // of WebAssembly memory: it does not grow
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
      const shared = threads > 1;
      const module = await WebAssembly.compile(assemble(bound.functions, { pages, shared }));
      const memory = allocate(pages, shared);
      for (const { address, values } of bound.data) {
        const view = values instanceof Int32Array ? Int32Array : Float32Array;
        new view(memory.buffer, address, values.length).set(values);
      }
      const start: ThreadStart = { module, memory, phases: bound.pieces };
      await crew.start(start);
      const { choices } = tuner;
      const { phases, staging } = bound;
      const shown = phases.map(({ calls: _, ...phase }) => phase);
      const ready = executable(surfaceOf(plan), shown, staging, hosting.plain, start, crew, threads);
      return { ...ready, relaxedSimd: fma, memoryBytes: memory.buffer.byteLength, choices };
    } catch (error) {
      crew.dispose();
      throw error;
    }
  },
} satisfies Backend;

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
function surfaceOf({ graph, values }: ExecutionPlan): ExecutionPlan {
  const { name, inputs, outputs } = graph;
  const outside = [...inputs, ...outputs].map((info) => [info.name, values.get(info.name)!] as const);
  const surface = { name, inputs, outputs, nodes: [], constants: new Map() };
  return { graph: surface, values: new Map(outside), lifetimes: new Map() };
}

function executable(
  plan: ExecutionPlan,
  shown: readonly Omit<Phase, "calls">[],
  staging: Bound["staging"],
  plain: Map<string, Tensor>,
  start: ThreadStart,
  crew: Crew,
  threads: number,
): Omit<WasmExecutable, "relaxedSimd" | "memoryBytes"> {
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
  const fetch = (name: string, inputs: Tensors): Tensor => {
    const given = inputs[name] ?? plain.get(name);
    if (given) return { ...given, data: given.data.slice() } as Tensor;
    const shape = shapeOf(plan, name);
    const view = new Float32Array(memory.buffer, staging.get(name), sizeOf(shape));
    return { dtype: "float32", shape, data: new Float32Array(view) };
  };

  return {
    threads,

    async run(inputs) {
      put(inputs);
      const isShared = threads > 1 && pace.next();
      if (isShared) crew.take();
      const start = performance.now();
      for (const phase of phases) phase(isShared);
      if (threads > 1) pace.record(isShared, performance.now() - start);
      return Object.fromEntries(plan.graph.outputs.map(({ name }) => [name, fetch(name, inputs)]));
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
