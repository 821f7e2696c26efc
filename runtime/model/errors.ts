/** The one error of Filigree: the model, or what was asked of it, is wrong. */

/**
 * Says which node, section or file, what was found, what was expected, and what to do if there is
 * something to do. Recognise it by `error.name === "ModelError"`: only name, message and stack
 * cross a worker, so every fact is in the message.
 */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

/** `Conv 'stem'`: how every message names a node. */
export function nodeName(node: { readonly op: string; readonly name: string }): string {
  return `${node.op} '${node.name}'`;
}
