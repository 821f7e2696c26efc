/** The worker of sessions: reads, prepares and runs models, for the page that started it. */
import { expose } from "comlink";
import { setThreadScript } from "./backends/wasm/helpers.ts";
import { makeEngine } from "./engine.ts";

const api = {
  /**
   * The handshake. Holds a lock of this name for life: whoever is granted it next knows that the worker ended.
   * `threadScript` is the address of its helpers' script, where that does not lie beside this one.
   */
  async start(lockName: string, threadScript?: string): Promise<void> {
    setThreadScript(threadScript);
    const { locks } = navigator as Partial<Navigator>; // absent outside of secure contexts
    if (!locks) return;
    await new Promise<void>((resolve) => {
      void locks.request(lockName, () => {
        resolve();
        return new Promise(() => {});
      });
    });
  },

  ...makeEngine(),
};

export type WorkerApi = typeof api;

expose(api);
