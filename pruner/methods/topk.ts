/**
 * The differentiable top-k of SMART (arXiv 2403.19969): a mask in (0, 1) that sums to the budget.
 *
 *   p_i = sigma(x_i / tau + t),  with the one t for which  sum_i n_i p_i = K        (n_i = 1 unless given)
 *
 * As tau falls to 0 the mask becomes the hard top-k. The gradient goes through t as well:
 *
 *   gx_i = p_i (1 - p_i) (g_i - n_i <v, g> / <n, v>) / tau,   v = p (1 - p)
 */

/**
 * The mask, and the t that meets the budget. Needs 0 < K < sum n, tau > 0 and finite x.
 * Newton's steps, held inside an exact bracket: the sum rises strictly with t, so it always converges.
 */
export function softTopK(
  x: Float64Array,
  K: number,
  tau: number,
  n?: ArrayLike<number>,
): { p: Float64Array; t: number } {
  const N = x.length;
  const p = new Float64Array(N);
  let total = n ? 0 : N;
  if (n) for (let i = 0; i < N; i++) total += n[i];
  if (!(K > 0 && K < total)) {
    throw new RangeError(`soft top-k: the budget ${K} must lie between 0 and the total ${total}`);
  }
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < N; i++) {
    if (x[i] < min) min = x[i];
    if (x[i] > max) max = x[i];
  }
  // With every x at its largest the sum at `low` would be K already, with every x at its smallest at `high`.
  const logit = Math.log(K / (total - K));
  let low = logit - max / tau;
  let high = logit - min / tau;
  let t = (low + high) / 2;
  for (let iteration = 0; iteration < 200; iteration++) {
    let excess = -K;
    let slope = 0;
    for (let i = 0; i < N; i++) {
      const pi = 1 / (1 + Math.exp(-(x[i] / tau + t)));
      const weight = n ? n[i] : 1;
      p[i] = pi;
      excess += weight * pi;
      slope += weight * pi * (1 - pi);
    }
    if (Math.abs(excess) <= 1e-12 * K) break;
    if (excess > 0) high = t;
    else low = t;
    const newton = t - excess / slope;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    // Two neighbouring doubles: t cannot be told more finely.
    if (next === t || next === low || next === high) break;
    t = next;
  }
  return { p, t };
}

/** dL/dx from g = dL/dp, for the mask `p` that `softTopK` returned. O(N). */
export function softTopKGradient(
  p: Float64Array,
  g: ArrayLike<number>,
  tau: number,
  n?: ArrayLike<number>,
): Float64Array {
  const gx = new Float64Array(p.length);
  let weightedGradient = 0; // <v, g>
  let mass = 0; // <n, v>
  for (let i = 0; i < p.length; i++) {
    const v = p[i] * (1 - p[i]);
    weightedGradient += v * g[i];
    mass += (n ? n[i] : 1) * v;
  }
  // Where every block is decided there is nothing left to move.
  if (mass === 0) return gx;
  const mean = weightedGradient / mass;
  for (let i = 0; i < p.length; i++) {
    gx[i] = (p[i] * (1 - p[i]) * (g[i] - (n ? n[i] : 1) * mean)) / tau;
  }
  return gx;
}

/**
 * The soft top-n of each group of x, the groups being [starts[i], starts[i + 1]); a group of n or fewer is all 1.
 * Newton's steps inside the same bracket as above.
 */
export function softTopKInGroups(
  x: Float64Array,
  tau: number,
  { starts, n }: { readonly starts: Int32Array; readonly n: number },
): Float64Array {
  const p = new Float64Array(x.length).fill(1);
  for (let group = 0; group + 1 < starts.length; group++) {
    const [start, end] = [starts[group], starts[group + 1]];
    if (end - start <= n) continue;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end; i++) {
      if (x[i] < min) min = x[i];
      if (x[i] > max) max = x[i];
    }
    const logit = Math.log(n / (end - start - n));
    let low = logit - max / tau;
    let high = logit - min / tau;
    let t = (low + high) / 2;
    for (let iteration = 0; iteration < 200; iteration++) {
      let excess = -n;
      let slope = 0;
      for (let i = start; i < end; i++) {
        const pi = 1 / (1 + Math.exp(-(x[i] / tau + t)));
        p[i] = pi;
        excess += pi;
        slope += pi * (1 - pi);
      }
      if (Math.abs(excess) <= 1e-12 * n) break;
      if (excess > 0) high = t;
      else low = t;
      const newton = t - excess / slope;
      const next = newton > low && newton < high ? newton : (low + high) / 2;
      if (next === t || next === low || next === high) break;
      t = next;
    }
  }
  return p;
}

/** dL/dx from g = dL/dp, for the mask that `softTopKInGroups` returned. */
export function softTopKInGroupsGradient(
  p: Float64Array,
  g: Float64Array,
  tau: number,
  { starts }: { readonly starts: Int32Array },
): Float64Array {
  const gx = new Float64Array(p.length);
  for (let group = 0; group + 1 < starts.length; group++) {
    let weighted = 0;
    let mass = 0;
    for (let i = starts[group]; i < starts[group + 1]; i++) {
      const v = p[i] * (1 - p[i]);
      weighted += v * g[i];
      mass += v;
    }
    if (mass === 0) continue;
    for (let i = starts[group]; i < starts[group + 1]; i++) {
      gx[i] = (p[i] * (1 - p[i]) * (g[i] - weighted / mass)) / tau;
    }
  }
  return gx;
}
