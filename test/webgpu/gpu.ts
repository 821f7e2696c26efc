/** WebGPU in Node, where this machine has it: Dawn on the software renderer that comes with Chromium. */
import { existsSync } from "node:fs";
import { constants } from "node:os";

const icd = "/usr/lib/chromium/vk_swiftshader_icd.json";
const loader = "/usr/lib/chromium/libvulkan.so.1";

/** Why there is none; undefined where `navigator.gpu` is there now. */
export const whyNoGpu: string | undefined = await offerGpu();

async function offerGpu(): Promise<string | undefined> {
  if (process.env.VK_ICD_FILENAMES === undefined) {
    if (!existsSync(icd)) return `no SwiftShader: ${icd} is not here (it comes with Debian's chromium)`;
    process.env.VK_ICD_FILENAMES = icd; // read when Dawn opens Vulkan
  }
  keepLoaded(loader);
  try {
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    // SwiftShader compiles for seconds where Dawn has it zero workgroup memory, which every kernel here fills first.
    const gpu = create(["enable-dawn-features=disable_workgroup_init"]);
    Object.assign(globalThis, { keptGpu: gpu }); // the process dies when it is collected
    if (!globalThis.navigator)
      Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
    Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
    const adapter = await gpu.requestAdapter();
    return adapter ? undefined : "Dawn finds no adapter: is a Vulkan loader installed (libvulkan1)?";
  } catch (error) {
    return `Dawn does not start: ${(error as Error).message}`;
  }
}

/** Dawn looks for Vulkan by name: it finds Chromium's, which is loaded already, where the system has none. */
function keepLoaded(library: string): void {
  const noDelete = 0x1000; // RTLD_NODELETE
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | noDelete);
  } catch {
    // It is no module of Node's, and stays all the same.
  }
}
