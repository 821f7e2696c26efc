/** What the transformers of the zoo share: attention and the feed-forward part, as PyTorch exports them. */
import type { Builder } from "./builder.ts";

export interface AttentionOptions {
  readonly windows: number; // that attend each to itself; 1 for a whole image
  readonly tokens: number; // of a window
  readonly channels: number;
  readonly heads: number;
  /** Is added to the products of queries and keys before the softmax, each broadcasting to [windows, heads, tokens, tokens]. */
  readonly added?: readonly string[];
  readonly gain: number; // of the last layer
}

/**
 * softmax(q k' / sqrt(d) + added) v, over rows [windows * tokens, channels]. Queries, keys and values come from
 * three products where PyTorch's modules have one of three times the outputs: the same weights and work.
 */
export function attention(
  net: Builder,
  name: string,
  x: string,
  { windows, tokens, channels, heads, added = [], gain }: AttentionOptions,
): string {
  const size = channels / heads; // of a head
  const split = (what: string, perm: readonly number[]) => {
    const gain = what === "v" ? 1 : 2;
    const rows = net.linear(`${name}.${what}`, x, channels, channels, { gain });
    const parts = net.reshape(`${name}.${what}.heads`, rows, [windows, tokens, heads, size]);
    return net.transpose(`${name}.${what}.turned`, parts, perm);
  };
  const q = split("q", [0, 2, 1, 3]);
  const k = split("k", [0, 2, 3, 1]);
  const v = split("v", [0, 2, 1, 3]);
  const scale = net.constant(`${name}.scale`, [], [1 / Math.sqrt(size)]);
  const scaled = net.node(`${name}.q.scaled`, "Mul", [q, scale]);
  const products = net.node(`${name}.products`, "MatMul", [scaled, k]);
  const scores = added.reduce((sum, value, i) => net.add(`${name}.add${i}`, sum, value), products);
  const shares = net.node(`${name}.softmax`, "Softmax", [scores], { axis: -1 });
  const mixed = net.node(`${name}.mixed`, "MatMul", [shares, v]);
  const turned = net.transpose(`${name}.mixed.turned`, mixed, [0, 2, 1, 3]);
  const joined = net.reshape(`${name}.joined`, turned, [windows * tokens, channels]);
  return net.linear(`${name}.proj`, joined, channels, channels, { gain });
}

/** Rows to four times the channels, GELU, and back. */
export function feedForward(
  net: Builder,
  name: string,
  x: string,
  channels: number,
  gain: number,
): string {
  const wide = net.linear(`${name}.fc1`, x, channels, 4 * channels);
  const active = net.node(`${name}.gelu`, "Gelu", [wide]);
  return net.linear(`${name}.fc2`, active, 4 * channels, channels, { gain });
}
