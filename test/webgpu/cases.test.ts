/** The WebGPU backend computes what the reference computes, by a kernel or without: on all cases. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { cases } from "../backend/cases/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { whyNoGpu } from "./gpu.ts";

/** Of the larger of 1 and the value: exp, log and the like are less precise on a GPU, sin and cos by WGSL's own words. */
const tolerances: Readonly<Record<string, number>> = { Sin: 1e-3, Cos: 1e-3 };

describe.skipIf(whyNoGpu !== undefined)(whyNoGpu ?? "on Dawn", () => {
  test.each(Object.entries(cases))("%s equals the reference in all its cases", async (op, list) => {
    const wrong: string[] = [];
    for (const { name, graph, inputs } of list) {
      try {
        expectSame(
          await runOn(webgpu, graph, inputs),
          await runOn(reference, graph, inputs),
          tolerances[op] ?? 1e-4,
        );
      } catch (error) {
        wrong.push(`${name}: ${(error as Error).message}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
