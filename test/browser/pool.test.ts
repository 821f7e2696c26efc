/** Sessions that share a worker: no more threads than one has, each its own results, and an end of its own. */
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type LoadOptions, load, type Session } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";

const batches = [1, 3];
let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await writeModel(tinyClassifier("batch"));
});

const sessions: Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.dispose();
  vi.unstubAllGlobals();
});

async function open(batch: number, options: LoadOptions = {}): Promise<Session> {
  const shapes = { image: [batch, 3, 9, 9] };
  const session = await load(bytes, { cache: false, threads: 2, shapes, ...options });
  sessions.push(session);
  return session;
}

/** The workers that the page makes from now on. */
function countWorkers(): { made: number } {
  const count = { made: 0 };
  const Original = Worker;
  vi.stubGlobal(
    "Worker",
    class extends Original {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        count.made++;
      }
    },
  );
  return count;
}

async function expectRight(session: Session, batch: number, seed: number): Promise<void> {
  const image = tinyImage(seed, batch);
  const { logits } = await session.run({ image });
  const planned = plan(tinyClassifier("batch"), { shapes: { image: [batch, 3, 9, 9] } });
  const truth = await reference.prepare(planned);
  const expected = await truth.run({ image: tensor([batch, 3, 9, 9], tinyImage(seed, batch)) });
  expect(logits.data.length).toBe(expected.logits.data.length);
  for (const [i, value] of logits.data.entries()) {
    expect(Math.abs(value - expected.logits.data[i]), `value ${i}`).toBeLessThan(1e-4);
  }
}

test.each<[claim: string, options: LoadOptions, workers: number]>([
  ["sessions with threads share a worker", {}, 1],
  ["sessions of one thread have a worker each", { threads: 1 }, 2],
  ["sessions of one thread share where they are told to", { threads: 1, pool: true }, 1],
  ["sessions with threads do not where they are told not to", { pool: false }, 2],
])("%s", async (_, options, workers) => {
  const count = countWorkers();
  for (const batch of batches) await open(batch, options);
  expect(count.made).toBe(workers);
});

test("runs by turns, many and at once, each give what the reference gives", async () => {
  const [a, b] = await Promise.all(batches.map((batch) => open(batch)));
  for (let seed = 0; seed < 12; seed++) {
    await Promise.all([expectRight(a, 1, seed), expectRight(b, 3, seed)]);
  }
});

test("the end of one leaves the other as it is, and the last ends the worker", async () => {
  const count = countWorkers();
  const [a, b] = [await open(1), await open(3)];
  a.dispose();
  await expect(a.run({ image: tinyImage(1) })).rejects.toThrow("the session is disposed");
  await expectRight(b, 3, 1);
  b.dispose();
  await expectRight(await open(1), 1, 2);
  expect(count.made).toBe(2);
});

test("a load that is aborted does not disturb the others", async () => {
  const a = await open(1);
  const control = new AbortController();
  const onProgress = ({ phase }: { phase: string }) =>
    phase === "prepare" && control.abort(new Error("no"));
  await expect(open(3, { signal: control.signal, onProgress })).rejects.toThrow("no");
  await expectRight(a, 1, 3);
});

test("worker: false runs in the page itself, and lets go of the model at the end", async () => {
  const count = countWorkers();
  const session = await open(1, { worker: false });
  await expectRight(session, 1, 4);
  session.dispose();
  await expect(session.run({ image: tinyImage(1) })).rejects.toThrow("the session is disposed");
  expect([count.made, session.capabilities.threads]).toEqual([0, 1]);
});

test("a worker that dies in the middle of a run rejects it, and the next load works", async () => {
  const workers: Worker[] = [];
  const own = () => {
    workers.push(new Worker(new URL("../../runtime/worker.ts", import.meta.url), { type: "module" }));
    return workers[0];
  };
  const session = await open(3, { worker: own });
  const running = Promise.all(Array.from({ length: 20 }, () => session.run({ image: tinyImage(1, 3) })));
  workers[0].terminate();
  await expect(running).rejects.toThrow("the worker died");
  await expectRight(await open(1), 1, 5);
});
