/** The first bytes of the memory: words that the threads share. */
export const control = {
  sleepers: 0, // how many helpers are asleep
  bytes: 64,
} as const;
