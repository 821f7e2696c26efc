/** Finds a Chromium on this machine, and the flags it is started with. */
import { existsSync } from "node:fs";

/** Headless, as root in a container too, and without background traffic. */
export const chromiumArgs = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** One line for the user of a machine that has none. */
export const howToGetChromium =
  "no Chromium found: `apt-get install chromium` (or any Chrome), or set CHROMIUM_PATH to its executable";

/** Path of a Chromium or Chrome: CHROMIUM_PATH, CHROME_BIN, then where systems put it. */
export function findChromium(): string | undefined {
  const candidates = [
    process.env.CHROMIUM_PATH,
    process.env.CHROME_BIN,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  ];
  return candidates.find((path) => path && existsSync(path));
}
