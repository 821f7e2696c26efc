/** Answers the page's requests for models from within the test: a server on the far side of the browser's network stack. */
import { cdp } from "vitest/browser";

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>; // names as they were sent
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** The part of the protocol that is used here. */
interface Protocol {
  send(method: string, params?: object): Promise<unknown>;
  on(event: string, listener: (params: Paused) => void): void;
  off(event: string, listener: (params: Paused) => void): void;
}

interface Paused {
  readonly requestId: string;
  readonly request: Request;
}

export const protocol = (): Protocol => cdp() as unknown as Protocol;

/**
 * Answers every request whose URL ends in ".filigree", until `stop`. "offline" is a network that is down; a promise
 * that stays open, a server that never answers. `requests` grows by each one.
 */
export async function serveModels(answer: (request: Request) => Answer | "offline" | Promise<Answer>) {
  const session = protocol();
  await session.send("Fetch.disable"); // the first answer makes the session; a listener before it would be lost
  const requests: Request[] = [];
  const onPaused = async ({ requestId, request }: Paused) => {
    requests.push(request);
    const given = await answer(request);
    if (given === "offline") {
      await session.send("Fetch.failRequest", { requestId, errorReason: "InternetDisconnected" });
      return;
    }
    const { status, headers = {}, body } = given;
    await session.send("Fetch.fulfillRequest", {
      requestId,
      responseCode: status,
      responseHeaders: Object.entries(headers).map(([name, value]) => ({ name, value })),
      body: body && base64(body),
    });
  };
  session.on("Fetch.requestPaused", onPaused);
  await session.send("Fetch.enable", { patterns: [{ urlPattern: "*.filigree" }] });
  return {
    requests,
    async stop() {
      session.off("Fetch.requestPaused", onPaused);
      await session.send("Fetch.disable");
    },
  };
}

/** A server of one file that knows its version: 304 to whoever has it. */
export function versioned(body: Uint8Array, etag: string): (request: Request) => Answer {
  return ({ headers }) => {
    const known = Object.entries(headers).find(([name]) => name.toLowerCase() === "if-none-match")?.[1];
    const common = {
      ETag: etag,
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Expose-Headers": "ETag",
    };
    if (known === etag) return { status: 304, headers: common };
    return { status: 200, headers: { ...common, "Content-Length": String(body.length) }, body };
  };
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
