/** Operators refuse what they do not mean: the message names the node and says what was found. */
import { describe, expect, test } from "vitest";
import type { Attr } from "../../runtime/model/graph.ts";
import { zeros } from "../../runtime/model/tensor.ts";
import { type CaseInput, constant, ints, single } from "../backend/cases/case.ts";

const image = zeros([1, 4, 6, 6]);
const matrix = zeros([3, 4]);
const w = (...shape: number[]) => constant(zeros(shape));

const rows: [
  op: string,
  claim: string,
  inputs: CaseInput[],
  attrs: Record<string, Attr>,
  message: RegExp,
][] = [
  [
    "Conv",
    "groups that do not fit",
    [image, w(8, 2, 3, 3)],
    { group: 3 },
    /in 3 groups does not fit .* C = 6/,
  ],
  [
    "Conv",
    "a bias of another length",
    [image, w(8, 4, 3, 3), w(7)],
    {},
    /bias has shape \[7\]; expected \[8\]/,
  ],
  ["Conv", "a weight of another rank", [image, w(8, 4, 3)], {}, /must have the same rank/],
  [
    "Conv",
    "three dimensions",
    [zeros([1, 2, 4, 4, 4]), w(2, 2, 1, 1, 1)],
    {},
    /expected \[N, C, W\] or/,
  ],
  [
    "Conv",
    "another kernel_shape",
    [image, w(8, 4, 3, 3)],
    { kernel_shape: [1, 1] },
    /kernel_shape \[1,1\]/,
  ],
  [
    "Conv",
    "a stride of 0",
    [image, w(8, 4, 3, 3)],
    { strides: [0, 1] },
    /strides \[0,1\]: 0 is not supported/,
  ],
  ["Conv", "three strides", [image, w(8, 4, 3, 3)], { strides: [1, 1, 1] }, /has 3 values; expected 2/],
  [
    "Conv",
    "a made-up auto_pad",
    [image, w(8, 4, 3, 3)],
    { auto_pad: "SAME" },
    /auto_pad "SAME" is not known/,
  ],
  [
    "Conv",
    "int32",
    [zeros([1, 4, 6, 6], "int32"), w(8, 4, 3, 3)],
    {},
    /'x0' is int32; expected float32/,
  ],
  [
    "Gemm",
    "sizes that do not meet",
    [matrix, w(3, 5)],
    {},
    /A is \[3,4\] .* B is \[3,5\] .*: 4 is not 3/,
  ],
  ["Gemm", "vectors", [zeros([4]), w(4, 5)], {}, /expected two matrices/],
  ["MatMul", "sizes that do not meet", [matrix, w(3, 5)], {}, /A has 4 columns, B has 3 rows/],
  [
    "Add",
    "shapes that do not broadcast",
    [matrix, w(3)],
    {},
    /\[3,4\] and \[3\] do not broadcast: 4 is not 3/,
  ],
  ["Mul", "two dtypes", [matrix, zeros([1], "int32")], {}, /A is float32 and B is int32/],
  ["Clip", "a bound that is a vector", [matrix, w(2)], {}, /min has shape \[2\]; expected a scalar/],
  ["Clip", "a bound given while running", [matrix, zeros([])], {}, /'x1' is computed while running/],
  ["MaxPool", "no kernel", [image], {}, /attribute "kernel_shape" is missing/],
  [
    "MaxPool",
    "a kernel of 0",
    [image],
    { kernel_shape: [0, 2] },
    /has the size 0; sizes are at least 1/,
  ],
  ["GlobalAveragePool", "a matrix", [matrix], {}, /expected \[N, C, ...spatial\]/],
  ["Flatten", "an axis beyond the rank", [image], { axis: 5 }, /axis 5 does not fit an input of 4/],
  [
    "Reshape",
    "sizes that do not divide",
    [matrix, ints(5, -1)],
    {},
    /12 values .* do not fit the shape \[5,-1\]/,
  ],
  ["Reshape", "two open sizes", [matrix, ints(-1, -1)], {}, /do not fit the shape \[-1,-1\]/],
  ["Reshape", "a 0 beyond the rank", [matrix, ints(3, 4, 0)], {}, /do not fit the shape \[3,4,0\]/],
  ["Squeeze", "a size that is not 1", [matrix, ints(0)], {}, /axis 0 of \[3,4\] is not of size 1/],
  ["Unsqueeze", "an axis twice", [matrix, ints(1, -3)], {}, /name one dimension twice/],
  [
    "Concat",
    "other sizes that differ",
    [matrix, w(2, 5)],
    { axis: 0 },
    /\[3,4\] and \[2,5\] differ beside axis 0/,
  ],
  [
    "Pad",
    "another mode",
    [image, ints(0, 0, 1, 1, 0, 0, 1, 1)],
    { mode: "mirror" },
    /mode "mirror" is not known; expected constant, edge, reflect, wrap/,
  ],
  ["Pad", "too few pads", [image, ints(1, 1)], {}, /has 2 values; expected 8/],
  ["Pad", "cropping more than there is", [matrix, ints(0, -5, 0, 0)], {}, /has the size -1/],
  ["Slice", "a step of 0", [matrix, ints(0), ints(2), ints(0), ints(0)], {}, /steps \[0\] holds a 0/],
  ["Gather", "an index beyond the end", [matrix, ints(3)], {}, /index 3 does not fit axis 0 of \[3,4\]/],
  [
    "Gather",
    "indices that are no whole numbers",
    [matrix, zeros([1])],
    {},
    /indices 'x1' is float32; expected int32/,
  ],
  ["Expand", "a size that is not 1", [matrix, ints(2, 4)], {}, /do not broadcast: 3 is not 2/],
  ["Split", "sizes that do not add up", [matrix, ints(4)], {}, /split \[4\] does not cut 3 values/],
  ["Split", "another num_outputs", [matrix], { num_outputs: 2 }, /num_outputs is 2, but there are 1/],
  ["Gelu", "a made-up form", [matrix], { approximate: "erf" }, /approximate "erf" is not known/],
  [
    "Resize",
    "cubic",
    [image, undefined, w(4)],
    { mode: "cubic" },
    /mode "cubic" is not supported; supported: nearest, linear/,
  ],
  [
    "Resize",
    "cropping",
    [image, undefined, w(4)],
    { coordinate_transformation_mode: "tf_crop_and_resize" },
    /"tf_crop_and_resize" is not supported/,
  ],
  ["Resize", "neither scales nor sizes", [image], {}, /neither scales \(input 2\) nor sizes/],
  ["Resize", "scales of 0", [image, undefined, w(4)], {}, /\[0,0,0,0\] makes axis 0 .* empty/],
  ["Resize", "two sizes", [image, undefined, undefined, ints(9, 9)], {}, /has 2 values; expected 4/],
  ["Softmax", "an axis beyond the rank", [matrix], { axis: 2 }, /axis 2 does not fit/],
  ["Transpose", "an axis twice", [matrix], { perm: [0, 0] }, /perm \[0,0\] does not name each/],
  ["ReduceMean", "an axis twice", [matrix], { axes: [0, -2] }, /name one dimension twice/],
  [
    "BatchNormalization",
    "statistics of another length",
    [image, w(4), w(4), w(3), w(4)],
    {},
    /mean has shape \[3\]; expected \[4\]/,
  ],
  [
    "BatchNormalization",
    "training",
    [image, w(4), w(4), w(4), w(4)],
    { training_mode: 1 },
    /training_mode is set; export the model for inference/,
  ],
];

describe("refuses", () => {
  test.each(rows)("%s with %s", (op, _claim, inputs, attrs, message) => {
    const error = expect.objectContaining({
      name: "ModelError",
      message: expect.stringMatching(new RegExp(`^${op} 'node': .*${message.source}`)),
    });
    expect(() => single(op, "case", inputs, attrs)).toThrow(error);
  });
});
