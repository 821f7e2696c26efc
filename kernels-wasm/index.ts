/** WebAssembly micro-kernels, generated at load time; this package knows nothing of the runtime. */
import { assemble, f32x4, func, v128 } from "./asm.ts";

export { type Activation, type ActivationKind, activate, activationName } from "./activation.ts";
export { assemble, type Func } from "./asm.ts";
export { type Context, makeContext } from "./context.ts";
export { type ConvKernel, conv, convName, groupWords, tileWords } from "./conv.ts";
export { type DepthwiseKernel, depthwise, depthwiseName } from "./depthwise.ts";
export { type Epilogue, epilogueName, makeEpilogue } from "./epilogue.ts";
export { type GemvKernel, gemv, gemvName } from "./gemv.ts";
export { interleave } from "./interleave.ts";
export { type LayerNormKernel, layerNorm, layerNormName } from "./layernorm.ts";
export { mostVectors, type PanelKernel, panel, panelWords } from "./panel.ts";
export { peak, peakFlops, peakName } from "./peak.ts";
export { pool, poolName, poolWords } from "./pool.ts";
export {
  type ResizeMode,
  resize,
  resizeColumnWords,
  resizeName,
  resizeRowWords,
} from "./resize.ts";
export {
  type SoftmaxRowsKernel,
  softmax,
  softmaxName,
  softmaxRows,
  softmaxRowsName,
} from "./softmax.ts";
export {
  clear,
  clearName,
  type Elementwise,
  type ElementwiseKernel,
  elementwise,
  elementwiseName,
  type Inner,
} from "./strided.ts";
export { transpose } from "./transpose.ts";

/** Is fused multiply-add (relaxed SIMD) there? Asked of the very instruction that the kernels use. */
export function hasRelaxedMadd(): boolean {
  const probe = func("probe", { at: "i32" }, ({ at }) => [
    v128.store(at, f32x4.relaxed_madd(v128.load(at), v128.load(at), v128.load(at))),
  ]);
  return WebAssembly.validate(assemble([probe], { pages: 1, shared: false }));
}
