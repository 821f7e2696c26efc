/** How many threads to ask for, and the sentence that says why there is only one. */

/** More gain little on the layers of small networks, and phones have few fast cores. */
const maxThreads = 8;

export function wantedThreads(asked: number | undefined): number {
  return asked ?? Math.min(maxThreads, globalThis.navigator?.hardwareConcurrency || 1);
}

/** Why a backend that can use threads runs on one, or undefined where that was asked for. */
export function whyOneThread(asked: number | undefined): string | undefined {
  if (asked === 1) return undefined;
  if (asked === undefined && wantedThreads(asked) === 1) return "one thread: the device has one core";
  if (typeof SharedArrayBuffer === "undefined" || !isCrossOriginIsolated()) {
    return (
      "one thread: the page is not cross-origin isolated; serve it with the headers " +
      "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
    );
  }
  if (typeof Worker === "undefined") return "one thread: this browser starts no worker from a worker";
  return undefined;
}

export function isCrossOriginIsolated(): boolean {
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}
