/** Vite plugin: the icons of the installed app, drawn here: a matrix of blocks, most of them gone. */
import { PNG } from "pngjs";
import type { Plugin } from "vite";

/** [row][column]: the blocks that are kept. */
const kept = ["x..x", ".x..", "xx.x", "..x."];
const background = [17, 21, 27];
const colours = { kept: [53, 199, 155], gone: [38, 47, 60] };

/** File name, pixels of a side, and how much of it the drawing leaves free: a maskable icon may lose its border. */
const icons = [
  { fileName: "icon-192.png", size: 192, margin: 0.12 },
  { fileName: "icon-512.png", size: 512, margin: 0.12 },
  { fileName: "icon-maskable-512.png", size: 512, margin: 0.22 },
] as const;

export const manifestIcons = icons.map(({ fileName, size }) => ({
  src: fileName,
  sizes: `${size}x${size}`,
  type: "image/png",
  purpose: fileName.includes("maskable") ? "maskable" : "any",
}));

export function drawnIcons(): Plugin {
  return {
    name: "drawn-icons",
    generateBundle() {
      for (const { fileName, size, margin } of icons) {
        this.emitFile({ type: "asset", fileName, source: draw(size, margin) });
      }
    },
  };
}

function draw(size: number, margin: number): Buffer {
  const image = new PNG({ width: size, height: size });
  const cell = (1 - 2 * margin) / 4; // of the side, as all lengths here
  const gap = cell * 0.1;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [across, down] = [(x + 0.5) / size - margin, (y + 0.5) / size - margin];
      const [column, row] = [Math.floor(across / cell), Math.floor(down / cell)];
      const [left, top] = [across - column * cell, down - row * cell];
      const isInBlock = Math.min(left, top, cell - left, cell - top) > gap && kept[row]?.[column];
      const blockColour = kept[row]?.[column] === "x" ? colours.kept : colours.gone;
      image.data.set([...(isInBlock ? blockColour : background), 255], (y * size + x) * 4);
    }
  }
  return PNG.sync.write(image);
}
