/** Files that a command will write: whether it can, said before the work and not after it. */
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ModelError } from "../../runtime/model/errors.ts";

/** Throws a ModelError where the folder of `path` is missing, or nothing may be written there. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path);
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw new ModelError(`${path}: there is no folder ${folder} to write it to`);
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new ModelError(`${path}: is a folder; expected the name of a file`);
  await access(there ? path : folder, constants.W_OK).catch(() => {
    throw new ModelError(`${path}: may not be written`);
  });
}
