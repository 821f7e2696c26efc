/**
 * Keeps the app for use without a network, and says in the footer how it stands. The service worker also isolates
 * the page: the first visit is loaded once more for that, unless somebody has begun to use it.
 */
import { element } from "./page.ts";

/** In sessionStorage: the page was loaded anew by us. A host or browser where that does not help must not loop. */
const reloadedKey = "filigree reloaded to be isolated";

export async function keepOffline(): Promise<void> {
  offerInstall();
  if (!("serviceWorker" in navigator)) {
    return say("This browser keeps no apps for use offline here; one thread is used.");
  }
  let isUsed = false;
  for (const type of ["pointerdown", "keydown"])
    addEventListener(type, () => (isUsed = true), { once: true });
  const wasControlled = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (wasControlled) return location.reload(); // a new version, which somebody asked for
    if (!crossOriginIsolated) isolate(isUsed);
  });
  try {
    const registration = await navigator.serviceWorker.register("./service-worker.js", { scope: "./" });
    await installed(registration);
    if (registration.waiting && navigator.serviceWorker.controller) offerUpdate(registration.waiting);
    registration.addEventListener("updatefound", async () => {
      await installed(registration);
      if (registration.waiting && wasControlled) offerUpdate(registration.waiting);
    });
    if (wasControlled && !crossOriginIsolated) isolate(isUsed);
    sayReady();
  } catch (error) {
    say(`The app works, but is not kept for use offline: ${(error as Error).message}`);
  }
}

/** Rejects where the files could not be kept. */
function installed({ installing }: ServiceWorkerRegistration): Promise<void> {
  if (!installing) return Promise.resolve();
  return new Promise((resolve, reject) => {
    installing.addEventListener("statechange", () => {
      if (installing.state === "installed" || installing.state === "activated") resolve();
      if (installing.state === "redundant")
        reject(new Error("there is no room for it, or the network broke off"));
    });
  });
}

function isolate(isUsed: boolean): void {
  if (sessionStorage.getItem(reloadedKey)) return;
  if (isUsed) {
    say("Ready offline. Load the page once more to use all cores.");
    offerReload("Reload", () => location.reload());
    return;
  }
  sessionStorage.setItem(reloadedKey, "yes");
  location.reload();
}

function offerUpdate(waiting: ServiceWorker): void {
  say("A new version is here.");
  offerReload("Update", () => waiting.postMessage("take over"));
}

function offerReload(label: string, act: () => void): void {
  const button = element<HTMLButtonElement>("reload");
  button.textContent = label;
  button.onclick = act;
  button.hidden = false;
}

function offerInstall(): void {
  const button = element<HTMLButtonElement>("install");
  // Firefox asks the user for it: only of somebody who wants to keep the app.
  addEventListener("appinstalled", () => void navigator.storage?.persist?.());
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    button.hidden = false;
    button.onclick = async () => {
      await event.prompt();
      button.hidden = true;
    };
  });
}

function sayReady(): void {
  if (!element("reload").hidden) return;
  const threads = crossOriginIsolated
    ? `${Math.min(8, navigator.hardwareConcurrency || 1)} threads`
    : "one thread: the page is not cross-origin isolated";
  say(`Ready offline · ${threads}`);
}

function say(text: string): void {
  element("status").textContent = text;
}
