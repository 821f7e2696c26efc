/** What the live page looks at: a picture that came with the app, a file, or the camera. */
import manyUrl from "../pictures/many.jpg?url&no-inline";
import portraitUrl from "../pictures/portrait.jpg?url&no-inline";

/** Something that has a picture at any time. */
export interface Source {
  readonly isMoving: boolean;
  readonly image: CanvasImageSource;
  size(): { readonly width: number; readonly height: number };
  pause(): void;
  resume(): void;
  close(): void;
}

export type BundledPicture = "portrait" | "many";

export async function bundledPicture(name: BundledPicture): Promise<Source> {
  const response = await fetch(name === "many" ? manyUrl : portraitUrl);
  return still(await response.blob());
}

/** Throws an Error that says what the browser can show. */
export async function openFile(file: File): Promise<Source> {
  if (!file.type.startsWith("video/"))
    return still(file, `${file.name} is not a picture that this browser can show`);
  const url = URL.createObjectURL(file);
  const video = quietVideo();
  video.loop = true;
  video.src = url;
  try {
    await video.play();
  } catch {
    URL.revokeObjectURL(url);
    throw new Error(`${file.name} is not a video that this browser can play`);
  }
  return moving(video, () => URL.revokeObjectURL(url));
}

/** Throws an Error that says why there is no camera, and what to do. */
export async function openCamera(): Promise<Source> {
  if (!navigator.mediaDevices)
    throw new Error("There is no camera here: a page needs https to ask for one.");
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } },
    });
  } catch (error) {
    throw new Error(
      whyNoCamera[(error as Error).name] ?? `The camera does not open: ${(error as Error).message}`,
    );
  }
  const video = quietVideo();
  video.srcObject = stream;
  await video.play();
  return moving(video, () => {
    for (const track of stream.getTracks()) track.stop();
  });
}

/** By the names that the standard gives these errors. */
const whyNoCamera: Record<string, string> = {
  NotAllowedError:
    "The camera is blocked. Allow it for this site in the browser's settings, then try again.",
  NotFoundError: "This device has no camera that the browser can see.",
  NotReadableError: "The camera is busy: another app uses it.",
};

async function still(blob: Blob, whyNot = "the picture cannot be shown"): Promise<Source> {
  const image = await createImageBitmap(blob).catch(() => {
    throw new Error(whyNot);
  });
  const { width, height } = image;
  const nothing = () => {};
  return {
    isMoving: false,
    image,
    size: () => ({ width, height }),
    pause: nothing,
    resume: nothing,
    close: () => image.close(),
  };
}

function moving(video: HTMLVideoElement, release: () => void): Source {
  return {
    isMoving: true,
    image: video,
    size: () => ({ width: video.videoWidth, height: video.videoHeight }),
    pause: () => video.pause(),
    resume: () => void video.play(),
    close() {
      video.pause();
      release();
    },
  };
}

function quietVideo(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  return video;
}
