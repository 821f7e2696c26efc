/** A row of `npm run parity`: one model, one way of pruning it, one way of running it. */

export interface ParityRow {
  readonly model: string; // "cifar10/resnet20", "zoo/resnet50"
  readonly variant: string; // "dense", "16x8", "2:4", "unstructured", "packed"
  readonly backend: string; // "reference", "wasm", "chromium": wasm in the browser
  readonly threads: number; // that really ran
  /** Against ONNX Runtime with the same weights, as a fraction of the output's range; null where nothing ran. */
  readonly maxRelError: number | null;
  readonly task: number | null; // the figure measured; null where the model has no task, or not in this row
  readonly expected: number | null;
  readonly figure?: string; // what task and expected are: "top-1 % of 10000 images"
  readonly others?: readonly OtherFigure[]; // of the same task
  readonly ok: boolean;
  readonly note?: string; // what is special about this row: an error, a smaller image
}

export interface OtherFigure {
  readonly figure: string;
  readonly task: number;
  readonly expected: number;
}
