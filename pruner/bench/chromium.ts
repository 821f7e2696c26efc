/** Finds a Chromium on this machine, and the flags it is started with. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

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
  "no Chromium found: `apt-get install chromium` or `npx playwright install chromium`, " +
  "or set CHROMIUM_PATH to the executable of any Chrome";

const systemPaths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Path of a Chromium or Chrome: CHROMIUM_PATH, CHROME_BIN, then where systems put it, then Playwright's own. */
export function findChromium(): string | undefined {
  const { CHROMIUM_PATH, CHROME_BIN } = process.env;
  const candidates = [CHROMIUM_PATH, CHROME_BIN, ...systemPaths, ...playwrightPaths()];
  return candidates.find((path) => path && existsSync(path));
}

/** Where `npx playwright install chromium` puts it, the newest first. */
function playwrightPaths(): string[] {
  const { PLAYWRIGHT_BROWSERS_PATH, LOCALAPPDATA } = process.env;
  const folders = [
    PLAYWRIGHT_BROWSERS_PATH,
    join(homedir(), ".cache/ms-playwright"),
    join(homedir(), "Library/Caches/ms-playwright"),
    LOCALAPPDATA && join(LOCALAPPDATA, "ms-playwright"),
  ];
  const executables = [
    "chrome-linux64/chrome",
    "chrome-linux/chrome",
    "chrome-mac/Chromium.app/Contents/MacOS/Chromium",
    "chrome-win64/chrome.exe",
    "chrome-win/chrome.exe",
  ];
  return folders
    .filter((folder) => folder !== undefined && existsSync(folder))
    .flatMap((folder) => {
      const versions = readdirSync(folder!).filter((name) => /^chromium-\d+$/.test(name));
      const newest = versions.sort((a, b) => +b.slice(9) - +a.slice(9));
      return newest.flatMap((name) => executables.map((path) => join(folder!, name, path)));
    });
}
