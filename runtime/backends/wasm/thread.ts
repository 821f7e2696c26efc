/** The worker script of a helper thread. Answers with the crew's number once its kernels are there. */
import type { HelperMessage } from "./helpers.ts";
import { makeService } from "./threads.ts";

const services = new Map<number, (runs: number) => void>(); // by crew

addEventListener("message", ({ data }: MessageEvent<HelperMessage>) => {
  const { crew } = data;
  if ("isOver" in data) {
    services.delete(crew);
  } else if ("start" in data) {
    services.set(crew, makeService(data.start));
    postMessage(crew);
  } else {
    services.get(crew)?.(data.runs);
  }
});
