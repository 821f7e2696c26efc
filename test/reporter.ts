/**
 * Ends a test run by saying what was skipped and why, and then `N passed, N failed` alone on the last line.
 * With SKIP_NOTHING=1 a skipped test counts as failed.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { findChromium, howToGetChromium } from "../pruner/bench/chromium.ts";
import { hasShared, whyNoShared } from "./shared.ts";

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const withState = (state: string) => tests.filter((test) => test.result().state === state);
    const skipped = new Map<string, string[]>();
    for (const test of withState("skipped")) {
      const reason = whySkipped(test);
      skipped.set(reason, [
        ...(skipped.get(reason) ?? []),
        `${test.module.relativeModuleId} > ${test.fullName}`,
      ]);
    }
    const browserFiles = findChromium() ? [] : browserTests();
    if (browserFiles.length) {
      skipped.set(howToGetChromium, [...(skipped.get(howToGetChromium) ?? []), ...browserFiles]);
    }

    const skippedCount = [...skipped.values()].flat().length;
    const brokenModules = modules.filter((module) => module.errors().length > 0);
    let failed = withState("failed").length + brokenModules.length + errors.length;
    if (process.env.SKIP_NOTHING && skippedCount) {
      failed += skippedCount;
      process.exitCode = 1;
    }
    for (const [reason, names] of skipped)
      console.log(`skipped ${names.length} (${reason}): ${list(names)}`);
    console.log(`${withState("passed").length} passed, ${failed} failed`);
  }
}

/** The test's own words, `ctx.skip("why")`; else the data pack, when it is missing. */
function whySkipped(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note ?? (hasShared ? "no reason given" : whyNoShared);
}

function browserTests(): string[] {
  return ["browser", "webgpu/browser"].flatMap((folder) => {
    const files = readdirSync(fileURLToPath(new URL(folder, import.meta.url)), { recursive: true });
    const tests = files.map(String).filter((file) => file.endsWith(".test.ts"));
    return tests.map((file) => `test/${folder}/${file}`);
  });
}

function list(names: readonly string[], most = 8): string {
  const rest = names.length - most;
  return names.slice(0, most).join("; ") + (rest > 0 ? `; and ${rest} more` : "");
}
