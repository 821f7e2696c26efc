/** The faces that the app shows, and those that onnxruntime-node finds in the same pixels with the same file. */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import type { Page } from "playwright";
import { faceDetectorFiles } from "../../demo/pwa/build/face-detector.ts";
import { decodeFaces, inputSize } from "../../demo/pwa/live/faces.ts";
import { inPicture, letterbox, type Pixels } from "../../demo/pwa/live/letterbox.ts";
import { exportOnnx, importTflite, tensor } from "../../pruner/index.ts";

/** In pixels of the picture, and the score. */
export type Found = readonly [left: number, top: number, right: number, bottom: number, score: number];
export type Side = keyof typeof faceDetectorFiles;

/** As soon as there are any. */
export async function facesOf(page: Page, side: Side): Promise<Found[]> {
  const canvas = page.locator(`#live-${side}[data-faces]`);
  await canvas.waitFor();
  return JSON.parse((await canvas.getAttribute("data-faces"))!);
}

/** Of the picture on the canvas that the networks look at; a bundled one is read as the page reads it. */
export async function pixelsOf(page: Page): Promise<Pixels> {
  const { width, height, base64 } = await page.evaluate(async () => {
    const name =
      document.querySelector<HTMLElement>("#live-sparse")!.dataset.picture === "Portrait"
        ? "portrait"
        : "many";
    const { name: url } = performance
      .getEntriesByType("resource")
      .find((entry) => entry.name.includes(`/${name}-`))!;
    const image = await createImageBitmap(await (await fetch(url)).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d")!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const url64 = await new Promise<string>((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result as string);
      reader.readAsDataURL(new Blob([data]));
    });
    return { width: image.width, height: image.height, base64: url64.split(",")[1] };
  });
  return { width, height, data: new Uint8ClampedArray(Buffer.from(base64, "base64")) };
}

export async function facesByOnnxRuntime(side: Side, pixels: Pixels): Promise<Found[]> {
  const graph = importTflite(readFileSync(faceDetectorFiles[side]));
  const session = await ort.InferenceSession.create(exportOnnx(graph), { logSeverityLevel: 3 });
  const fit = letterbox(pixels, inputSize);
  const { data, shape } = fit.input;
  const results = await session.run({
    [graph.inputs[0].name]: new ort.Tensor("float32", data, [...shape]),
  });
  const [regressors, logits] = graph.outputs.map(({ name }) =>
    tensor(results[name].dims, results[name].data as Float32Array),
  );
  await session.release();
  return decodeFaces(regressors, logits)
    .map((face) => inPicture(face, fit))
    .map(({ left, top, right, bottom, score }) => [left, top, right, bottom, score]);
}
