/**
 * The part of TFLite's FlatBuffers schema (version 3) that is read and written here, as data.
 *
 * A table is a list of fields; a field's place in the list is its slot in the file, so that the order is the format
 * and fields are only ever added at the end. Fields at the end of a table of which nothing is read are left out.
 * A union takes two slots, its kind and its table: they are one field here, whose members say their number.
 */

/** The bytes at offset 4 of every TFLite file. */
export const fileIdentifier = "TFL3";

export interface ScalarField {
  readonly scalar: "int8" | "uint8" | "bool" | "int32" | "uint32" | "uint64" | "float32";
  readonly default: number; // what an absent field means
}

export type Field =
  | ScalarField
  | "string"
  | { readonly values: "uint8" | "uint16" | "int32" | "int64" | "float32" } // a vector of numbers
  | { readonly values: "uint8"; readonly align: number } // that starts at a multiple of `align` bytes
  | { readonly table: string }
  | { readonly tables: string } // a vector of tables
  | { readonly union: Readonly<Record<string, number>> }; // by table, the number that stands for it

const byte = { scalar: "int8", default: 0 } as const; // of enumerations
const bool = { scalar: "bool", default: 0 } as const;
const int = { scalar: "int32", default: 0 } as const;
const uint = { scalar: "uint32", default: 0 } as const;
const ulong = { scalar: "uint64", default: 0 } as const;
const float = { scalar: "float32", default: 0 } as const;
const one = { scalar: "int32", default: 1 } as const;
const ints = { values: "int32" } as const;
const bytes = { values: "uint8" } as const;

const optionTables = {
  Conv2DOptions: 1,
  DepthwiseConv2DOptions: 2,
  Pool2DOptions: 5,
  FullyConnectedOptions: 8,
  SoftmaxOptions: 9,
  ConcatenationOptions: 10,
  AddOptions: 11,
  ResizeBilinearOptions: 15,
  ReshapeOptions: 17,
  SpaceToDepthOptions: 19,
  MulOptions: 21,
  PadOptions: 22,
  GatherOptions: 23,
  TransposeOptions: 26,
  ReducerOptions: 27,
  SubOptions: 28,
  DivOptions: 29,
  SqueezeOptions: 30,
  StridedSliceOptions: 32,
  SplitOptions: 35,
  DequantizeOptions: 38,
  MaximumMinimumOptions: 39,
  PadV2Options: 43,
  SliceOptions: 48,
  TransposeConvOptions: 49,
  PackOptions: 59,
  UnpackOptions: 64,
  ResizeNearestNeighborOptions: 74,
  LeakyReluOptions: 75,
  SquaredDifferenceOptions: 76,
  MirrorPadOptions: 77,
  SplitVOptions: 79,
  HardSwishOptions: 91,
  DepthToSpaceOptions: 94,
  DensifyOptions: 99,
  BatchMatMulOptions: 101,
  GeluOptions: 116,
} as const;

const indexVectors = { Int32Vector: 1, Uint16Vector: 2, Uint8Vector: 3 } as const;
const activated = { activation: byte } as const;

export const tables = {
  Model: {
    version: uint,
    operatorCodes: { tables: "OperatorCode" },
    subgraphs: { tables: "SubGraph" },
    description: "string",
    buffers: { tables: "Buffer" }, // buffer 0 is the empty one
  },
  OperatorCode: { deprecatedBuiltinCode: byte, customCode: "string", version: one, builtinCode: int },
  SubGraph: {
    tensors: { tables: "Tensor" },
    inputs: ints,
    outputs: ints,
    operators: { tables: "Operator" },
    name: "string",
  },
  Tensor: {
    shape: ints,
    type: byte,
    buffer: uint,
    name: "string",
    quantization: { table: "QuantizationParameters" },
    isVariable: bool,
    sparsity: { table: "SparsityParameters" },
    shapeSignature: ints,
  },
  QuantizationParameters: {
    min: { values: "float32" },
    max: { values: "float32" },
    scale: { values: "float32" }, // one, or one for each index of the dimension
    zeroPoint: { values: "int64" },
    details: { union: {} },
    quantizedDimension: int,
  },
  SparsityParameters: {
    traversalOrder: ints,
    blockMap: ints,
    dimMetadata: { tables: "DimensionMetadata" },
  },
  DimensionMetadata: {
    format: byte, // 0 dense, 1 compressed
    denseSize: int,
    arraySegments: { union: indexVectors },
    arrayIndices: { union: indexVectors },
  },
  Int32Vector: { values: ints },
  Uint16Vector: { values: { values: "uint16" } },
  Uint8Vector: { values: bytes },
  Operator: {
    opcodeIndex: uint,
    inputs: ints, // -1 where an optional one is left out
    outputs: ints,
    options: { union: optionTables },
  },
  Buffer: { data: { values: "uint8", align: 16 }, offset: ulong },

  Conv2DOptions: {
    padding: byte,
    strideW: int,
    strideH: int,
    activation: byte,
    dilationW: one,
    dilationH: one,
  },
  DepthwiseConv2DOptions: {
    padding: byte,
    strideW: int,
    strideH: int,
    depthMultiplier: int,
    activation: byte,
    dilationW: one,
    dilationH: one,
  },
  Pool2DOptions: {
    padding: byte,
    strideW: int,
    strideH: int,
    filterWidth: int,
    filterHeight: int,
    activation: byte,
  },
  FullyConnectedOptions: { activation: byte, weightsFormat: byte, keepNumDims: bool },
  SoftmaxOptions: { beta: float },
  ConcatenationOptions: { axis: int, activation: byte },
  AddOptions: activated,
  SubOptions: activated,
  MulOptions: activated,
  DivOptions: activated,
  ReshapeOptions: { newShape: ints },
  ResizeBilinearOptions: {
    deprecatedHeight: int,
    deprecatedWidth: int,
    alignCorners: bool,
    halfPixelCenters: bool,
  },
  ResizeNearestNeighborOptions: { alignCorners: bool, halfPixelCenters: bool },
  LeakyReluOptions: { alpha: float },
  PadOptions: {},
  TransposeOptions: {},
  ReducerOptions: { keepDims: bool },
  SqueezeOptions: { squeezeDims: ints },
  StridedSliceOptions: {
    beginMask: int,
    endMask: int,
    ellipsisMask: int,
    newAxisMask: int,
    shrinkAxisMask: int,
  },
  DequantizeOptions: {},
  MaximumMinimumOptions: {},
  PadV2Options: {},
  SliceOptions: {},
  TransposeConvOptions: { padding: byte, strideW: int, strideH: int, activation: byte },
  PackOptions: { count: int, axis: int },
  UnpackOptions: { count: int, axis: int },
  GatherOptions: { axis: int, batchDims: int },
  MirrorPadOptions: { mode: byte },
  SplitOptions: { count: int },
  SplitVOptions: { count: int },
  SpaceToDepthOptions: { blockSize: int },
  SquaredDifferenceOptions: {},
  HardSwishOptions: {},
  DepthToSpaceOptions: { blockSize: int },
  DensifyOptions: {},
  BatchMatMulOptions: { adjX: bool, adjY: bool },
  GeluOptions: { approximate: bool },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field>>>>;

export type TableName = keyof typeof tables;

/** The numbers of the operators, by TFLite's names. */
export const builtinOperators = {
  ADD: 0,
  AVERAGE_POOL_2D: 1,
  CONCATENATION: 2,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEPTH_TO_SPACE: 5,
  DEQUANTIZE: 6,
  FLOOR: 8,
  FULLY_CONNECTED: 9,
  LOGISTIC: 14,
  MAX_POOL_2D: 17,
  MUL: 18,
  RELU: 19,
  RELU_N1_TO_1: 20,
  RELU6: 21,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  SOFTMAX: 25,
  SPACE_TO_DEPTH: 26,
  TANH: 28,
  PAD: 34,
  GATHER: 36,
  TRANSPOSE: 39,
  MEAN: 40,
  SUB: 41,
  DIV: 42,
  SQUEEZE: 43,
  STRIDED_SLICE: 45,
  EXP: 47,
  SPLIT: 49,
  PRELU: 54,
  MAXIMUM: 55,
  ARG_MAX: 56,
  MINIMUM: 57,
  NEG: 59,
  PADV2: 60,
  SLICE: 65,
  SIN: 66,
  TRANSPOSE_CONV: 67,
  TILE: 69,
  EXPAND_DIMS: 70,
  LOG: 73,
  SUM: 74,
  SQRT: 75,
  RSQRT: 76,
  POW: 78,
  REDUCE_PROD: 81,
  REDUCE_MAX: 82,
  PACK: 83,
  UNPACK: 88,
  REDUCE_MIN: 89,
  SQUARE: 92,
  RESIZE_NEAREST_NEIGHBOR: 97,
  LEAKY_RELU: 98,
  SQUARED_DIFFERENCE: 99,
  MIRROR_PAD: 100,
  ABS: 101,
  SPLIT_V: 102,
  CEIL: 104,
  COS: 108,
  ELU: 111,
  ROUND: 116,
  HARD_SWISH: 117,
  DENSIFY: 124,
  BATCH_MATMUL: 126,
  GELU: 150,
  RELU_0_TO_1: 152,
} as const;

export const tensorTypes = {
  float32: 0,
  float16: 1,
  int32: 2,
  uint8: 3,
  int64: 4,
  bool: 6,
  int8: 9,
} as const;
export const paddings = { same: 0, valid: 1 } as const;
export const activations = { none: 0, relu: 1, relu6: 3 } as const;
