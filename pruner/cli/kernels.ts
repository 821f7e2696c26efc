/** `filigree kernels WHAT`: the WebAssembly kernels that are generated for a model, or one by its name. */
import { Command } from "commander";
import { findKernel, kernelsOf, type ListedKernel } from "../../runtime/backends/wasm/listing.ts";
import { ModelError } from "../../runtime/model/errors.ts";
import { plan } from "../../runtime/plan.ts";
import { openModel } from "./model.ts";
import type { GlobalOptions } from "./options.ts";

interface Options extends GlobalOptions {
  wat?: boolean;
  fma: boolean;
}

export function kernelsCommand(): Command {
  return new Command("kernels")
    .description("list the WebAssembly kernels that a model runs on, or print them as text")
    .argument("<what>", "a model file, or a kernel as profile() names it: f32_conv_6x8_k8")
    .option("--wat", "print each kernel as a WebAssembly text module")
    .option("--no-fma", "for a device without relaxed SIMD: multiply and add in two roundings")
    .action(async (what: string, _: unknown, command: Command) => run(what, command.optsWithGlobals()));
}

async function run(what: string, { wat, fma, json }: Options): Promise<void> {
  const kernels = await find(what, fma);
  if (json) {
    const plain = kernels.map(({ text, ...facts }) => ({ ...facts, ...(wat && { wat: text() }) }));
    console.log(JSON.stringify({ kernels: plain }));
    return;
  }
  for (const { name, bytes, steps, text } of kernels) {
    if (wat) console.log(text());
    else console.log([`${name}: ${bytes} bytes`, ...steps.map((step) => `  ${step}`)].join("\n"));
  }
}

async function find(what: string, fma: boolean): Promise<ListedKernel[]> {
  if (!/^f32_[^/\\]*$/.test(what)) return kernelsOf(plan((await openModel(what)).graph), fma);
  const kernel = findKernel(what, fma);
  if (kernel) return [kernel];
  throw new ModelError(`no kernel is named ${what}; \`filigree kernels MODEL\` lists those of a model`);
}
