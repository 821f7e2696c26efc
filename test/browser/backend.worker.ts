/** Runs graphs on the wasm backend inside a worker, where threads may wait for each other. */
import * as Comlink from "comlink";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { type WasmExecutable, wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";

const worker = {
  async run(graph: Graph, inputs: Tensors, threads: number, runs = 1) {
    const executable: WasmExecutable = await wasm.prepare(plan(graph), { threads });
    try {
      let outputs: Tensors = {};
      for (let run = 0; run < runs; run++) outputs = await executable.run(inputs);
      return { outputs, threads: executable.threads, relaxedSimd: executable.relaxedSimd };
    } finally {
      executable.dispose();
    }
  },
};

export type BackendWorker = typeof worker;
Comlink.expose(worker);
