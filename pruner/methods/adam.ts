/** Adam (Kingma & Ba 2015, algorithm 1) in float64 for mask parameters; no weight decay, which would pull all together. */
export interface Adam {
  step(m: Float64Array, gradient: Float64Array, learningRate: number): void;
  snapshot(): Record<string, Float64Array>;
  restore(arrays: Readonly<Record<string, Float64Array>>): void;
}

export function createAdam(length: number): Adam {
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  const mean = new Float64Array(length);
  const square = new Float64Array(length);
  let steps = 0;
  return {
    step(m, gradient, learningRate) {
      steps++;
      const rate = (learningRate * Math.sqrt(1 - beta2 ** steps)) / (1 - beta1 ** steps);
      for (let i = 0; i < m.length; i++) {
        const g = gradient[i];
        mean[i] += (1 - beta1) * (g - mean[i]);
        square[i] += (1 - beta2) * (g * g - square[i]);
        m[i] -= (rate * mean[i]) / (Math.sqrt(square[i]) + epsilon);
      }
    },
    snapshot: () => ({ adamMean: mean, adamSquare: square, adamSteps: Float64Array.of(steps) }),
    restore(arrays) {
      mean.set(arrays.adamMean);
      square.set(arrays.adamSquare);
      [steps] = arrays.adamSteps;
    },
  };
}
