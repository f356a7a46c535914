/** The part of the WebAssembly JavaScript API that hv uses; Node's types do not carry it. */

declare namespace WebAssembly {
  type ExportValue = ((...args: never[]) => unknown) | Memory | Table | Global;
  type ImportValue = ExportValue | number;

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, ImportValue>>);
    readonly exports: Record<string, ExportValue>;
  }

  class Memory {
    constructor(limits: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }

  class Table {
    grow(by: number): number;
    set(index: number, value: unknown): void;
    readonly length: number;
  }

  class Global {
    value: number;
  }

  class RuntimeError extends Error {}
}
