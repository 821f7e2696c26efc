/**
 * Calls that one event rejects together. Not a race against a promise of that event: what never settles would keep the
 * result of every call that has ever raced it.
 */
export interface Pending {
  /** What `work`, begun at once, resolves to; rejects as soon as the end has come. */
  wait<T>(work: () => Promise<T>): Promise<T>;
  /** Rejects all calls under way, and all later ones. Only the first end counts. */
  end(reason: unknown): void;
}

export function makePending(): Pending {
  const rejects = new Set<(reason: unknown) => void>();
  let ended: { readonly reason: unknown } | undefined;
  return {
    wait<T>(work: () => Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        if (ended) return reject(ended.reason);
        rejects.add(reject);
        work()
          .then(resolve, reject)
          .finally(() => rejects.delete(reject));
      });
    },

    end(reason) {
      ended ??= { reason };
      for (const reject of rejects) reject(ended.reason);
      rejects.clear();
    },
  };
}
