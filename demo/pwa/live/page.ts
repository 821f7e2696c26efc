/** The live page: the face detector, dense and sparse by turns on the same frames, with the time that each takes. */
import faceDetector from "virtual:face-detector";
import { load, type Session } from "../../../runtime/index.ts";
import { bytesOf } from "../models.ts";
import { element, fillThreads, messageOf, type Page } from "../page.ts";
import { decodeFaces, type Face, inputSize } from "./faces.ts";
import { inPicture, letterbox, type Pixels } from "./letterbox.ts";
import { type BundledPicture, bundledPicture, openCamera, openFile, type Source } from "./sources.ts";

const sides = ["dense", "sparse"] as const;
type Side = (typeof sides)[number];

/** So many frames of a still picture are enough to tell a time. */
const framesOfAStill = 60;
/** Times are medians of the last so many frames. */
const remembered = 31;
/** Larger pictures are looked at in this size: pixels of the longer side. */
const mostPixels = 1024;

export async function livePage(): Promise<Page> {
  const threads = element<HTMLSelectElement>("live-threads");
  const file = element<HTMLInputElement>("live-file");
  const buttons = [...document.querySelectorAll<HTMLButtonElement>("#live [data-source]")];
  fillThreads(threads);
  let source: Source | undefined;
  let sessions: Record<Side, Session> | undefined;
  let isVisible = false;
  let round = 0; // of looking: a new one ends the one before

  const say = (text: string, isError = false) => {
    element("live-message").textContent = text;
    element("live-message").classList.toggle("error", isError);
  };

  /** The old picture stays where the new one cannot be had. */
  async function lookAt(name: string, open: () => Promise<Source>): Promise<void> {
    try {
      const next = await open();
      source?.close();
      source = next;
      for (const button of buttons) button.ariaPressed = String(button.dataset.source === name);
      say("");
      await look();
    } catch (error) {
      say(messageOf(error), true);
    }
  }

  async function look(): Promise<void> {
    const mine = ++round;
    if (!source || !isVisible) return;
    const here = source;
    const picture = buttons.find(({ ariaPressed }) => ariaPressed === "true")!.textContent!;
    const first = pixelsOf(here);
    for (const side of sides) {
      draw(side, first, []);
      note(side, picture, undefined);
    }
    try {
      sessions ??= await open(Number(threads.value), (text) => say(text));
    } catch (error) {
      return say(messageOf(error), true);
    }
    say("");
    const times: Record<Side, number[]> = { dense: [], sparse: [] };
    for (let frame = 0; mine === round && (here.isMoving || frame < framesOfAStill); frame++) {
      const pixels = pixelsOf(here);
      const fit = letterbox(pixels, inputSize);
      const found: Partial<Record<Side, Face[]>> = {};
      for (const side of frame % 2 ? sides.toReversed() : sides) {
        const start = performance.now();
        const [regressors, logits] = Object.values(
          await sessions[side].run({ [sessions[side].inputs[0].name]: fit.input }),
        );
        times[side] = [...times[side], performance.now() - start].slice(-remembered);
        if (mine !== round) return;
        found[side] = decodeFaces(regressors, logits).map((face) => inPicture(face, fit));
      }
      for (const side of sides) {
        draw(side, pixels, found[side]!);
        note(side, picture, found[side]);
      }
      if (here.isMoving || frame % 10 === 0 || frame === framesOfAStill - 1)
        showNumbers(times, found.sparse!);
      await nextFrame();
    }
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const name = button.dataset.source!;
      if (name === "file") file.click();
      else if (name === "camera") void lookAt(name, openCamera);
      else void lookAt(name, () => bundledPicture(name as BundledPicture));
    });
  }
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen) void lookAt("file", () => openFile(chosen));
    file.value = ""; // the same file can be chosen again
  });
  threads.addEventListener("change", () => {
    round++;
    for (const side of sides) sessions?.[side].dispose();
    sessions = undefined;
    void look();
  });

  return {
    show() {
      isVisible = true;
      source?.resume();
      if (source) void look();
      else void lookAt("portrait", () => bundledPicture("portrait"));
    },
    hide() {
      isVisible = false;
      round++;
      source?.pause();
    },
  };
}

async function open(threads: number, say: (text: string) => void): Promise<Record<Side, Session>> {
  say("Loading the networks…");
  const opened: Partial<Record<Side, Session>> = {};
  for (const side of sides) {
    opened[side] = await load(await bytesOf(faceDetector[side]), { threads });
  }
  return opened as Record<Side, Session>;
}

const shot = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;

function pixelsOf(source: Source): Pixels {
  const { width, height } = source.size();
  const scale = Math.min(1, mostPixels / Math.max(width, height));
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (shot.canvas.width !== w || shot.canvas.height !== h)
    Object.assign(shot.canvas, { width: w, height: h });
  shot.drawImage(source.image, 0, 0, w, h);
  return shot.getImageData(0, 0, w, h);
}

/** The picture with its faces, in the middle of a square canvas: pictures of any shape leave the page where it is. */
function draw(side: Side, { width, height }: Pixels, faces: readonly Face[]): void {
  const canvas = element<HTMLCanvasElement>(`live-${side}`);
  const context = canvas.getContext("2d")!;
  const scale = canvas.width / Math.max(width, height);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(
    scale,
    0,
    0,
    scale,
    (canvas.width - width * scale) / 2,
    (canvas.height - height * scale) / 2,
  );
  context.drawImage(shot.canvas, 0, 0);
  const colour = getComputedStyle(canvas).getPropertyValue(side === "sparse" ? "--green" : "--blue");
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 4 / scale;
  for (const { left, top, right, bottom, points } of faces) {
    context.strokeRect(left, top, right - left, bottom - top);
    for (const { x, y } of points) {
      context.beginPath();
      context.arc(x, y, 3.5 / scale, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

/** For those who look with other means than eyes: what is on the canvas, and how often it was drawn. */
function note(side: Side, picture: string, faces: readonly Face[] | undefined): void {
  const { dataset } = element(`live-${side}`);
  dataset.picture = picture;
  if (!faces) return void delete dataset.faces;
  dataset.faces = JSON.stringify(faces.map((f) => [f.left, f.top, f.right, f.bottom, f.score]));
  dataset.frame = String(Number(dataset.frame ?? 0) + 1);
}

function showNumbers(times: Record<Side, number[]>, faces: readonly Face[]): void {
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const ms = { dense: median(times.dense), sparse: median(times.sparse) };
  for (const side of sides) {
    element(`live-${side}-ms`).textContent = ms[side].toFixed(2);
    element(`live-${side}-fps`).textContent = (1000 / ms[side]).toFixed(0);
  }
  element("live-ratio").textContent =
    `Sparse is ${(ms.dense / ms.sparse).toFixed(2)} times as fast here, the way to the worker and back included.`;
  const lines = faces.map(({ left, top, right, bottom, score }) => {
    const item = document.createElement("li");
    const at = `${Math.round(left)}, ${Math.round(top)}`;
    const size = `${Math.round(right - left)} × ${Math.round(bottom - top)} pixels`;
    item.textContent = `${(100 * score).toFixed(0)} % sure, at ${at}, ${size}`;
    return item;
  });
  element("live-faces").replaceChildren(...lines);
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
