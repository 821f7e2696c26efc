/** The page of background.test.ts: opens a session on the GPU when asked, runs it when asked. */
import { load, type Session, tensor } from "../../../runtime/index.ts";

export interface BackgroundPage {
  open(): Promise<void>;
  /** The outputs of so many runs, one after the other, and where they ran. */
  run(times: number, image: readonly number[]): Promise<Ran>;
}

export interface Ran {
  readonly visibility: string;
  readonly backend: string;
  readonly logits: readonly (readonly number[])[];
}

let session: Session;

const page: BackgroundPage = {
  async open() {
    session?.dispose();
    const worker = () => new Worker("/worker.js", { type: "module" });
    session = await load("/model.filigree", { backend: "webgpu", worker, threads: 1, cache: false });
  },

  async run(times, image) {
    const logits: number[][] = [];
    for (let i = 0; i < times; i++) {
      const outputs = await session.run({ image: tensor([1, 3, 9, 9], Float32Array.from(image)) });
      logits.push([...outputs.logits.data]);
    }
    return { visibility: document.visibilityState, backend: session.capabilities.backend, logits };
  },
};

Object.assign(globalThis, { page });
