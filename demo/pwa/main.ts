/** The app: one page of three at a time, chosen by the address' hash, so that any static host and any path will do. */
import { keepOffline } from "./offline.ts";
import type { Page } from "./page.ts";

/** Each is loaded when it is first shown. */
const pages: Record<string, { readonly title: string; readonly open: () => Promise<Page> }> = {
  live: { title: "Faces, live", open: async () => (await import("./live/page.ts")).livePage() },
  bench: { title: "Bench this device", open: async () => (await import("./bench/page.ts")).benchPage() },
  model: { title: "Your model", open: async () => (await import("./model/page.ts")).modelPage() },
};

const opened = new Map<string, Promise<Page>>();
let current: string | undefined;

addEventListener("hashchange", () => show(true));
document.addEventListener("visibilitychange", () => void tell(current, !document.hidden));
show(false);
void keepOffline();

/** Focus goes to the heading of a page that was asked for, as it would on a page of its own. */
function show(isAsked: boolean): void {
  const asked = location.hash.slice(2); // "#/bench": no element has such an id, nothing is scrolled to
  const name = Object.hasOwn(pages, asked) ? asked : (current ?? "live");
  if (name === current) return;
  void tell(current, false);
  current = name;
  for (const each of Object.keys(pages)) document.getElementById(each)!.hidden = each !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${pages[name].title} · Filigree`;
  if (isAsked) {
    scrollTo(0, 0);
    document.getElementById(`${name}-title`)!.focus({ preventScroll: true });
  }
  void tell(name, !document.hidden);
}

/** A page works only while somebody can see it. */
async function tell(name: string | undefined, isVisible: boolean): Promise<void> {
  if (!name) return;
  if (!opened.has(name) && isVisible) opened.set(name, pages[name].open());
  const page = await opened.get(name);
  if (isVisible && name === current && !document.hidden) page?.show();
  else if (!isVisible) page?.hide();
}
