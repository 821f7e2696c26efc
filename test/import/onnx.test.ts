/** What importOnnx makes of each form that ONNX has, and what exportOnnx makes of a graph. */
import { describe, expect, test } from "vitest";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { attributeTypes, dataTypes } from "../../pruner/import/onnx-types.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { decodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import { runOnnx } from "../oracle/ort.ts";
import { randomTensor } from "../random.ts";
import {
  type AttributeInit,
  bytesOf,
  float,
  float32,
  int,
  int64,
  ints,
  type ModelInit,
  model,
  type NodeInit,
  node,
  type TensorInit,
} from "./onnx-model.ts";

describe("tensors", () => {
  const forms: [name: string, init: TensorInit, dtype: string, values: number[]][] = [
    ["float, raw", float32("", [2], [1.5, -2]), "float32", [1.5, -2]],
    ["float", { dataType: dataTypes.float, dims: [2n], floatData: [1.5, -2] }, "float32", [1.5, -2]],
    [
      "double, raw",
      { dataType: dataTypes.double, rawData: bytesOf(Float64Array.of(0.25)) },
      "float32",
      [0.25],
    ],
    ["double", { dataType: dataTypes.double, doubleData: [0.25] }, "float32", [0.25]],
    [
      "float16, raw: 1, -2, the least, infinity",
      {
        dataType: dataTypes.float16,
        dims: [4n],
        rawData: bytesOf(Uint16Array.of(0x3c00, 0xc000, 1, 0x7c00)),
      },
      "float32",
      [1, -2, 2 ** -24, Infinity],
    ],
    ["float16", { dataType: dataTypes.float16, int32Data: [0x3555] }, "float32", [0.333251953125]],
    ["int32, raw", { dataType: dataTypes.int32, rawData: bytesOf(Int32Array.of(-7)) }, "int32", [-7]],
    ["int64", { dataType: dataTypes.int64, dims: [2n], int64Data: [-7n, 8n] }, "int32", [-7, 8]],
    [
      "int64, raw, with the two extremes",
      {
        dataType: dataTypes.int64,
        dims: [3n],
        rawData: bytesOf(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 3n)),
      },
      "int32",
      [2 ** 31 - 1, -(2 ** 31), 3],
    ],
    [
      "uint8, raw",
      { dataType: dataTypes.uint8, dims: [2n], rawData: Uint8Array.of(0, 255) },
      "uint8",
      [0, 255],
    ],
    ["bool", { dataType: dataTypes.bool, dims: [2n], int32Data: [0, 1] }, "bool", [0, 1]],
    ["an empty one", { dataType: dataTypes.float, dims: [0n] }, "float32", []],
  ];

  test.each(forms)("%s", (_name, init, dtype, values) => {
    const bytes = model({ nodes: [node("Relu")], initializers: [{ ...init, name: "c" }] });
    const found = importOnnx(bytes).constants.get("c")!;
    expect(found).toMatchObject({ dtype, shape: (init.dims ?? []).map(Number) });
    expect("data" in found && Array.from(found.data)).toEqual(values);
  });

  const wrong: [claim: string, init: TensorInit, message: RegExp][] = [
    [
      "raw data too short",
      float32("c", [3], [1, 2]),
      /'c': shape \[3\] needs 12 bytes of raw_data, found 8/,
    ],
    [
      "too few values",
      { dataType: dataTypes.float, dims: [3n], floatData: [1] },
      /needs 3 values, found 1/,
    ],
    ["a negative size", { dataType: dataTypes.float, dims: [-3n] }, /'c': shape \[-3\] has the size -3/],
    [
      "a product that overflows",
      { dataType: dataTypes.float, dims: [2n ** 40n, 2n ** 40n] },
      /'c': shape .* overflows/,
    ],
    [
      "complex numbers",
      { dataType: dataTypes.complex64 },
      /'c': the element type complex64 is not supported/,
    ],
    ["a type that does not exist", { dataType: 99 }, /the element type number 99/],
    [
      "an int64 beyond int32",
      { dataType: dataTypes.int64, int64Data: [2n ** 31n] },
      /2147483648 does not fit/,
    ],
    [
      "data in another file",
      {
        dataType: dataTypes.float,
        dataLocation: 1,
        externalData: [{ key: "location", value: "w.bin" }],
      },
      /its data lie in "w.bin", which is not there; put it beside the model/,
    ],
  ];

  test.each(wrong)("refuses %s", (_claim, init, message) => {
    const bytes = model({ nodes: [node("Relu")], initializers: [{ ...init, name: "c" }] });
    expect(() => importOnnx(bytes)).toThrow(modelError(message));
  });
});

describe("data in another file", () => {
  const halves = Uint16Array.of(0, 0x3c00, 0xc000, 1, 0x7c00);
  const at = (location: string, offset: number, length: number, dataType = 10): Uint8Array =>
    model({
      nodes: [node("Relu")],
      initializers: [
        {
          name: "c",
          dims: [2n],
          dataType,
          dataLocation: 1,
          externalData: Object.entries({ location, offset, length }).map(([key, value]) => {
            return { key, value: String(value) };
          }),
        },
      ],
    });
  const files = (location: string) => (location === "w.bin" ? bytesOf(halves) : undefined);

  test("is read from its place", () => {
    const found = importOnnx(at("w.bin", 2, 4), files).constants.get("c");
    expect(found && "data" in found && Array.from(found.data)).toEqual([1, -2]);
  });

  const wrong: [claim: string, bytes: Uint8Array, message: RegExp][] = [
    ["that is not there", at("v.bin", 0, 4), /'c': its data lie in "v.bin", which is not there; put it/],
    [
      "that is too short",
      at("w.bin", 8, 4),
      /'c': its data are bytes 8 to 12 of "w.bin", which has 10; is it the right file/,
    ],
    ["in a negative place", at("w.bin", -2, 4), /'c': its data are bytes -2 to 2/],
    ["of another length", at("w.bin", 0, 10), /'c': shape \[2\] needs 4 bytes of raw_data, found 10/],
    ["in another folder", at("../w.bin", 0, 4), /lie in "..\/w.bin"; expected a file beside the model/],
    ["at an absolute place", at("/w.bin", 0, 4), /expected a file beside the model/],
  ];

  test.each(wrong)("%s is refused", (_claim, bytes, message) => {
    expect(() => importOnnx(bytes, files)).toThrow(modelError(message));
  });
});

describe("older and newer forms", () => {
  const x = tensor([2, 3], Float32Array.of(-1, 0.25, 2, 0.5, -3, 7));
  const image = randomTensor([2, 3, 2, 2], 1);
  const pads = ints("pads", 0, 1, 0, 1);
  const linear: AttributeInit = {
    name: "mode",
    type: attributeTypes.string,
    s: new TextEncoder().encode("linear"),
  };
  const rows: [claim: string, init: ModelInit, x: typeof x, ops: string[]][] = [
    [
      "Clip 6: attributes",
      { opset: 9, nodes: [node("Clip", ["x"], [float("min", 0), float("max", 6)])] },
      x,
      ["Clip"],
    ],
    ["Clip 6: one bound", { opset: 9, nodes: [node("Clip", ["x"], [float("max", 0.3)])] }, x, ["Clip"]],
    [
      "Clip 11: inputs",
      { nodes: [node("Clip", ["x", "", "c"])], initializers: [float32("c", [], [1])] },
      x,
      ["Clip"],
    ],
    [
      "Pad 2: attributes",
      { opset: 9, nodes: [node("Pad", ["x"], [pads, float("value", 2)])] },
      x,
      ["Pad"],
    ],
    ["Dropout 7", { opset: 9, nodes: [node("Dropout", ["x"], [float("ratio", 0.3)])] }, x, ["Identity"]],
    [
      "Unsqueeze 1: attribute",
      { opset: 9, nodes: [node("Unsqueeze", ["x"], [ints("axes", 0, 3)])] },
      x,
      ["Unsqueeze"],
    ],
    [
      "Slice 1: attributes",
      { opset: 9, nodes: [node("Slice", ["x"], [ints("starts", 1), ints("ends", 9), ints("axes", 1)])] },
      x,
      ["Slice"],
    ],
    [
      "ReduceMean 18: an input",
      { opset: 18, nodes: [node("ReduceMean", ["x", "axes"])], initializers: [int64("axes", 1)] },
      x,
      ["ReduceMean"],
    ],
    [
      "ReduceMean 13: an attribute",
      { nodes: [node("ReduceMean", ["x"], [ints("axes", 0)])] },
      x,
      ["ReduceMean"],
    ],
    [
      "ReduceMean 18 that reduces nothing",
      { opset: 18, nodes: [node("ReduceMean", ["x"], [int("noop_with_empty_axes", 1)])] },
      x,
      ["Identity"],
    ],
    ["Softmax 11 over the last axis", { opset: 11, nodes: [node("Softmax")] }, x, ["Softmax"]],
    [
      "Softmax 11 over channels, height and width",
      { opset: 11, shape: ["batch", 3, 2, 2], nodes: [node("Softmax")] },
      image,
      ["Flatten", "Softmax", "Reshape"],
    ],
    [
      "Softmax 11 over channels of one pixel",
      { opset: 11, shape: ["batch", 3, 1, 1], nodes: [node("Softmax")] },
      randomTensor([2, 3, 1, 1], 2),
      ["Softmax"],
    ],
    [
      "Softmax 11 over rows",
      { opset: 11, shape: ["batch", 3, 2, 2], nodes: [node("Softmax", ["x"], [int("axis", -2)])] },
      image,
      ["Flatten", "Softmax", "Reshape"],
    ],
    [
      "BatchNormalization 7: spatial",
      {
        opset: 7,
        nodes: [node("BatchNormalization", ["x", "s", "b", "m", "v"], [int("spatial", 1)])],
        initializers: ["s", "b", "m", "v"].map((name, i) => float32(name, [3], [i + 1, 2, 0.5])),
      },
      x,
      ["BatchNormalization"],
    ],
    [
      "Upsample 7: scales an attribute",
      {
        opset: 7,
        shape: ["batch", 3, 2, 2],
        nodes: [
          node(
            "Upsample",
            ["x"],
            [{ name: "scales", type: attributeTypes.floats, floats: [1, 1, 2, 3] }],
          ),
        ],
      },
      image,
      ["Resize"],
    ],
    [
      "Upsample 9, linear",
      {
        opset: 9,
        shape: ["batch", 3, 2, 2],
        nodes: [node("Upsample", ["x", "s"], [linear])],
        initializers: [float32("s", [4], [1, 1, 2, 2])],
      },
      image,
      ["Resize"],
    ],
    [
      "Resize 10",
      {
        opset: 10,
        shape: ["batch", 3, 2, 2],
        nodes: [node("Resize", ["x", "s"])],
        initializers: [float32("s", [4], [1, 1, 2.5, 3])],
      },
      image,
      ["Resize"],
    ],
    [
      "Split 11: sizes an attribute",
      {
        opset: 11,
        nodes: [
          {
            opType: "Split",
            input: ["x"],
            output: ["y", "rest"],
            attribute: [int("axis", 1), { name: "split", type: attributeTypes.ints, ints: [1n, 2n] }],
          },
        ],
      },
      x,
      ["Split"],
    ],
    [
      "x.view(x.size(0), -1)",
      {
        shape: ["batch", 3, 2, 2],
        nodes: [
          { opType: "Shape", input: ["x"], output: ["shape"] },
          { opType: "Gather", input: ["shape", "zero"], output: ["size"], attribute: [int("axis", 0)] },
          { opType: "Unsqueeze", input: ["size", "axes"], output: ["sizes"] },
          {
            opType: "Concat",
            input: ["sizes", "rest"],
            output: ["target"],
            attribute: [int("axis", 0)],
          },
          node("Reshape", ["x", "target"]),
        ],
        initializers: [
          { name: "zero", dataType: dataTypes.int64, int64Data: [0n] },
          int64("axes", 0),
          int64("rest", -1),
        ],
      },
      image,
      ["Reshape"],
    ],
    [
      "x.view(x.shape[:2] + [4])",
      {
        shape: ["batch", 3, 2, 2],
        nodes: [
          { opType: "Shape", input: ["x"], output: ["shape"] },
          { opType: "Slice", input: ["shape", "zero", "two"], output: ["front"] },
          {
            opType: "Concat",
            input: ["front", "four"],
            output: ["target"],
            attribute: [int("axis", 0)],
          },
          node("Reshape", ["x", "target"]),
        ],
        initializers: [int64("zero", 0), int64("two", 2), int64("four", 4)],
      },
      image,
      ["Reshape"],
    ],
    [
      "a Constant node",
      {
        nodes: [
          {
            opType: "Constant",
            output: ["c"],
            attribute: [{ name: "value_floats", type: 6, floats: [1, 2, 3] }],
          },
          node("Add", ["x", "c"]),
        ],
      },
      x,
      ["Add"],
    ],
  ];

  test.each(rows)("%s", async (_claim, init, value, ops) => {
    const bytes = model(init);
    const graph = importOnnx(bytes);
    expect(graph.nodes.map(({ op }) => op)).toEqual(ops);
    const expected = await runOnnx(bytes, { x: value });
    expectSame(await runOn(reference, graph, { x: value }), expected);
    // And what is exported means the same.
    expectSame(await runOnnx(exportOnnx(graph), { x: value }), expected);
  });
});

test("sizes that are computed from open ones are those of what is given at load", async () => {
  const bytes = model({
    shape: ["N", 4, "H", "W"],
    nodes: [
      { opType: "Shape", input: ["x"], output: ["shape"] },
      { opType: "Slice", input: ["shape", "two", "four"], output: ["size"] },
      { opType: "Slice", input: ["shape", "zero", "two"], output: ["front"] },
      { opType: "Mul", input: ["size", "two"], output: ["twice"] },
      { opType: "Concat", input: ["front", "twice"], output: ["sizes"], attribute: [int("axis", 0)] },
      { opType: "Resize", input: ["x", "", "", "sizes"], output: ["large"] },
      { opType: "DepthToSpace", input: ["large"], output: ["flat"], attribute: [int("blocksize", 2)] },
      {
        opType: "ConvTranspose",
        input: ["flat", "w"],
        output: ["deconvolved"],
        attribute: [ints("strides", 2, 2)],
      },
      { opType: "InstanceNormalization", input: ["deconvolved", "scale", "shift"], output: ["y"] },
    ],
    initializers: [
      int64("zero", 0),
      int64("two", 2),
      int64("four", 4),
      float32(
        "w",
        [1, 2, 3, 2],
        Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      ),
      float32("scale", [2], [0.5, 2]),
      float32("shift", [2], [1, -1]),
    ],
  });
  const graph = importOnnx(bytes);
  for (const shape of [
    [1, 4, 3, 5],
    [2, 4, 6, 4],
  ]) {
    const x = randomTensor(shape, 7);
    const expected = await runOnnx(bytes, { x });
    expectSame(await runOn(reference, graph, { x }), expected);
    expectSame(await runOn(wasm, simplify(graph, { shapes: { x: shape } }), { x }), expected);
  }
});

describe("names", () => {
  test("nodes without one are called after their operator and place, and never alike", () => {
    const nodes = ["a", "b", "c", "y"].map((output, i, all): NodeInit => {
      const name = i === 2 ? "Relu_0" : "";
      return { opType: "Relu", name, input: [i ? all[i - 1] : "x"], output: [output] };
    });
    const names = importOnnx(model({ nodes })).nodes.map(({ name }) => name);
    expect(names[1]).toBe("Relu_1");
    expect(names[2]).toBe("Relu_0");
    expect(new Set(names).size).toBe(4);
  });

  test("an open size keeps its name, and one without a name gets one", () => {
    const graph = importOnnx(model({ nodes: [node("Relu")], shape: ["N", ""] }));
    expect(graph.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["N", "x_1"] }]);
  });

  test("an initializer that is listed as an input is a constant only", () => {
    const bytes = model({ nodes: [node("Add", ["x", "x2"])], initializers: [float32("x2", [], [1])] });
    expect(importOnnx(bytes).inputs.map(({ name }) => name)).toEqual(["x"]);
  });
});

describe("refuses", () => {
  const graphAttribute: AttributeInit = { name: "body", type: attributeTypes.graph, g: Uint8Array.of() };
  const rows: [claim: string, bytes: Uint8Array, message: RegExp][] = [
    ["no bytes", new Uint8Array(0), /^not an ONNX file/],
    ["text", new TextEncoder().encode("<!doctype html><html></html>"), /^not an ONNX file/],
    ["an older opset", model({ opset: 5, nodes: [] }), /of opset 5; supported: 6 to 25/],
    ["a newer opset", model({ opset: 99, nodes: [] }), /of opset 99; supported/],
    [
      "an unknown operator",
      model({ nodes: [node("Unique")] }),
      /^Unique 'Unique_0': the operator is not supported; supported: .*, Conv, .*, Einsum, /,
    ],
    [
      "one called as a property of objects",
      model({ nodes: [node("toString")] }),
      /^toString 'toString_0'/,
    ],
    [
      "an unknown attribute",
      model({ nodes: [node("Relu", ["x"], [float("slope", 1)])] }),
      /^Relu 'Relu_0': attribute "slope" is not supported; supported: none/,
    ],
    [
      "an attribute of another type",
      model({ nodes: [node("Flatten", ["x"], [float("axis", 1.5)])] }),
      /^Flatten 'Flatten_0': attribute "axis" is 1.5; expected int/,
    ],
    [
      "an attribute twice",
      model({ nodes: [node("Flatten", ["x"], [int("axis", 1), int("axis", 2)])] }),
      /attribute "axis" is there twice/,
    ],
    ["a subgraph", model({ nodes: [node("Relu", ["x"], [graphAttribute])] }), /"body" is of kind graph/],
    [
      "another domain",
      model({ nodes: [{ ...node("Relu"), domain: "com.microsoft" }] }),
      /^Relu 'Relu_0': the operator is of the domain "com.microsoft"/,
    ],
    [
      "a Dropout whose mask is read",
      model({
        nodes: [{ opType: "Dropout", input: ["x"], output: ["d", "mask"] }, node("Mul", ["d", "mask"])],
      }),
      /^Dropout 'Dropout_0': the mask 'mask' is read/,
    ],
    [
      "a constant of a name that is there",
      model({
        nodes: [
          { opType: "Constant", output: ["c"], attribute: [float("value_float", 1)] },
          node("Relu"),
        ],
        initializers: [float32("c", [], [1])],
      }),
      /^Constant 'Constant_0': the value 'c' is there already/,
    ],
    [
      "a cycle",
      model({
        nodes: [
          { opType: "Add", name: "first", input: ["x", "b"], output: ["a"] },
          { opType: "Relu", name: "second", input: ["a"], output: ["b"] },
          node("Relu", ["b"]),
        ],
      }),
      /^Add 'first': reads 'b', which Relu 'second' makes of it or after it: the graph has a cycle/,
    ],
    [
      "an initializer that is not there",
      model({ nodes: [node("Add", ["x", "bias"])] }),
      /^Add 'Add_0': reads 'bias', which no input, initializer or node makes; the file lacks it/,
    ],
    [
      "a tensor of 2 GB in a file of a few bytes",
      model({
        nodes: [node("Relu")],
        initializers: [{ name: "c", dims: [2n ** 29n], dataType: dataTypes.float }],
      }),
      /'c': its shape needs 536870912 values, found 0/,
    ],
    ["local functions", model({ nodes: [], functions: [Uint8Array.of()] }), /functions local/],
  ];

  test.each(rows)("%s", (_claim, bytes, message) => {
    expect(() => importOnnx(bytes)).toThrow(modelError(message));
  });
});

describe("exportOnnx", () => {
  test("writes sparse weights dense, and the batch size that is asked for", async () => {
    const graph = tinyClassifier("batch");
    const x = tensor([2, 3, 9, 9], tinyImage(1, 2));
    const bytes = exportOnnx(graph, { batch: 2 });
    expect(importOnnx(bytes).inputs[0].shape).toEqual([2, 3, 9, 9]);
    expectSame(await runOnnx(bytes, { image: x }), await runOn(reference, graph, { image: x }));
  });

  test("writes a Swish as Sigmoid and Mul before opset 24, which simplify undoes", async () => {
    const attrs = { alpha: 1.5 };
    const graph: Graph = {
      name: "gate",
      inputs: [{ name: "x", dtype: "float32", shape: [2, 5] }],
      outputs: [{ name: "y", dtype: "float32", shape: [2, 5] }],
      nodes: [
        { name: "first", op: "Swish", inputs: ["x"], outputs: ["h"], attrs: {} },
        { name: "second", op: "Swish", inputs: ["h"], outputs: ["y"], attrs },
      ],
      constants: new Map(),
    };
    const x = randomTensor([2, 5], 1, -5, 5);
    const onnx = exportOnnx(graph);
    expectSame(await runOnnx(onnx, { x }), await runOn(reference, graph, { x }));
    const imported = importOnnx(onnx);
    expect(imported.nodes.map(({ op }) => op)).toEqual(["Sigmoid", "Mul", "Mul", "Sigmoid", "Mul"]);
    expect(simplify(imported).nodes.map(({ op, attrs }) => [op, attrs])).toEqual([
      ["Swish", {}],
      ["Swish", attrs],
    ]);
  });

  test("is undone by importOnnx", () => {
    const graph = tinyClassifier("batch");
    const constants = Array.from(
      graph.constants,
      ([name, value]) => [name, decodeWeight(value)] as const,
    );
    expect(importOnnx(exportOnnx(graph))).toEqual({ ...graph, constants: new Map(constants) });
  });

  test("writes operators that the runtime does not know, int32 where ONNX wants int64", async () => {
    const float = { dtype: "float32", shape: [2, 3] } as const;
    const graph: Graph = {
      name: "training",
      inputs: [{ ...float, name: "x" }],
      outputs: [
        { ...float, name: "y", shape: [2, 1] },
        { name: "best", dtype: "int32", shape: [2, 1] },
      ],
      nodes: [
        { name: "positive", op: "Greater", inputs: ["x", "zero"], outputs: ["mask"], attrs: {} },
        {
          name: "cast",
          op: "Cast",
          inputs: ["mask"],
          outputs: ["ones"],
          attrs: { to: dataTypes.float },
        },
        { name: "leaky", op: "LeakyRelu", inputs: ["ones"], outputs: ["leaky"], attrs: { alpha: 1 } },
        {
          name: "sum",
          op: "ReduceSum",
          inputs: ["leaky", "axes"],
          outputs: ["y"],
          attrs: { keepdims: 1 },
        },
        { name: "argmax", op: "ArgMax", inputs: ["x"], outputs: ["best"], attrs: { axis: 1 } },
      ],
      constants: new Map<string, Tensor>([
        ["zero", tensor([], Float32Array.of(0))],
        ["axes", tensor([1], Int32Array.of(1), "int32")],
      ]),
    };
    const results = await runOnnx(exportOnnx(graph), {
      x: tensor([2, 3], Float32Array.of(-1, 2, 3, 4, -5, 0)),
    });
    expect(Array.from(results.y.data)).toEqual([2, 1]);
    expect(Array.from(results.best.data, Number)).toEqual([2, 0]);
  });
});

test("a constant of 1 GB that a few bytes ask for is refused when it is planned, and never made", () => {
  const bytes = model({
    nodes: [{ opType: "ConstantOfShape", input: ["sizes"], output: ["c"] }, node("Add", ["x", "c"])],
    initializers: [{ name: "sizes", dims: [1n], dataType: dataTypes.int64, int64Data: [2n ** 28n] }],
  });
  expect(() => plan(importOnnx(bytes))).toThrow(
    modelError(/^ConstantOfShape 'ConstantOfShape_0': makes 268435456 values of constants; at most/),
  );
});

function modelError(message: RegExp) {
  return expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) });
}
