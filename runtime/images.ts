/** Runs with pictures among the inputs: which they are, and what of them is sent to the worker. */
import type { EngineCalls } from "./hosts.ts";
import { checkInputs, takeBack } from "./inputs.ts";
import { ModelError } from "./model/errors.ts";
import type { SentImage } from "./model/image.ts";
import type { Tensor } from "./model/tensor.ts";
import type {
  ImageOptions,
  ImageSource,
  RunInputs,
  RunOptions,
  SessionInputs,
  SessionValue,
} from "./session.ts";

/** What the session lends: its facts, its worker, and how things are sent there. */
interface Lent extends EngineCalls {
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  sent(tensors: Record<string, Tensor>, isTransferred: boolean): Record<string, Tensor>;
  transfer<T>(value: T, moved: Transferable[]): T;
}

export async function runOnImages(
  given: RunInputs,
  { transfer: isTransferred = false, reuse, image = {} }: RunOptions,
  { inputs, outputs, call, sent, transfer }: Lent,
): Promise<Record<string, Tensor>> {
  const { tensors, images, moved } = await sortInputs(given, inputs, image, isTransferred);
  const others = inputs.filter(({ name }) => !Object.hasOwn(images, name));
  const checked = checkInputs(tensors, others);
  const own = sent(checked, isTransferred);
  const back = reuse && sent(takeBack(reuse, outputs, isTransferred ? checked : {}), true);
  return call((engine, id) => engine.runOnImages(id, own, transfer(images, [...moved]), back));
}

interface SortedInputs {
  readonly tensors: SessionInputs; // the inputs that are no pictures
  readonly images: Readonly<Record<string, SentImage>>;
  readonly moved: readonly Transferable[]; // of the images
}

/** Throws a ModelError where a picture is given to an input that is not known, or has nothing to show yet. */
async function sortInputs(
  given: RunInputs,
  declared: readonly SessionValue[],
  options: ImageOptions,
  isTransferred: boolean,
): Promise<SortedInputs> {
  const tensors: Record<string, SessionInputs[string]> = {};
  const images: Record<string, SentImage> = {};
  const moved: Transferable[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (!isImage(value)) {
      tensors[key] = value;
      continue;
    }
    const isAlias = declared.length === 1 && key === "input";
    const input = isAlias ? declared[0] : declared.find(({ name }) => name === key);
    if (!input) {
      const names = declared.map(({ name }) => `'${name}'`).join(", ");
      throw new ModelError(`input '${key}' is not known; the model has ${names}`);
    }
    const picture = await pictureOf(value, isTransferred, input.name);
    images[input.name] = { picture, input, options };
    moved.push("data" in picture ? picture.data.buffer : picture);
  }
  return { tensors, images, moved };
}

function isImage(value: unknown): value is ImageSource {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return /^(ImageData|ImageBitmap|VideoFrame|OffscreenCanvas|HTML(Canvas|Video|Image)Element)$/.test(
    tag,
  );
}

/** What can be moved to a worker: the frame itself, or a copy where the caller keeps it. A VideoFrame's copy is free. */
async function pictureOf(
  source: ImageSource,
  isTransferred: boolean,
  name: string,
): Promise<SentImage["picture"]> {
  if (source instanceof ImageData) {
    const { data, width, height } = source;
    return isTransferred ? source : new ImageData(data.slice(), width, height);
  }
  if (typeof OffscreenCanvas === "undefined") return drawnHere(source, name);
  if (typeof VideoFrame !== "undefined" && source instanceof VideoFrame) {
    return isTransferred ? source : source.clone();
  }
  if (isTransferred && source instanceof ImageBitmap) return source;
  try {
    return await createImageBitmap(source);
  } catch (error) {
    throw new ModelError(`input '${name}' shows no picture: ${(error as Error).message}`);
  }
}

/** Where workers cannot draw: the pixels, drawn by the page. */
function drawnHere(source: Exclude<ImageSource, ImageData>, name: string): ImageData {
  const [width, height] = sizeOf(source);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context || !width || !height) throw new ModelError(`input '${name}' shows no picture`);
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function sizeOf(source: Exclude<ImageSource, ImageData>): [width: number, height: number] {
  if ("displayWidth" in source) return [source.displayWidth, source.displayHeight];
  if ("videoWidth" in source) return [source.videoWidth, source.videoHeight];
  if ("naturalWidth" in source) return [source.naturalWidth, source.naturalHeight];
  return [source.width, source.height];
}
