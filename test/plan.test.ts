/** The plan knows every shape and lifetime, and says what is wrong with a graph. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Graph, Node, ValueInfo } from "../runtime/model/graph.ts";
import { tensor, zeros } from "../runtime/model/tensor.ts";
import { layoutArena, type PlanOptions, plan } from "../runtime/plan.ts";

const image: ValueInfo = { name: "x", dtype: "float32", shape: ["batch", 3, 8, 8] };
const node = (op: string, inputs: string[], output: string, attrs: Node["attrs"] = {}): Node => ({
  name: output,
  op,
  inputs,
  outputs: [output],
  attrs,
});

/** x -> Conv a -> Relu b -> Add y of b and a. */
function graphOf(change: Partial<Graph> = {}): Graph {
  return {
    name: "residual",
    inputs: [image],
    outputs: [{ name: "y", dtype: "float32", shape: [] }],
    nodes: [node("Conv", ["x", "w"], "a"), node("Relu", ["a"], "b"), node("Add", ["b", "a"], "y")],
    constants: new Map([["w", zeros([4, 3, 3, 3])]]),
    ...change,
  };
}

describe("plan", () => {
  test("infers every shape; an open batch is 1", () => {
    const { values, graph } = plan(graphOf());
    expect(Object.fromEntries([...values].map(([name, { shape }]) => [name, shape]))).toEqual({
      x: [1, 3, 8, 8],
      w: [4, 3, 3, 3],
      a: [1, 4, 6, 6],
      b: [1, 4, 6, 6],
      y: [1, 4, 6, 6],
    });
    expect(graph.inputs).toEqual([{ ...image, shape: [1, 3, 8, 8] }]);
    expect(graph.outputs).toEqual([{ name: "y", dtype: "float32", shape: [1, 4, 6, 6] }]);
  });

  test("takes open sizes from the options, and the same name as the same size", () => {
    const two = [image, { ...image, name: "x2" }];
    const { values } = plan(graphOf({ inputs: two }), { shapes: { x: [5, 3, 8, 8] } });
    expect(values.get("x2")?.shape).toEqual([5, 3, 8, 8]);
    expect(values.get("y")?.shape).toEqual([5, 4, 6, 6]);
  });

  test("keeps a value from where it is made to its last reader, and outputs to the end", () => {
    const { lifetimes } = plan(graphOf({ outputs: [...graphOf().outputs, { ...image, name: "b" }] }));
    expect(Object.fromEntries(lifetimes)).toEqual({ x: [0, 0], a: [0, 2], b: [1, 2], y: [2, 2] });
  });

  const wrong: [claim: string, change: Partial<Graph>, message: RegExp, options?: PlanOptions][] = [
    [
      "an unknown operator",
      { nodes: [node("Einsum", ["x"], "y")] },
      /^Einsum 'y': the operator is not supported/,
    ],
    [
      "an attribute that is not known",
      { nodes: [node("Relu", ["x"], "y", { slope: 1 })] },
      /^Relu 'y': attribute "slope"/,
    ],
    [
      "an attribute of another type",
      { nodes: [node("Concat", ["x"], "y", { axis: 0.5 })] },
      /attribute "axis" is 0.5; expected int/,
    ],
    [
      "a required attribute left out",
      { nodes: [node("Concat", ["x"], "y")] },
      /attribute "axis" is missing/,
    ],
    [
      "too few inputs",
      { nodes: [node("Conv", ["x"], "y")] },
      /^Conv 'y': has 1 inputs; expected 2 to 3/,
    ],
    [
      "a needed input left out",
      { nodes: [node("Conv", ["x", ""], "y")] },
      /the weight \(input 1\) is missing/,
    ],
    ["reading before it is made", { nodes: graphOf().nodes.toReversed() }, /^Add 'y': reads 'b'/],
    ["two values of one name", { nodes: [...graphOf().nodes, node("Relu", ["x"], "a")] }, /two nodes/],
    [
      "a constant called as an input",
      { constants: new Map([["x", zeros([1])]]) },
      /'x' is there already/,
    ],
    ["two inputs of one name", { inputs: [image, image] }, /two inputs have one name/],
    [
      "an output that nobody makes",
      { outputs: [{ ...image, name: "z" }] },
      /output 'z' is made by no node/,
    ],
    [
      "sizes that do not fit",
      { constants: new Map([["w", zeros([4, 2, 3, 3])]]) },
      /^Conv 'a': the weight \[4,2,3,3\] .* expected C = 2/,
    ],
    [
      "a constant of the wrong length",
      { constants: new Map([["w", { ...tensor([1], Float32Array.of(1)), shape: [4, 3, 3, 3] }]]) },
      /constant 'w' of shape \[4,3,3,3\] holds 1 values/,
    ],
    [
      "a shape whose product overflows",
      {
        nodes: [node("MatMul", ["m", "n"], "y")],
        inputs: [
          { name: "m", dtype: "float32", shape: [100000, 1] },
          { name: "n", dtype: "float32", shape: [1, 100000] },
        ],
      },
      /^MatMul 'y': 'y': shape \[100000,100000\] overflows/,
    ],
    [
      "more bytes alive than a memory holds",
      {
        inputs: [{ name: "x", dtype: "float32", shape: [2 ** 28] }],
        nodes: [node("Relu", ["x"], "a"), node("Add", ["x", "a"], "y")],
      },
      /^Add 'y': \d+ bytes are alive here; at most 2147483648/,
    ],
    ["a shape for no input", {}, /given for 'z', which is no input/, { shapes: { z: [1] } }],
    ["a shape of another rank", {}, /'x': the shape \[1,3\] was asked for/, { shapes: { x: [1, 3] } }],
    ["a shape against the model", {}, /expected \[batch,3,8,8\]/, { shapes: { x: [1, 4, 8, 8] } }],
    [
      "an open size that is not the first",
      { inputs: [{ ...image, shape: [1, 3, "height", 8] }] },
      /input 'x': the size "height" .* is open; give the shape/,
    ],
    [
      "an attribute that would make sizes negative",
      { nodes: [node("Conv", ["x", "w"], "y", { pads: [-9, 0, 0, 0] })] },
      /^Conv 'y': pads \[-9,0,0,0\]: -9 is not supported/,
    ],
    [
      "a kernel larger than the image",
      { inputs: [{ ...image, shape: [1, 3, 2, 8] }] },
      /^Conv 'a': a window of 3 does not fit 2 values/,
    ],
  ];

  test.each(wrong)("refuses %s", (_claim, change, message, options) => {
    expect(() => plan(graphOf(change), options)).toThrow(
      expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) }),
    );
  });
});

describe("layoutArena", () => {
  const lifetimes = fc
    .tuple(fc.nat(12), fc.nat(6))
    .map(([first, more]) => [first, first + more] as const);
  const values = fc.array(fc.record({ bytes: fc.nat(1000), lifetime: lifetimes }), { maxLength: 25 });

  test("values that live at the same time never share bytes", () => {
    fc.assert(
      fc.property(values, fc.constantFrom(1, 16, 64), (list, align) => {
        const { offsets, bytes } = layoutArena(list, align);
        for (const [i, a] of list.entries()) {
          expect(offsets[i] % align).toBe(0);
          expect(offsets[i] + a.bytes).toBeLessThanOrEqual(bytes);
          for (const [j, b] of list.entries()) {
            const meet = a.lifetime[0] <= b.lifetime[1] && b.lifetime[0] <= a.lifetime[1];
            if (i < j && meet && a.bytes && b.bytes) {
              const apart = offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i];
              expect(apart).toBe(true);
            }
          }
        }
      }),
      { seed: 3 },
    );
  });

  test("a row of layers needs no more than its two largest neighbours", () => {
    const list = [640, 1280, 320, 1280, 640].map((bytes, i) => ({
      bytes,
      lifetime: [i, i + 1] as const,
    }));
    expect(layoutArena(list).bytes).toBe(1280 + 640);
  });

  test("nothing needs nothing", () => {
    expect(layoutArena([])).toEqual({ offsets: [], bytes: 0 });
  });
});
