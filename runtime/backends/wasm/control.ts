/** The first bytes of the memory: words that the threads meet at. */
export const control = {
  barrier: 0, // three words: see kernels-wasm/barrier.ts
  generation: 16, // counts the runs
  bytes: 64,
} as const;
