/** The types of the public entry: what a user writes compiles, and what is wrong does not. Checked by `tsc -p .`. */
import { expectTypeOf, test } from "vitest";
import {
  type Capabilities,
  type LoadOptions,
  type LoadProgress,
  load,
  type ModelSource,
  type ProfileRow,
  type Session,
  type Tensor,
  tensor,
} from "../../runtime/index.ts";

test("load takes every source and gives a session", () => {
  expectTypeOf(load).returns.resolves.toEqualTypeOf<Session>();
  expectTypeOf<string | URL | ArrayBuffer | Uint8Array | Blob | Response>().toExtend<ModelSource>();
  expectTypeOf<number>().not.toExtend<ModelSource>();
  expectTypeOf<ArrayBufferView>().not.toExtend<ModelSource>();
});

test("options are named and closed", () => {
  type Backend = "webgpu" | "wasm" | "reference" | "auto";
  expectTypeOf<LoadOptions["backend"]>().toEqualTypeOf<Backend | undefined>();
  expectTypeOf<LoadOptions["debug"]>().toEqualTypeOf<0 | 1 | 2 | 3 | undefined>();
  expectTypeOf<LoadOptions["worker"]>().toEqualTypeOf<Worker | (() => Worker) | false | undefined>();
  expectTypeOf<LoadOptions["pool"]>().toEqualTypeOf<boolean | undefined>();
  expectTypeOf<LoadProgress["phase"]>().toEqualTypeOf<"download" | "prepare">();
  // @ts-expect-error an option that does not exist
  const misspelt: LoadOptions = { thread: 2 };
  // @ts-expect-error a backend that does not exist
  const unknown: LoadOptions = { backend: "webgl" };
  expectTypeOf([misspelt, unknown]).toBeArray();
});

test("run takes tensors and bare arrays, and gives tensors by name", () => {
  type Inputs = Parameters<Session["run"]>[0];
  expectTypeOf<{ input: Float32Array }>().toExtend<Inputs>();
  expectTypeOf<{ input: Float32Array<ArrayBuffer> }>().toExtend<Inputs>();
  expectTypeOf<{ input: Tensor<"float32">; tokens: Int32Array }>().toExtend<Inputs>();
  expectTypeOf<{ input: number[] }>().not.toExtend<Inputs>();
  expectTypeOf<{ input: Float64Array }>().not.toExtend<Inputs>();
  expectTypeOf<Session["run"]>().returns.resolves.toEqualTypeOf<Record<string, Tensor>>();
  expectTypeOf<Session["profile"]>().returns.resolves.toEqualTypeOf<readonly ProfileRow[]>();
  expectTypeOf<Session["dispose"]>().returns.toBeVoid();
});

test("what a session tells cannot be changed", () => {
  expectTypeOf<Session["capabilities"]>().toEqualTypeOf<Capabilities>();
  expectTypeOf<Capabilities["reasons"]>().toEqualTypeOf<readonly string[]>();
  // @ts-expect-error readonly
  const change = (session: Session) => (session.capabilities.threads = 2);
  expectTypeOf(change).toBeFunction();
});

test("a tensor's data follows its dtype", () => {
  expectTypeOf(tensor([1], new Float32Array(1))).toEqualTypeOf<Tensor<"float32">>();
  expectTypeOf(tensor([1], new Int32Array(1), "int32").data).toEqualTypeOf<Int32Array>();
});
