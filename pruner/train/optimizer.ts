/**
 * SGD with momentum and AdamW, on named arrays, in place.
 *
 *   sgd     v = momentum v + (g + decay w),   w = w - rate v                              (Sutskever et al. 2013)
 *   adamw   m, s = averages of g and g^2, without their bias;   w = w - rate (m / (sqrt(s) + 1e-8) + decay w)
 *                                                                   (Loshchilov & Hutter 2019, algorithm 2)
 */
export interface OptimizerOptions {
  readonly optimizer?: "sgd" | "adamw";
  readonly momentum?: number; // of sgd
  readonly betas?: readonly [number, number]; // of adamw
}

export interface Optimizer {
  /** Moves `value` by one step. `decay` is that of its group. */
  step(
    name: string,
    value: Float32Array,
    gradient: ArrayLike<number>,
    rate: number,
    decay: number,
  ): void;
  /** Forgets every average: the next step is a first one. */
  forget(): void;
  /** The averages by name, for a checkpoint; and back. */
  snapshot(): Record<string, Float32Array>;
  restore(arrays: Readonly<Record<string, Float32Array>>): void;
}

export function createOptimizer({
  optimizer = "sgd",
  momentum = 0.9,
  betas = [0.9, 0.999],
}: OptimizerOptions = {}): Optimizer {
  const arrays = new Map<string, Float32Array>();
  const arrayOf = (name: string, length: number) => {
    let found = arrays.get(name);
    if (!found) arrays.set(name, (found = new Float32Array(length)));
    return found;
  };

  const sgd: Optimizer["step"] = (name, value, gradient, rate, decay) => {
    const velocity = arrayOf(`${name}/velocity`, value.length);
    for (let i = 0; i < value.length; i++) {
      velocity[i] = momentum * velocity[i] + gradient[i] + decay * value[i];
      value[i] -= rate * velocity[i];
    }
  };

  const adamw: Optimizer["step"] = (name, value, gradient, rate, decay) => {
    const mean = arrayOf(`${name}/mean`, value.length);
    const square = arrayOf(`${name}/square`, value.length);
    const steps = arrayOf(`${name}/steps`, 1);
    const [beta1, beta2] = betas;
    steps[0]++;
    const [bias1, bias2] = [1 - beta1 ** steps[0], 1 - beta2 ** steps[0]];
    for (let i = 0; i < value.length; i++) {
      const g = gradient[i];
      mean[i] += (1 - beta1) * (g - mean[i]);
      square[i] += (1 - beta2) * (g * g - square[i]);
      value[i] -= rate * (mean[i] / bias1 / (Math.sqrt(square[i] / bias2) + 1e-8) + decay * value[i]);
    }
  };

  return {
    step: { sgd, adamw }[optimizer],
    forget: () => arrays.clear(),
    snapshot: () => Object.fromEntries(arrays),
    restore(stored) {
      arrays.clear();
      for (const [name, array] of Object.entries(stored)) arrays.set(name, array.slice());
    },
  };
}
