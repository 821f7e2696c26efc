/** What this thread can do at most: the yardstick of every share of the peak. */
import { assemble, hasRelaxedMadd, peak, peakFlops, peakName } from "../../../kernels-wasm/index.ts";

const loops = 2000; // some 10 µs a thousand

/** Float32 GFLOP/s of multiply-adds in registers: the best of `rounds` short rounds, after warming up. */
export function measurePeakGflops(rounds = 60, now: () => number = () => performance.now()): number {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(assemble([peak(hasRelaxedMadd())], { pages: 1, shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const run = exports[peakName] as (loops: number, address: number) => void;
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    const start = now();
    let calls = 0;
    // At least 2 ms: a page's clock may step by 100 µs.
    for (; now() - start < 2; calls++) run(loops, 0);
    best = Math.max(best, (calls * peakFlops(loops)) / (now() - start) / 1e6);
  }
  return best;
}
