/** Pictures given to a session: whatever the browser calls one gives what its pixels give. */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type ImageOptions, type ImageSource, load, type Session } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensorOf } from "../../runtime/model/pixels.ts";
import { tinyClassifier } from "../fixtures.ts";

const [width, height] = [24, 18];
let session: Session;
beforeAll(async () => {
  session = await load(await writeModel(tinyClassifier()), { threads: 1, cache: false });
  return () => session.dispose();
});
afterEach(() => vi.unstubAllGlobals());

/** Smooth and opaque: drawing it changes nothing. */
function pixels(): ImageData {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    image.data.set([10 * x, 14 * y, 5 * (x + y), 255], 4 * i);
  }
  return image;
}

function drawn<C extends HTMLCanvasElement | OffscreenCanvas>(canvas: C): C {
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.putImageData(pixels(), 0, 0);
  return canvas;
}

const onPage = () => drawn(Object.assign(document.createElement("canvas"), { width, height }));
const offPage = () => drawn(new OffscreenCanvas(width, height));

async function element(): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = onPage().toDataURL("image/png");
  await image.decode();
  return image;
}

async function video(): Promise<HTMLVideoElement> {
  const canvas = onPage();
  const stream = canvas.captureStream(30);
  const playing = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
  const again = setInterval(() => drawn(canvas), 20); // a stream has frames only while somebody draws
  await playing.play();
  clearInterval(again);
  return playing;
}

/** What the session computes of the pixels themselves. */
async function expected(options?: ImageOptions): Promise<Float32Array> {
  const image = tensorOf(pixels(), session.inputs[0], options);
  return (await session.run({ image })).logits.data as Float32Array;
}

async function expectSame(given: ImageSource, options?: ImageOptions, tolerance = 1e-6) {
  const { logits } = await session.run({ image: given }, { image: options });
  const wanted = await expected(options);
  for (const [i, logit] of logits.data.entries())
    expect(Math.abs(logit - wanted[i]), `logit ${i}`).toBeLessThan(tolerance);
}

describe("a session takes", () => {
  test.each<[what: string, make: () => ImageSource | Promise<ImageSource>]>([
    ["ImageData", pixels],
    ["an ImageBitmap", () => createImageBitmap(pixels())],
    ["a VideoFrame", () => new VideoFrame(offPage(), { timestamp: 0 })],
    ["an OffscreenCanvas", offPage],
    ["a canvas", onPage],
    ["an image element", element],
  ])("%s", async (_, make) => {
    const given = await make();
    await expectSame(given);
    await expectSame(given, { fit: "crop", mean: [0.5, 0.4, 0.3], std: 0.25 }); // it stays the caller's
    if ("close" in given) given.close();
  });

  test("a video, whose colours went through the camera's own", async () => {
    await expectSame(await video(), undefined, 0.02);
  });

  test("a picture under the name input", async () => {
    const { logits } = await session.run({ input: pixels() });
    expect(logits.data).toEqual(await expected());
  });

  test("a canvas where there is no OffscreenCanvas", async () => {
    const canvas = onPage();
    vi.stubGlobal("OffscreenCanvas", undefined);
    await expectSame(canvas);
  });
});

describe("with transfer", () => {
  test("a frame, a bitmap and pixels move to the worker", async () => {
    const bitmap = await createImageBitmap(pixels());
    const frame = new VideoFrame(offPage(), { timestamp: 0 });
    const data = pixels();
    const wanted = await expected();
    for (const given of [bitmap, frame, data]) {
      const { logits } = await session.run({ image: given }, { transfer: true });
      for (const [i, logit] of logits.data.entries()) expect(logit).toBeCloseTo(wanted[i], 5);
    }
    expect([bitmap.width, frame.format, data.data.length]).toEqual([0, null, 0]);
  });
});

test.each<[claim: string, inputs: () => Record<string, ImageSource>, message: RegExp]>([
  ["an unknown name", () => ({ photo: pixels() }), /input 'photo' is not known; the model has 'image'/],
  ["an image without a source", () => ({ image: new Image() }), /input 'image' shows no picture/],
])("%s is refused, and the session lives", async (_, inputs, message) => {
  await expect(session.run(inputs())).rejects.toThrow(message);
  await expectSame(pixels());
});
