/** A page in WebKitGTK, by plain WebDriver: Debian's webkit2gtk-driver, under a display of its own. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

const driverPath = "/usr/bin/WebKitWebDriver";
const displayPath = "/usr/bin/xvfb-run";

export const hasWebKit = [driverPath, displayPath].every((path) => existsSync(path));

/** What `globalThis.job(request)` of the page at `url` gives. */
export async function doJobInWebKit<Result>(url: string, request: unknown): Promise<Result> {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const args = ["-a", driverPath, `--port=${port}`];
  const driver = spawn(displayPath, args, { stdio: "ignore", detached: true });
  const send = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const { value } = (await answer.json()) as { value: { message?: string } };
    if (!answer.ok) throw new Error(`WebKit: ${value?.message}`);
    return value;
  };
  try {
    await until(() => send("GET", "/status"));
    const options = { "webkitgtk:browserOptions": { args: ["--automation"], binary: miniBrowser() } };
    const capabilities = { alwaysMatch: options };
    const { sessionId } = (await send("POST", "/session", { capabilities })) as { sessionId: string };
    const session = `/session/${sessionId}`;
    try {
      await send("POST", `${session}/timeouts`, { script: 60_000 });
      await send("POST", `${session}/url`, { url });
      const script = `const [request, done] = arguments;
        const wait = () => (globalThis.job ? job(request).then(done, (e) => done({ error: String(e) })) : setTimeout(wait, 50));
        wait();`;
      const result = await send("POST", `${session}/execute/async`, { script, args: [request] });
      const { error } = result as { error?: string };
      if (error) throw new Error(`in the page: ${error}`);
      return result as Result;
    } finally {
      await send("DELETE", session);
    }
  } finally {
    process.kill(-driver.pid!); // the display, too
  }
}

function miniBrowser(): string {
  const versions = ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"];
  const paths = versions.map((version) => `/usr/lib/x86_64-linux-gnu/${version}/MiniBrowser`);
  return paths.find((path) => existsSync(path)) ?? paths[0];
}

async function until(isThere: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await isThere();
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
