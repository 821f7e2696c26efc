/**
 * TensorFlow.js on its wasm backend as an engine of the benchmark: runs a Graph of Conv, Gemm, Add and Relu node by
 * node with the fused operators, which is what its own converter makes of such a network.
 */
import type * as TfjsWasm from "@tensorflow/tfjs-backend-wasm";
import type * as Tfjs from "@tensorflow/tfjs-core";
import type { Engine } from "../../pruner/bench/engine.ts";
import { fromImageOrder, toImageOrder } from "../../pruner/bench/image-order.ts";
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { decodeWeight } from "../../runtime/model/sparse/index.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import { convGeometry } from "../../runtime/ops/conv.ts";

/**
 * The packages' own bundles, from where their dist/ is served: bundled once more, the wasm backend could not start its
 * threads, whose code it takes from its functions' text.
 */
export async function loadTfjs(core: string, backend: string, threads: number): Promise<typeof Tfjs> {
  await import(/* @vite-ignore */ `${core}tf-core.es2017.min.js`);
  await import(/* @vite-ignore */ `${backend}tf-backend-wasm.es2017.min.js`);
  const { tf } = globalThis as unknown as { tf: typeof Tfjs & { wasm: typeof TfjsWasm } };
  tf.wasm.setWasmPaths(backend);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  tf.wasm.setThreadsCount(threads);
  await tf.setBackend("wasm");
  return tf;
}

/** `tf` has its wasm backend set up already. The Graph has one output and static shapes. */
export function openTfjs(tf: typeof Tfjs, name: string, graph: Graph, reference?: string): Engine {
  const constants = new Map<string, Tfjs.Tensor>();
  const weightOf = (value: string, order: readonly number[]) => {
    const known = constants.get(value);
    if (known) return known;
    const { shape, data } = decodeWeight(graph.constants.get(value)!);
    const made = tf.tidy(() => tf.transpose(tf.tensor(data, [...shape]), [...order]));
    constants.set(value, made);
    return made;
  };
  const steps = graph.nodes.map((node) => stepOf(tf, node, weightOf));
  const [output] = graph.outputs;
  return {
    name,
    reference,
    run: async (inputs) => {
      const y = tf.tidy(() => {
        const values = new Map<string, Tfjs.Tensor>();
        for (const { name: input } of graph.inputs) {
          const { data, shape } = toImageOrder(inputs[input]);
          values.set(input, tf.tensor(data as Float32Array, [...shape]));
        }
        for (const step of steps) step(values);
        return values.get(output.name)!;
      });
      const data = y.dataSync() as Float32Array;
      const result: Tensor = fromImageOrder({ dtype: "float32", shape: y.shape, data });
      y.dispose();
      return { [output.name]: result };
    },
    dispose: () => {
      for (const constant of constants.values()) constant.dispose();
    },
  };
}

function stepOf(
  tf: typeof Tfjs,
  node: Node,
  weightOf: (value: string, order: readonly number[]) => Tfjs.Tensor,
): (values: Map<string, Tfjs.Tensor>) => void {
  const [a, b, c] = node.inputs;
  const [y] = node.outputs;
  const bias = node.op !== "Add" && c ? weightOf(c, [0]) : undefined;
  if (node.op === "Conv") {
    const filter = weightOf(b, [2, 3, 1, 0]) as Tfjs.Tensor4D; // [kH, kW, inC, outC]
    const [kH, kW, inC, outC] = filter.shape;
    return (values) => {
      const x = values.get(a) as Tfjs.Tensor4D;
      const [n, h, w, channels] = x.shape;
      const { axes, group } = convGeometry(node, [n, channels, h, w], [outC, inC, kH, kW]);
      const isSame = axes.every(({ kernel, padBegin, padEnd, stride, dilation }) => {
        return stride === 1 && dilation === 1 && padBegin === padEnd && 2 * padBegin === kernel - 1;
      });
      if (!isSame || group !== 1) {
        throw new ModelError(`${nodeName(node)}: only convolutions that keep the size are run here`);
      }
      values.set(y, tf.fused.conv2d({ x, filter, strides: 1, pad: "same", bias }));
    };
  }
  if (node.op === "Gemm" && node.attrs.transB === 1) {
    const weight = weightOf(b, [1, 0]) as Tfjs.Tensor2D; // [K, N]
    return (values) => {
      values.set(y, tf.fused.matMul({ a: values.get(a) as Tfjs.Tensor2D, b: weight, bias }));
    };
  }
  if (node.op === "Relu") return (values) => void values.set(y, tf.relu(values.get(a)!));
  if (node.op === "Add") return (values) => void values.set(y, tf.add(values.get(a)!, values.get(b)!));
  throw new ModelError(`${nodeName(node)}: only Conv, Gemm with transB, Add and Relu are run here`);
}
