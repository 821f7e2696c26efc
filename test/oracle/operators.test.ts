/** Every operator's reference computes what ONNX Runtime computes on the same node. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { chains } from "../backend/cases/chains.ts";
import { cases } from "../backend/cases/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { runOrt } from "./ort.ts";

describe.each(Object.entries(cases))("%s", (_op, list) => {
  test.each(list)("$name", async ({ graph, inputs, opset }) => {
    expectSame(await runOn(reference, graph, inputs), await runOrt(graph, inputs, opset));
  });

  test("has cases of more than one shape", () => {
    const shapes = new Set(list.map(({ graph }) => JSON.stringify(graph.outputs[0].shape)));
    expect(shapes.size).toBeGreaterThan(1);
  });
});

test.each(chains)("a chain: $name", async ({ graph, inputs }) => {
  expectSame(await runOn(reference, graph, inputs), await runOrt(graph, inputs));
});
