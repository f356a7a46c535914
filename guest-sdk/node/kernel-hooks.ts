/**
 * What the library modules need of the kernel, as functions it installs at start: the library stays
 * importable (and testable) without the kernel, and neither imports the other in a circle. Never
 * read from `globalThis`: a guest may replace `process` or `setTimeout`, and streams must not notice.
 */

/** A timer of the kernel; opaque to the library. */
export type KernelTimer = unknown;

export interface KernelHooks {
  /** `process.nextTick`. */
  nextTick(callback: (...args: never[]) => void, ...args: unknown[]): void;
  /** `setImmediate`: how an operation of Node's thread pool answers. */
  setImmediate(callback: (...args: never[]) => void, ...args: unknown[]): void;
  /** A microtask of its own, errors to `uncaughtException`. */
  queueMicrotask(callback: () => void): void;
  /** `process.emitWarning`. */
  emitWarning(warning: string | Error, type?: string, code?: string): void;
  /** Raises `uncaughtException` in a turn of its own (a throwing event listener). */
  throwLater(error: unknown): void;
  /** Unreferenced: it never keeps the guest alive. */
  startTimer(callback: () => void, delayMs: number): KernelTimer;
  stopTimer(timer: KernelTimer): void;
  /** Milliseconds since the guest booted, by the virtual clock. */
  monotonicMs(): number;
  /** `process.cwd()`. */
  cwd(): string;
  /** A variable of `process.env`. */
  env(name: string): string | undefined;
  readonly pid: number;
  /** Writes one line to standard error, unbuffered. */
  printError(text: string): void;
  /** `process.stdout` / `process.stderr`: `pipe` never ends them. */
  standardStreams(): readonly [stdout: unknown, stderr: unknown];
}

let installed: KernelHooks | undefined;

/** Called once by the kernel, before any guest code runs. */
export function installKernelHooks(hooks: KernelHooks): void {
  installed = hooks;
}

/** The kernel's functions. Call it when they are needed, not while a module is evaluated. */
export function kernel(): KernelHooks {
  if (installed === undefined) throw new Error('The kernel has not installed its hooks yet');
  return installed;
}
