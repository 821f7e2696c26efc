/**
 * The one service worker: it keeps the app for use without a network, and gives every answer the headers that isolate
 * the page, for hosts that cannot send them. Isolated, a page has shared memory, and so threads.
 */
import type { WorkboxPlugin } from "workbox-core";
import {
  addPlugins,
  cleanupOutdatedCaches,
  type PrecacheEntry,
  precacheAndRoute,
} from "workbox-precaching";
import { registerRoute, setDefaultHandler } from "workbox-routing";
import { CacheFirst, NetworkOnly } from "workbox-strategies";

/** The part of a service worker's global scope that is used. */
interface Scope {
  readonly __WB_MANIFEST: readonly (string | PrecacheEntry)[];
  readonly clients: { claim(): Promise<void> };
  readonly location: Location;
  skipWaiting(): Promise<void>;
  addEventListener(
    type: "install" | "activate" | "message",
    listener: (event: { readonly data?: unknown; waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
}
const scope = self as unknown as Scope;

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const isolating: WorkboxPlugin = {
  async handlerWillRespond({ response }) {
    if (response.status === 0) return response; // opaque: nobody may see or change it
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(isolation)) headers.set(name, value);
    const { status, statusText } = response;
    const isEmpty = status === 204 || status === 304;
    return new Response(isEmpty ? null : response.body, { status, statusText, headers });
  },
};

addPlugins([isolating]);
precacheAndRoute([...(self as unknown as Scope).__WB_MANIFEST], { cleanURLs: false });
cleanupOutdatedCaches();

// Tens of megabytes that few ask for: kept from the first use on.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname.includes("/baselines/"),
  new CacheFirst({ cacheName: "baselines", plugins: [isolating] }),
);
setDefaultHandler(new NetworkOnly({ plugins: [isolating] }));

scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", ({ data }) => {
  if (data === "take over") void scope.skipWaiting();
});
