/** Gradients of Gemm and MatMul. */
import { fail } from "../../../runtime/ops/checks.ts";
import { sumTo } from "./elementwise.ts";
import type { GradientRule } from "./rule.ts";

/**
 * y = alpha A' B' + beta C:  dA' = alpha dy B'^T,  dB' = alpha A'^T dy,  dC = beta dy,
 * where A' and B' are A and B, transposed where the node says so.
 */
export const Gemm: GradientRule = {
  backward(c, dy) {
    const { alpha = 1, beta = 1, transA = 0, transB = 0 } = c.node.attrs as Record<string, number>;
    const [a, b] = c.inputs;
    const dC = () => {
      const sum = sumTo(c, dy, c.shape, c.shapes[2]);
      return beta === 1 ? sum : c.emit("Mul", [sum, c.scalar(beta)]);
    };
    return [
      c.needs[0]
        ? transA
          ? c.emit("Gemm", [b, dy], { alpha, transA: transB, transB: 1 })
          : c.emit("Gemm", [dy, b], { alpha, transB: transB ? 0 : 1 })
        : undefined,
      c.needs[1]
        ? transB
          ? c.emit("Gemm", [dy, a], { alpha, transA: 1, transB: transA })
          : c.emit("Gemm", [a, dy], { alpha, transA: transA ? 0 : 1 })
        : undefined,
      c.needs[2] ? dC() : undefined,
    ];
  },
};

/** dA = dy B^T, dB = A^T dy, over the last two axes. */
export const MatMul: GradientRule = {
  backward(c, dy) {
    if (c.shapes.some((shape) => shape.length < 2)) {
      fail(
        c.node,
        `cannot be trained with inputs [${c.shapes.join("] and [")}]; expected rank 2 or more`,
      );
    }
    const transposed = (i: number) => {
      const perm = c.shapes[i].map((_, axis) => axis);
      perm.push(...perm.splice(-2).reverse());
      return c.emit("Transpose", [c.inputs[i]], { perm });
    };
    const [shapeA, shapeB] = c.shapes;
    const batch = c.shape.slice(0, -2);
    return [
      c.needs[0]
        ? sumTo(c, c.emit("MatMul", [dy, transposed(1)]), [...batch, ...shapeA.slice(-2)], shapeA)
        : undefined,
      c.needs[1]
        ? sumTo(c, c.emit("MatMul", [transposed(0), dy]), [...batch, ...shapeB.slice(-2)], shapeB)
        : undefined,
    ];
  },
};
