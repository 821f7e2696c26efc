/** The GPU backend in a worker of a browser, on the software renderer that it brings along. */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { reference } from "../../../runtime/backends/reference/index.ts";
import { type ImageOptions, type LoadProgress, load, type Session } from "../../../runtime/index.ts";
import { writeModel } from "../../../runtime/model/file.ts";
import { tensorOf } from "../../../runtime/model/pixels.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { plan } from "../../../runtime/plan.ts";
import { tinyClassifier, tinyImage } from "../../fixtures.ts";

const image = tinyImage(3);

async function expected() {
  const executable = await reference.prepare(plan(tinyClassifier()));
  return (await executable.run({ image: tensor([1, 3, 9, 9], image) })).logits.data;
}

test("a model with sparse weights runs on the GPU as on the reference, its kernels compiled with progress", async () => {
  const seen: LoadProgress[] = [];
  const bytes = await writeModel(tinyClassifier());
  const session = await load(bytes, {
    backend: "webgpu",
    cache: false,
    onProgress: (progress) => seen.push(progress),
  });
  expect(session.capabilities.backend).toBe("webgpu");
  expect(session.capabilities.reasons.join("; ")).toMatch(/computes on the CPU, slower than wasm/);
  const wanted = await expected();
  for (let run = 0; run < 2; run++) {
    const { logits } = await session.run({ image });
    wanted.forEach((value, i) => {
      expect(Math.abs(logits.data[i] - value), `value ${i}`).toBeLessThan(1e-4);
    });
  }
  const compiled = seen.filter(({ loaded }) => loaded > 2 && loaded < 3);
  expect(compiled.length).toBeGreaterThan(1);
  const rows = await session.profile({ image }, 2);
  expect(rows.map(({ kernel }) => kernel.replace(/_.*/, ""))).toEqual(["conv", "reduce", "gemm"]);
  session.dispose();
});

test("auto asks for the GPU, and stays on wasm where that is software", async () => {
  const session = await load(await writeModel(tinyClassifier()), { backend: "auto", cache: false });
  expect(session.capabilities.backend).toBe("wasm");
  expect(session.capabilities.reasons.join("; ")).toMatch(/webgpu is not used: .* computes on the CPU/);
  session.dispose();
});

test("a model that asks for nothing is not looked at by the GPU", async () => {
  const session = await load(await writeModel(tinyClassifier()), { cache: false });
  expect(session.capabilities.backend).toBe("wasm");
  expect(session.capabilities.reasons.join("; ")).not.toMatch(/webgpu/);
  session.dispose();
});

describe("pictures are read by the GPU", () => {
  const [width, height] = [24, 18];
  let session: Session;
  beforeAll(async () => {
    const bytes = await writeModel(tinyClassifier());
    session = await load(bytes, { backend: "webgpu", worker: false, cache: false });
    return () => session.dispose();
  });
  afterEach(() => vi.restoreAllMocks());

  /** Smooth and opaque. */
  function pixels(): ImageData {
    const picture = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      picture.data.set([10 * x, 14 * y, 5 * (x + y), 255], 4 * i);
    }
    return picture;
  }
  const frame = (init: Partial<VideoFrameBufferInit> = {}) =>
    new VideoFrame(pixels().data, {
      ...{ format: "RGBA", codedWidth: width, codedHeight: height, timestamp: 0 },
      ...init,
    });

  const kinds: [what: string, make: () => ImageBitmap | VideoFrame | Promise<ImageBitmap>][] = [
    ["a frame of a camera", frame],
    ["an ImageBitmap", () => createImageBitmap(pixels())],
  ];
  const ways: ImageOptions[] = [
    {},
    { fit: "crop", mean: [0.5, 0.4, 0.3], std: 0.25 },
    { fit: "letterbox", pad: 114, scale: 1 / 128 },
  ];
  /** A frame comes to the GPU by a driver of the system, software or not. */
  async function whyNoFrames(): Promise<string | undefined> {
    const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
    const source = frame();
    try {
      device.importExternalTexture({ source });
    } catch (error) {
      return `no frame comes to the GPU here (${(error as Error).message}): apt-get install mesa-vulkan-drivers`;
    } finally {
      source.close();
      device.destroy();
    }
  }

  test.for(kinds)("%s, and gives what its pixels give", async ([what, make], context) => {
    const whyNot = what === "a frame of a camera" ? await whyNoFrames() : undefined;
    if (whyNot) context.skip(whyNot);
    const read = vi.spyOn(OffscreenCanvasRenderingContext2D.prototype, "getImageData");
    for (const options of ways) {
      const tensor = tensorOf(pixels(), session.inputs[0], options);
      const wanted = (await session.run({ image: tensor })).logits.data;
      const given = await make();
      for (let run = 0; run < 2; run++) {
        const { logits } = await session.run({ image: given }, { image: options });
        for (const [i, logit] of logits.data.entries())
          expect(Math.abs(logit - wanted[i]), `logit ${i} of ${JSON.stringify(options)}`).toBeLessThan(
            1e-4,
          );
      }
      given.close(); // it stayed the caller's
    }
    expect(read).not.toHaveBeenCalled();
    expect(session.capabilities.backend).toBe("webgpu");
  });

  test("a picture that the GPU cannot read is read by the CPU", async () => {
    const read = vi.spyOn(OffscreenCanvasRenderingContext2D.prototype, "getImageData");
    vi.spyOn(GPUDevice.prototype, "importExternalTexture").mockImplementation(() => {
      throw new TypeError("not of this kind");
    });
    const tensor = tensorOf(pixels(), session.inputs[0]);
    const wanted = (await session.run({ image: tensor })).logits.data;
    const { logits } = await session.run({ image: frame() }, { transfer: true });
    for (const [i, logit] of logits.data.entries()) expect(logit).toBeCloseTo(wanted[i], 4);
    expect(read).toHaveBeenCalledTimes(1);
    expect(session.capabilities.backend).toBe("webgpu");
  });

  test("a picture that is larger than a texture can be is read by the CPU", async () => {
    const canvas = new OffscreenCanvas(8200, 4);
    const context = canvas.getContext("2d")!;
    context.fillStyle = "rgb(40 90 200)";
    context.fillRect(0, 0, 8200, 4);
    const long = context.getImageData(0, 0, 8200, 4);
    const wanted = (await session.run({ image: tensorOf(long, session.inputs[0]) })).logits.data;
    const { logits } = await session.run({ image: await createImageBitmap(canvas) });
    for (const [i, logit] of logits.data.entries()) expect(logit).toBeCloseTo(wanted[i], 4);
    expect(session.capabilities.backend).toBe("webgpu");
  });

  test("wrong options are the caller's error, and the session lives", async () => {
    const wrong = session.run({ image: frame() }, { image: { mean: [1, 2] }, transfer: true });
    await expect(wrong).rejects.toThrow(/image.mean has 2 numbers; expected one, or 3/);
    expect(session.capabilities.backend).toBe("webgpu");
    await session.run({ image: frame() }, { transfer: true });
  });
});
