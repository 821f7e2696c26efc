/** Names of nodes as exporters write them, shortened for plots and tables where they stay apart. */

/** "/layer1/layer1.0/conv1/Conv" -> "layer1.0/conv1"; all as they are where two would be the same. */
export function shortNames(names: readonly string[]): string[] {
  const short = names.map((name) => {
    const parts = name.split("/").filter((part) => part !== "");
    if (parts.length > 1 && /^(Conv|Gemm|MatMul)(_\d+)?$/.test(parts.at(-1)!)) parts.pop();
    return parts.filter((part, i) => !parts[i + 1]?.startsWith(`${part}.`)).join("/") || name;
  });
  return new Set(short).size === names.length ? short : [...names];
}
