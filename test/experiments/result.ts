/** What a cell leaves behind: a small JSON file. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PruneReport } from "../../pruner/index.ts";
import type { Cell } from "./cells.ts";

export interface CellResult extends Cell {
  readonly setting: object; // budget and schedule
  readonly dense: number; // accuracy of the start on the same images
  readonly accuracy: number; // of the hard, sparse network
  readonly againstAccuracy?: number; // of the small dense network, on all test images
  readonly images: number;
  readonly right: string; // base64 of one bit an image: is it classified right?
  readonly blocks: PruneReport["blocks"];
  readonly macs: { readonly dense: number; readonly kept: number }; // of all convolutions and products
  readonly bytes: PruneReport["bytes"];
  readonly layers: readonly { readonly node: string; readonly sparsity: number }[]; // of the elements
  readonly search?: NonNullable<PruneReport["search"]>["epochs"];
  readonly seconds: number;
  readonly milliseconds?: Milliseconds & {
    readonly inside?: Milliseconds; // in the worker, without the message there and back
    readonly place: string;
  };
}

/** Of one image, the least that was seen. */
export interface Milliseconds {
  readonly sparse: number;
  readonly dense: number;
  readonly against?: number; // of the small dense network
}

export interface Results {
  read(id: string): CellResult | undefined;
  write(result: CellResult): void;
}

export function resultsIn(folder: string): Results {
  const pathOf = (id: string) => join(folder, `${id}.json`);
  return {
    read(id) {
      return existsSync(pathOf(id)) ? JSON.parse(readFileSync(pathOf(id), "utf8")) : undefined;
    },
    write(result) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${pathOf(result.id)}.next`, `${JSON.stringify(result, undefined, 1)}\n`);
      renameSync(`${pathOf(result.id)}.next`, pathOf(result.id));
    },
  };
}

/** One bit an image, the first in the lowest bit of the first byte. */
export function packBits(bits: readonly boolean[]): string {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [i, bit] of bits.entries()) if (bit) bytes[i >> 3] |= 1 << (i & 7);
  return Buffer.from(bytes).toString("base64");
}

export function unpackBits(text: string, count: number): boolean[] {
  const bytes = Buffer.from(text, "base64");
  return Array.from({ length: count }, (_, i) => (bytes[i >> 3] & (1 << (i & 7))) !== 0);
}
