/** Checkpoints as files of a folder. Node only; what Node alone has is loaded at the first use, so that pages can prune. */
import type { CheckpointStore } from "./checkpoint.ts";

/** A state is written beside the old one, flushed, and takes its name at once: a kill leaves one of the two. */
export function checkpointFolder(folder: string): CheckpointStore {
  const pathOf = (stage: string) => `${folder}/${stage}.checkpoint`;
  return {
    async read(stage) {
      const { readFile } = await import("node:fs/promises");
      try {
        return await readFile(pathOf(stage));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(stage, bytes) {
      const { mkdir, open, rename } = await import("node:fs/promises");
      await mkdir(folder, { recursive: true });
      const next = `${pathOf(stage)}.next`;
      const file = await open(next, "w");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(next, pathOf(stage));
    },
  };
}
