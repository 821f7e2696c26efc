/** From pictures to tensors: the same numbers as a plain loop over the definition, for every fit, layout and size. */
import { describe, expect, test } from "vitest";
import { type Pixels, tensorOf } from "../../runtime/model/pixels.ts";
import type { ImageOptions, SessionValue } from "../../runtime/session.ts";
import { randomInts } from "../formats/examples.ts";

type Fit = NonNullable<ImageOptions["fit"]>;

const value = (shape: readonly number[], dtype: SessionValue["dtype"] = "float32"): SessionValue => ({
  name: "image",
  dtype,
  shape,
});

function picture(width: number, height: number): Pixels {
  const random = randomInts(width * 1000 + height);
  return {
    width,
    height,
    data: Uint8ClampedArray.from({ length: 4 * width * height }, () => random(256)),
  };
}

/** The definition, pixel by pixel: a byte of the output, from where it lies in the picture. */
function byteAt(
  pixels: Pixels,
  fit: Fit,
  w: number,
  h: number,
  x: number,
  y: number,
  c: number,
): number {
  const { width, height, data } = pixels;
  const ratio = [w / width, h / height];
  let [sx, sy, sw, sh] = [0, 0, width, height];
  let [dx, dy, dw, dh] = [0, 0, w, h];
  if (fit === "crop") {
    const most = Math.max(...ratio);
    [sw, sh] = [w / most, h / most];
    [sx, sy] = [(width - sw) / 2, (height - sh) / 2];
  } else if (fit === "letterbox") {
    const least = Math.min(...ratio);
    [dw, dh] = [Math.max(1, Math.round(width * least)), Math.max(1, Math.round(height * least))];
    [dx, dy] = [Math.floor((w - dw) / 2), Math.floor((h - dh) / 2)];
    if (x < dx || x >= dx + dw || y < dy || y >= dy + dh) return 114;
  }
  const u = Math.min(Math.max(sx + ((x - dx + 0.5) * sw) / dw - 0.5, 0), width - 1);
  const v = Math.min(Math.max(sy + ((y - dy + 0.5) * sh) / dh - 0.5, 0), height - 1);
  let sum = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const share = Math.max(0, 1 - Math.abs(u - column)) * Math.max(0, 1 - Math.abs(v - row));
      sum += share * data[4 * (row * width + column) + c];
    }
  }
  return sum;
}

const sizes: [width: number, height: number][] = [
  [8, 6],
  [16, 12],
  [5, 17],
  [1, 1],
  [40, 9],
  [7, 6],
];
const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

describe.each<Fit>(["stretch", "crop", "letterbox"])("%s", (fit) => {
  test.each(sizes)(
    "a picture of %i x %i is what the definition says, in both layouts",
    (width, height) => {
      const pixels = picture(width, height);
      const [w, h] = [8, 6];
      const options: ImageOptions = { fit, mean, std, pad: 114 };
      const first = tensorOf(pixels, value([1, 3, h, w]), options);
      const last = tensorOf(pixels, value([1, h, w, 3]), options);
      for (let c = 0; c < 3; c++) {
        for (let y = 0; y < h; y++) {
          for (let x = 0; x < w; x++) {
            const wanted = (byteAt(pixels, fit, w, h, x, y, c) / 255 - mean[c]) / std[c];
            expect(first.data[(c * h + y) * w + x]).toBeCloseTo(wanted, 5);
            expect(last.data[(y * w + x) * 3 + c]).toBe(first.data[(c * h + y) * w + x]);
          }
        }
      }
    },
  );
});

test("a picture of the input's size is copied byte for byte", () => {
  const pixels = picture(9, 7);
  const { data } = tensorOf(pixels, value([1, 7, 9, 4], "uint8"));
  expect(data).toEqual(Uint8Array.from(pixels.data));
});

test("one channel is the luma", () => {
  const pixels = { width: 1, height: 1, data: Uint8ClampedArray.of(200, 100, 50, 255) };
  const { data } = tensorOf(pixels, value([1, 1, 1, 1]), { scale: 1 });
  expect(data[0]).toBeCloseTo(0.299 * 200 + 0.587 * 100 + 0.114 * 50, 4);
});

test.each<[claim: string, input: SessionValue, options: ImageOptions, message: RegExp]>([
  ["a batch", value([2, 3, 8, 8]), {}, /input 'image' is float32 \[2,3,8,8\], not a picture/],
  ["a vector", value([1, 10]), {}, /not a picture; expected float32 or uint8/],
  ["five channels", value([1, 5, 8, 8]), {}, /not a picture/],
  ["integers", value([1, 3, 8, 8], "int32"), {}, /is int32 .* not a picture/],
  [
    "two means for three channels",
    value([3, 8, 8]),
    { mean: [1, 2] },
    /image.mean has 2 numbers; expected one, or 3/,
  ],
])("%s is refused", (_, input, options, message) => {
  expect(() => tensorOf(picture(4, 4), input, options)).toThrow(message);
});
