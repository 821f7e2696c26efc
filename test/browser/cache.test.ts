/** Models in IndexedDB: what is there is used, what is stale or damaged is fetched, and a full disk stops nobody. */
import { clear, createStore, entries, set } from "idb-keyval";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type LoadOptions, type LoadProgress, load } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { digest, hex } from "../../runtime/model/sha256.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import { type Answer, protocol, type Request, serveModels, versioned } from "./serve.ts";

const store = createStore("filigree", "models"); // as the cache names it
let [first, second]: Uint8Array<ArrayBuffer>[] = []; // two versions of a model: fc.bias differs in meta only
beforeAll(async () => {
  first = (await writeModel(tinyClassifier(), { version: 1 })) as Uint8Array<ArrayBuffer>;
  second = (await writeModel(tinyClassifier(), { version: 2 })) as Uint8Array<ArrayBuffer>;
});

let server: Awaited<ReturnType<typeof serveModels>>;
let answer: (request: Request) => Answer | "offline";
let url: string; // of this test alone: what memory keeps outlives a test
beforeEach(async () => {
  await clear(store);
  url = `/models/${crypto.randomUUID()}.filigree`;
  answer = versioned(first, '"v1"');
  server = await serveModels((request) => answer(request));
});
afterEach(() => server.stop());

/** Loads, runs once, and gives what the session said. */
async function open(options: LoadOptions = {}, from = url) {
  const progress: LoadProgress[] = [];
  const session = await load(from, { onProgress: (each) => void progress.push(each), ...options });
  const { logits } = await session.run({ image: tinyImage(1) });
  session.dispose();
  expect(logits.data.every(Number.isFinite)).toBe(true);
  const { reasons } = session.capabilities;
  return {
    version: session.meta.version,
    reasons: reasons.filter((reason) => !reason.startsWith("one thread")),
    progress,
  };
}

/** The bytes that are kept, by hash. */
async function keptBytes(): Promise<Map<string, Uint8Array>> {
  const all = await entries<string, Uint8Array>(store);
  return new Map(all.filter(([key]) => key !== "urls"));
}

const hashOf = async (bytes: Uint8Array) => hex(await digest(bytes));

test("a model is kept under the hash of its bytes", async () => {
  expect((await open()).reasons).toEqual([]);
  expect(await keptBytes()).toEqual(new Map([[await hashOf(first), first]]));
});

test("an unchanged model is not sent again", async () => {
  await open();
  const { version, progress } = await open();
  expect(version).toBe(1);
  expect(server.requests.map(conditionOf)).toEqual([undefined, '"v1"']);
  expect(progress[0]).toEqual({ phase: "download", loaded: first.length, total: first.length });
});

test("another origin is not asked in advance: its answer's ETag alone says that the model is unchanged", async () => {
  const far = `https://models.example${url}`;
  await open({}, far);
  // Whoever reads this body gets no model.
  answer = (request) => ({ ...versioned(first, '"v1"')(request), body: new Uint8Array(first.length) });
  expect((await open({}, far)).version).toBe(1);
  expect(server.requests.map(({ method }) => method)).toEqual(["GET", "GET"]);
  expect(server.requests.map(conditionOf)).toEqual([undefined, undefined]);
});

test("a changed model is fetched, and the old bytes are dropped", async () => {
  await open();
  answer = versioned(second, '"v2"');
  expect((await open()).version).toBe(2);
  expect([...(await keptBytes()).keys()]).toEqual([await hashOf(second)]);
});

test("a server that tells no version is believed anew each time", async () => {
  answer = () => ({ status: 200, body: first });
  await open();
  answer = () => ({ status: 200, body: second });
  expect((await open()).version).toBe(2);
});

test.each<[string, Answer | "offline", RegExp]>([
  ["the network is down", "offline", /cannot be reached: the cached model is used/],
  ["the server is broken", { status: 503 }, /answered 503: the cached model is used/],
])("the cached model is used, with a reason, when %s", async (_, failure, reason) => {
  await open();
  answer = () => failure;
  const { version, reasons } = await open();
  expect(version).toBe(1);
  expect(reasons).toEqual([expect.stringMatching(reason)]);
});

test("a model that is gone is not revived from the cache", async () => {
  await open();
  answer = () => ({ status: 404 });
  await expect(open()).rejects.toThrow(/answered 404/);
});

test.each<[string, (bytes: Uint8Array) => unknown]>([
  ["a flipped byte", (bytes) => bytes.with(300, bytes[300] ^ 1)],
  ["cut off bytes", (bytes) => bytes.slice(0, 500)],
  ["something else", () => "no bytes"],
])("an entry damaged to %s is fetched again and repaired", async (_, damage) => {
  await open();
  await set(await hashOf(first), damage(first), store);
  expect((await open()).version).toBe(1);
  expect(conditionOf(server.requests[1])).toBeUndefined(); // a 304 would leave us with nothing
  expect(await keptBytes()).toEqual(new Map([[await hashOf(first), first]]));
});

test("a model named by its hash needs no request once it is kept", async () => {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", first));
  const integrity = `sha256-${btoa(String.fromCharCode(...hash))}`;
  await open({ integrity });
  expect((await open({ integrity }, "/elsewhere.filigree")).version).toBe(1);
  expect(server.requests.length).toBe(1);
});

test("bytes that fail their integrity are not kept", async () => {
  await expect(open({ integrity: `sha256-${"A".repeat(43)}=` })).rejects.toThrow(/integrity/);
  expect(await keptBytes()).toEqual(new Map());
});

test("cache: false keeps nothing and uses nothing", async () => {
  await open({ cache: false });
  expect(await keptBytes()).toEqual(new Map());
  await open();
  await open({ cache: false });
  expect(server.requests.map(conditionOf)).toEqual([undefined, undefined, undefined]);
});

describe("with a full disk", () => {
  const quotaSize = 100_000;
  const { origin } = location;

  beforeEach(async () => {
    // The browser remembers for a while how much is left: it asks again once the database is gone.
    await protocol().send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await protocol().send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
  });
  afterEach(() => protocol().send("Storage.overrideQuotaForOrigin", { origin }));

  test("the model runs, is kept in memory, and the reason is told", async () => {
    const notes = "larger than what is left ".repeat(quotaSize / 20);
    answer = versioned(await writeModel(tinyClassifier(), { version: 3, notes }), '"v3"');
    const { version, reasons } = await open();
    expect(version).toBe(3);
    expect(reasons).toEqual([expect.stringMatching(/in memory only.*Quota/)]);
    expect(await keptBytes()).toEqual(new Map());

    expect((await open()).version).toBe(3);
    expect(server.requests.map(conditionOf)).toEqual([undefined, '"v3"']);
  });
});

describe("with room for two models", () => {
  const quotaSize = 560_000;
  const { origin } = location;
  const notes = () => Array.from(crypto.getRandomValues(new Uint8Array(60_000)), String).join("-");
  const names = ["a", "b", "c"].map((name) => `/models/${name}-${crypto.randomUUID()}.filigree`);

  beforeEach(async () => {
    await protocol().send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await protocol().send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
  });
  afterEach(() => protocol().send("Storage.overrideQuotaForOrigin", { origin }));

  test("the one that was used the longest ago makes room for the third", async () => {
    const models = await Promise.all(
      names.map((_, i) => writeModel(tinyClassifier(), { version: i, notes: notes() })),
    );
    answer = (request) => {
      const at = names.findIndex((name) => request.url.endsWith(name));
      return versioned(models[at], `"${at}"`)(request);
    };
    for (const name of [names[0], names[1], names[0], names[2]]) {
      expect((await open({}, name)).reasons).toEqual([]);
    }
    // The browser may free the room late, and the next oldest goes too: never before.
    const kept = await keptBytes();
    expect(kept.has(await hashOf(models[1]))).toBe(false);
    expect(kept.get(await hashOf(models[2]))).toEqual(models[2]);
  });
});

test("persist asks the browser, and tells what it says", async () => {
  const ask = vi.spyOn(navigator.storage, "persist").mockResolvedValueOnce(false);
  const { reasons } = await open({ persist: true });
  expect(ask).toHaveBeenCalledOnce();
  expect(reasons).toEqual([expect.stringMatching(/may drop the cached model/)]);
  ask.mockRestore();
});

function conditionOf({ headers }: Request): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "if-none-match")?.[1];
}
