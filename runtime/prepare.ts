/** From the bytes of a model file to something that runs, in this thread: read, plan, choose a backend, prepare. */
import type { Backend, Executable } from "./backends/backend.ts";
import { type BackendName, backends } from "./backends/index.ts";
import type { Running } from "./backends/wasm/image.ts";
import { isCrossOriginIsolated, wantedThreads, whyOneThread } from "./capabilities.ts";
import { choicesKey, type RememberedChoices, recallChoices, rememberChoices } from "./choices.ts";
import type { GpuOptions, Taken } from "./gpu/types.ts";
import { ModelError, nodeName } from "./model/errors.ts";
import { modelHash, readModel } from "./model/file.ts";
import { type ExecutionPlan, plan } from "./plan.ts";
import { type Prepared, preparedKey, recallPrepared } from "./prepared.ts";
import type { Capabilities, PrepareModelOptions, SessionInfo, SessionValue } from "./session.ts";

export interface PreparedModel {
  readonly executable: Executable;
  readonly info: SessionInfo;
}

/** How far the preparation is; later on, that another backend goes on where the GPU has failed. */
export type OnStep = (done: number, total: number, changed?: Capabilities) => void | Promise<void>;

const steps = 3; // read, planned, prepared

/** The first runs, which somebody waits for, are over by then. */
const rememberMs = 500;

/** Throws a ModelError where the file is damaged, a node is not valid, or no backend takes the model. */
export async function prepareModel(
  bytes: Uint8Array,
  options: PrepareModelOptions = {},
  onStep: OnStep = () => {},
): Promise<PreparedModel> {
  onStep(0, steps);
  const model = modelHash(bytes);
  const { preparedAs, known } = await recall(model, options);
  const revived = known && (await revive(known));
  if (revived) {
    onStep(steps, steps);
    return { executable: revived, info: known.info };
  }
  const key = choicesKey(model, options.shapes);
  const recalling: RememberedChoices | Promise<RememberedChoices> =
    options.cache === false ? {} : recallChoices(key); // while the file is read
  const { graph, meta } = await readModel(bytes);
  onStep(1, steps);
  const planned = plan(graph, { shapes: options.shapes });
  onStep(2, steps);
  const recalled = await recalling;
  const onChange = (taken: Taken) => onStep(steps, steps, capabilitiesOf(taken, options));
  const onCompiled = (done: number, total: number) => onStep(2 + done / total, steps);
  const taken = await take(planned, recalled, options, { onCompiled, onChange });
  const { executable, by } = taken;
  const backend = by.name;
  const { choices = {} } = executable;
  const isNew = Object.entries(choices).some(([step, name]) => recalled[backend]?.[step] !== name);
  if (isNew && options.cache !== false) void rememberChoices(key, { ...recalled, [backend]: choices });
  onStep(3, steps);
  const info: SessionInfo = {
    inputs: planned.graph.inputs as readonly SessionValue[],
    outputs: planned.graph.outputs as readonly SessionValue[],
    capabilities: capabilitiesOf(taken, options),
    meta,
    memory: { bytes: (executable as Partial<Facts>).memoryBytes ?? 0 },
  };
  const { running } = executable as Partial<Facts>;
  if (preparedAs && running) void rememberLater(preparedAs, running, info);
  if (!options.debug) return { executable, info };
  const { debugged } = await import("./debug.ts");
  const seen = [by, backends.reference] as const;
  return { executable: await debugged(executable, planned, info, options.debug, ...seen), info };
}

async function recall(
  model: string,
  options: PrepareModelOptions,
): Promise<{ preparedAs?: string; known?: Prepared }> {
  const preparedAs = preparedKey(model, options);
  return preparedAs ? { preparedAs, known: await recallPrepared(preparedAs) } : {};
}

/** As it was prepared before. Undefined where that does not run here any more. */
async function revive({ info, image }: Prepared): Promise<Executable | undefined> {
  try {
    return await (backends[info.capabilities.backend as "wasm"] as Backend | undefined)?.revive?.(image);
  } catch {
    return undefined;
  }
}

async function rememberLater(key: string, running: Running, info: SessionInfo): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, rememberMs));
  try {
    const { remember } = await import("./remember.ts");
    await remember(key, running, info);
  } catch {
    // The script cannot be had: the next load prepares the model again.
  }
}

/** What an executable may say of itself. */
interface Facts {
  readonly threads: number;
  readonly relaxedSimd: boolean;
  readonly memoryBytes: number;
  readonly running: Running; // of the wasm backend
}

function capabilitiesOf(
  { executable, by, reasons }: Taken,
  { threads: asked }: PrepareModelOptions,
): Capabilities {
  const { threads = 1, relaxedSimd = false } = executable as Partial<Facts>;
  const why = by.name === "wasm" && threads === 1 ? whyOneThread(asked) : undefined;
  return {
    backend: by.name as BackendName,
    threads,
    relaxedSimd,
    crossOriginIsolated: isCrossOriginIsolated(),
    reasons: why ? [...reasons, why] : reasons,
  };
}

/** The GPU where it is asked for, else the first backend that takes the model. */
async function take(
  planned: ExecutionPlan,
  choices: RememberedChoices,
  options: PrepareModelOptions,
  heard: Pick<GpuOptions, "onCompiled" | "onChange">,
): Promise<Taken> {
  const { backend } = options;
  const mayChoose = backend === "auto";
  if (backend !== "webgpu" && !(mayChoose && (globalThis.navigator as Partial<Navigator>)?.gpu))
    return firstThatTakes(planned, choices, options);
  const other = () => firstThatTakes(planned, choices, { ...options, backend: "auto" });
  const part = await import("./webgpu.ts").catch((error) => ({ missing: messageOf(error) }));
  if ("missing" in part) {
    const taken = await other();
    return { ...taken, reasons: [`webgpu is not used: ${part.missing}`, ...taken.reasons] };
  }
  return part.takeGpu(planned, { mayChoose, choices: choices.webgpu, ...options, ...heard }, other);
}

/** The first backend that takes the whole model. */
async function firstThatTakes(
  planned: ExecutionPlan,
  choices: RememberedChoices,
  { backend = "auto", threads }: PrepareModelOptions,
): Promise<Taken> {
  const known = Object.keys(backends) as (keyof typeof backends)[];
  if (backend !== "auto" && !Object.hasOwn(backends, backend)) {
    throw new ModelError(
      `backend "${backend}" is not known; expected auto, webgpu, ${known.join(" or ")}`,
    );
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new ModelError(`threads is ${threads}; expected a whole number ≥ 1`);
  }
  const reasons: string[] = [];
  for (const name of backend === "auto" ? known : [backend as keyof typeof backends]) {
    const declined = whyDeclined(backends[name], planned);
    if (declined) {
      reasons.push(declined);
      continue;
    }
    const wanted = wantedThreads(threads);
    for (const count of wanted > 1 ? [wanted, 1] : [1]) {
      try {
        const prepareOptions = { threads: count, choices: choices[name] };
        const executable = await backends[name].prepare(planned, prepareOptions);
        reasons.push(...whyHosted(backends[name], planned));
        return { executable, by: backends[name], reasons };
      } catch (error) {
        // A thread that cannot start, or memory that cannot be had, is no reason to give up what runs without.
        reasons.push(
          `${name} failed with ${count} ${count > 1 ? "threads" : "thread"}: ${messageOf(error)}`,
        );
      }
    }
  }
  throw new ModelError(`no backend can run '${planned.graph.name}': ${reasons.join("; ")}`);
}

function whyDeclined(backend: Backend, planned: ExecutionPlan): string | undefined {
  for (const node of planned.graph.nodes) {
    const why = backend.unsupported(node, planned);
    if (why) return `${backend.name} declined ${nodeName(node)}: ${why}`;
  }
  return undefined;
}

/** A sentence for each node that the backend has no kernel for. */
function whyHosted(backend: Backend, planned: ExecutionPlan): string[] {
  return planned.graph.nodes.flatMap((node) => {
    const why = backend.hosted?.(node, planned);
    return why ? [`${nodeName(node)} runs as a plain loop: ${why}`] : [];
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
