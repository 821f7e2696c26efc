/** What `npm run bench -- layers` finds out of one case and pattern; --json gives a list of these. */
export interface LayerRow {
  readonly case: string;
  readonly pattern: string; // of layer-cases.ts; "dense" for the row of the dense layer
  readonly sparsity: number; // fraction of the weights that is gone
  readonly threads: number;
  readonly dtype: "float32";
  readonly ms: Readonly<Record<string, number>>; // of a layer, the minimum; by engine: "filigree", "filigree-dense" and the baselines
  readonly medianMs: Readonly<Record<string, number>>;
  readonly spread: Readonly<Record<string, number>>; // (upper quartile - lower quartile) / median
  readonly gflops: number; // of the kernels of "filigree", copies left out: the work of the weights that are kept
  readonly peakGflops: number; // of the threads together, measured by turns with the kernels
  readonly maxError: number; // against the reference, the greatest of all engines of the row
}
