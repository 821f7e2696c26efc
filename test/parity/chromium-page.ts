/** The page: loads the model that lies beside it, runs it, and says how far its outputs are from those expected. */
import { load } from "../../runtime/index.ts";
import { sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { relativeError } from "../bench/relative-error.ts";

export interface PageRequest {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly expected: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly threads: number;
}

export interface PageResult {
  readonly maxRelError: number;
  readonly backend: string;
  readonly threads: number;
  readonly reasons: readonly string[];
}

Object.assign(globalThis, {
  job: async ({ inputs, expected, threads }: PageRequest): Promise<PageResult> => {
    const given = await read("input", inputs);
    const shapes = Object.fromEntries(inputs.map(({ name, shape }) => [name, shape]));
    const session = await load("/model.filigree", { threads, shapes, cache: false });
    try {
      await session.run(given);
      const maxRelError = relativeError(await read("expected", expected), await session.run(given));
      return { ...session.capabilities, maxRelError };
    } finally {
      session.dispose();
    }
  },
});

async function read(kind: string, values: PageRequest["inputs"]): Promise<Record<string, Tensor>> {
  const read = values.map(async ({ name, shape }, i) => {
    const bytes = await (await fetch(`/${kind}${i}`)).arrayBuffer();
    return [name, tensor(shape, new Float32Array(bytes, 0, sizeOf(shape)))] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}
