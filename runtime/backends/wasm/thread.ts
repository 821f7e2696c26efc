/** The worker script of a pool's helper. Says "ready" once its kernels are there, then waits for runs. */
import { serve, type ThreadStart } from "./threads.ts";

addEventListener("message", (event: MessageEvent<ThreadStart>) => {
  postMessage("ready");
  serve(event.data);
});
