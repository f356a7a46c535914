/**
 * The published engine (bellard QuickJS 2025-09-13, emscripten -Oz, from the package
 * @jitl/quickjs-wasmfile-release-sync 0.32.0) as hv uses it: no glue, our own imports. Import and
 * export names of the file are minified, so the table of letters is checked in and the file is
 * pinned by hash; another file is refused, because a wrong letter would be a wrong machine.
 */

/** Hex SHA-256 of the engine's .wasm as published. */
export const ENGINE_SHA256 = '105c3bed22d457e43e3d1c3c1c6959fda62a8fe06f0fc8a985303c3a2be72232';

/** Every import of the engine: the whole surface through which the world could leak in. */
export const ENGINE_IMPORTS = {
  memory: 'a',
  assertFail: 'b',
  fdWrite: 'c',
  fdClose: 'd',
  environGet: 'e',
  environSizesGet: 'f',
  normalizeModule: 'g',
  loadModuleSource: 'h',
  shouldInterrupt: 'i',
  setitimer: 'j',
  resizeHeap: 'k',
  keepaliveClear: 'l',
  localtime: 'm',
  tzset: 'n',
  fdSeek: 'o',
  dateNow: 'p',
  abort: 'q',
  procExit: 'r',
  callFunction: 's',
  freeHostRef: 't',
} as const;

/** The exports hv calls. */
export const ENGINE_EXPORTS = {
  callCtors: 'u',
  malloc: 'v',
  free: 'M',
  newRuntime: 'K',
  newContext: 'N',
  setMemoryLimit: 'y',
  setMaxStackSize: 'D',
  enableInterruptHandler: 'Fa',
  disableInterruptHandler: 'Ga',
  getUndefined: 'E',
  getGlobalObject: 'ua',
  freeValue: 'P',
  dupValue: 'T',
  freeCString: 'S',
  newObject: 'U',
  newArrayBuffer: 'X',
  newFloat64: 'Y',
  newString: '_',
  getString: '$',
  newFunction: 'Da',
  getProp: 'ha',
  setProp: 'ja',
  call: 'ma',
  resolveException: 'na',
  evaluate: 'pa',
  isJobPending: 'fa',
  executePendingJob: 'ga',
  bjsonEncode: 'Ja',
  bjsonDecode: 'Ka',
} as const;

export type EngineExports = {
  readonly [name in keyof typeof ENGINE_EXPORTS]: (...args: number[]) => number;
};

/** Names given to what wasm-patch.ts exports in addition. */
export const PATCHED_EXPORTS = { table: 'hvTable', stackPointer: 'hvStackPointer' } as const;

/** Value tags (QuickJS, 32-bit NaN boxing: payload in the low word, tag in the high word). */
export const TAG = {
  object: -1,
  int: 0,
  bool: 1,
  null: 2,
  undefined: 3,
  exception: 6,
} as const;

/** JS_INTERRUPT_COUNTER_INIT: what the engine reloads before it calls the interrupt handler. */
export const POLL_RELOAD = 10_000;

/** JS_EVAL_FLAG_COMPILE_ONLY: parse and compile a script without running it. */
export const COMPILE_ONLY = 32;

/**
 * JSRuntime.strip_flags, as an offset, and JS_STRIP_SOURCE: functions compiled meanwhile keep no text
 * of theirs. Part of the pinned file, as the break below; test/unit/machine/firmware-parts.test.ts checks it.
 */
export const STRIP_FLAGS_OFFSET = 228;
export const STRIP_SOURCE = 1;

/**
 * Where the allocator of the published engine keeps its break: memory at and above it was never
 * touched and is zero. Part of the pinned file; test/unit/machine/snapshot.test.ts checks it.
 */
export const SBRK_ADDRESS = 86_864;
