/** The browsers that the app is tested in: those that this machine has. */
import { existsSync } from "node:fs";
import { type BrowserType, chromium, firefox, type LaunchOptions } from "playwright";
import { chromiumArgs, findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";

export interface TestBrowser {
  readonly name: "chromium" | "firefox";
  readonly type: BrowserType;
  readonly options: LaunchOptions;
  readonly whyNot?: string; // it is not here
}

const chromiumPath = findChromium();
const firefoxPath = process.env.FIREFOX_PATH ?? "/usr/bin/firefox-esr";

export const browsers: readonly TestBrowser[] = [
  {
    name: "chromium",
    type: chromium,
    options: {
      executablePath: chromiumPath,
      args: [...chromiumArgs, "--use-fake-device-for-media-stream"],
    },
    whyNot: chromiumPath ? undefined : howToGetChromium,
  },
  {
    name: "firefox",
    type: firefox,
    options: { channel: "moz-firefox", executablePath: firefoxPath },
    whyNot: existsSync(firefoxPath)
      ? undefined
      : `${firefoxPath} is not here: apt-get install firefox-esr`,
  },
];
