/**
 * Random weights with what trained ones have and plain noise has not: some layers, outputs, inputs and blocks matter
 * far more than others, so that pruning by magnitude leaves layers, and rows within a layer, unequally full.
 *
 * An element is noise x strength of its output x strength of its block, where a block is 16 outputs x 8 inputs of one
 * tap, and its strength is that of its 16 outputs x that of its 8 inputs x its own. All strengths are log-normal; how
 * much blocks differ is drawn for each layer. Then the layer is scaled to exactly the deviation asked for, so that
 * activations keep their size however uneven the weights are.
 */

/** Deviations of the logarithms of the strengths. */
const spread = { output: 0.2, outputs: 0.3, inputs: 0.3, block: [0.3, 1] as const };
const blockRows = 16;
const blockCols = 8;

export interface Generator {
  /** A weight [outputs, inputs, taps], row-major, with mean square deviation². */
  weight(outputs: number, inputs: number, taps: number, deviation: number): Float32Array;
  /** Normal values. */
  vector(size: number, mean: number, deviation: number): Float32Array;
}

/** The same seed gives the same weights. 10^8 of them take a second or two. */
export function generator(seed: number): Generator {
  // xorshift32 (Marsaglia 2003) does not leave 0, and small seeds give similar starts: hence the mixing.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  /** Close to normal, deviation 1, at most 3.5: the sum of the four bytes of a random word. */
  const noise = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const sum = (state & 255) + ((state >>> 8) & 255) + ((state >>> 16) & 255) + (state >>> 24);
    return (sum - 510) * (1 / 147.8);
  };
  for (let i = 0; i < 16; i++) noise();
  const uniform = ([low, high]: readonly [number, number]) => {
    noise();
    return low + (high - low) * ((state >>> 0) / 2 ** 32);
  };
  const strengths = (size: number, deviation: number) =>
    Float64Array.from({ length: size }, () => Math.exp(deviation * noise()));

  return {
    weight(outputs, inputs, taps, deviation) {
      const colBlocks = Math.ceil(inputs / blockCols);
      const blockSpread = uniform(spread.block);
      const ofOutput = strengths(outputs, spread.output);
      const ofOutputs = strengths(Math.ceil(outputs / blockRows), spread.outputs);
      const ofInputs = strengths(colBlocks, spread.inputs);
      const data = new Float32Array(outputs * inputs * taps);
      let blocks = new Float64Array(0); // [colBlocks, taps]: strengths of the blocks of these 16 outputs
      let squares = 0;
      for (let output = 0, e = 0; output < outputs; output++) {
        if (output % blockRows === 0) {
          blocks = strengths(colBlocks * taps, blockSpread);
          const ofRow = ofOutputs[output / blockRows];
          for (let b = 0; b < blocks.length; b++) blocks[b] *= ofRow * ofInputs[Math.floor(b / taps)];
        }
        for (let input = 0; input < inputs; input++) {
          const block = ((input / blockCols) | 0) * taps;
          for (let tap = 0; tap < taps; tap++, e++) {
            const value = noise() * ofOutput[output] * blocks[block + tap];
            data[e] = value;
            squares += value * value;
          }
        }
      }
      const scale = deviation * Math.sqrt(data.length / squares);
      for (let e = 0; e < data.length; e++) data[e] *= scale;
      return data;
    },

    vector(size, mean, deviation) {
      return Float32Array.from({ length: size }, () => mean + deviation * noise());
    },
  };
}
