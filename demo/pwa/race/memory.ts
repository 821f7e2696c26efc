/**
 * How much WebAssembly memory this worker holds, whichever engine made it: memories are counted where they come from,
 * the constructor and the exports of instances. To be called before any engine is loaded.
 */

const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;
const memories = new Set<WebAssembly.Memory>();

export function watchMemory(): void {
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.add(this);
    }
  };
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      note(this);
    }
  };
  const noted = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    note((result as WebAssembly.WebAssemblyInstantiatedSource).instance ?? result);
    return result;
  };
  WebAssembly.instantiate = ((...args: Parameters<typeof instantiate>) =>
    noted(instantiate(...args))) as typeof instantiate;
  WebAssembly.instantiateStreaming = (...args) => noted(instantiateStreaming(...args));
}

export function memoryBytes(): number {
  let bytes = 0;
  for (const { buffer } of memories) bytes += buffer.byteLength;
  return bytes;
}

function note({ exports }: WebAssembly.Instance): void {
  for (const value of Object.values(exports ?? {})) {
    if (value instanceof Memory) memories.add(value);
  }
}
