/** Downloads over connections that break: what comes in the end is the file, byte for byte, or an error that says why. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fetchModel } from "../../runtime/download.ts";
import type { LoadProgress } from "../../runtime/session.ts";
import { randomInts } from "../formats/examples.ts";

const random = randomInts(1);
const bytesOf = (seed: number) => Uint8Array.from({ length: 40_000 }, () => random(256) ^ seed);
const file = bytesOf(0);
const newer = bytesOf(1);
const half = file.length / 2;

let server: Server;
let url: string;
let asked: IncomingMessage[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}/model`;
  vi.stubGlobal("location", { origin: new URL(url).origin, href: url }); // as a page of this server
});
afterEach(() => {
  vi.unstubAllGlobals();
  server.closeAllConnections();
  server.close();
});

/** Answers with the file from the byte that is asked for, and breaks the connection after `count` bytes. */
function send(response: ServerResponse, request: IncomingMessage, version: Version, count = Infinity) {
  const { body, ranges = true, ...headers } = version;
  const isSame = !request.headers["if-range"] || request.headers["if-range"] === headers.ETag;
  const asks = ranges && isSame && /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const from = asks ? Number(asks[1]) : 0;
  const part = body.subarray(from);
  const length = { "Content-Length": part.length };
  const place = asks ? { "Content-Range": `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  response.writeHead(asks ? 206 : 200, { ...headers, ...length, ...place });
  if (count >= part.length) response.end(part);
  else response.write(part.subarray(0, count), () => setTimeout(() => response.destroy(), 20));
}

interface Version extends Record<string, unknown> {
  readonly body: Uint8Array;
  readonly ETag?: string;
  readonly ranges?: boolean;
}

const download = async () => (await fetchModel(url, { cache: false })).bytes;
const ranges = () => asked.map(({ headers }) => headers.range);

test("a download that breaks twice goes on where it broke", async () => {
  const counts = [half, 5_000];
  answer = (request, response) => send(response, request, { body: file, ETag: '"1"' }, counts.shift());
  const seen: LoadProgress[] = [];
  const { bytes } = await fetchModel(url, { cache: false, onProgress: (each) => void seen.push(each) });
  expect(bytes).toEqual(file);
  expect(ranges()).toEqual([undefined, `bytes=${half}-`, `bytes=${half + 5_000}-`]);
  expect(asked[1].headers["if-range"]).toBe('"1"');
  expect(seen.at(-1)).toEqual({ phase: "download", loaded: file.length, total: file.length });
  const loaded = seen.map((each) => each.loaded);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
});

test.each<[claim: string, first: Version, then: Version, wanted: Uint8Array]>([
  [
    "a file that has changed meanwhile",
    { body: file, ETag: '"1"' },
    { body: newer, ETag: '"2"' },
    newer,
  ],
  [
    "a server that knows no ranges",
    { body: file, ETag: '"1"', ranges: false },
    { body: file, ETag: '"1"', ranges: false },
    file,
  ],
  ["a server that tells no version", { body: file }, { body: file }, file],
  ["a version that is weak", { body: file, ETag: 'W/"1"' }, { body: file, ETag: 'W/"1"' }, file],
])("%s is fetched anew, whole", async (_, first, then, wanted) => {
  answer = (request, response) => {
    const isFirst = asked.length === 1;
    send(response, request, isFirst ? first : then, isFirst ? half : undefined);
  };
  expect(await download()).toEqual(wanted);
  expect(asked).toHaveLength(2);
});

test("a server that answers an error for a while is asked again", async () => {
  answer = (request, response) => {
    if (asked.length === 2) response.writeHead(503).end();
    else send(response, request, { body: file, ETag: '"1"' }, asked.length === 1 ? half : undefined);
  };
  expect(await download()).toEqual(file);
  expect(ranges()).toEqual([undefined, `bytes=${half}-`, `bytes=${half}-`]);
});

test("a connection that breaks for good is an error that says how far it came", async () => {
  answer = (request, response) => {
    if (asked.length > 1) response.destroy();
    else send(response, request, { body: file, ETag: '"1"' }, half);
  };
  await expect(download()).rejects.toThrow(`broke off after ${half} of ${file.length} bytes`);
}, 20_000);

test("an abort between the tries ends them", async () => {
  const control = new AbortController();
  answer = (request, response) => {
    if (asked.length > 1) control.abort(new Error("enough"));
    else send(response, request, { body: file, ETag: '"1"' }, half);
  };
  await expect(fetchModel(url, { cache: false, signal: control.signal })).rejects.toThrow("enough");
  expect(asked.length).toBe(2);
});
