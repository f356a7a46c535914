/**
 * The part of `node:stream` the kernel's own modules use, as types: the package it comes from is
 * plain JavaScript, and a guest's world has no Node types.
 */

export interface EmitterLike {
  on(event: string, listener: (...args: never[]) => void): this;
  once(event: string, listener: (...args: never[]) => void): this;
  removeListener(event: string, listener: (...args: never[]) => void): this;
  emit(event: string, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
}

export type Done = (error?: Error | null) => void;

export interface ReadableStream extends EmitterLike {
  readonly destroyed: boolean;
  readonly readable: boolean;
  readonly readableEnded: boolean;
  readonly readableFlowing: boolean | null;
  push(chunk: Uint8Array | null): boolean;
  read(size?: number): unknown;
  pause(): this;
  resume(): this;
  isPaused(): boolean;
  destroy(error?: unknown): this;
}

export interface WritableStream extends EmitterLike {
  readonly destroyed: boolean;
  readonly writable: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly writableLength: number;
  write(chunk: unknown, encoding?: unknown, done?: unknown): boolean;
  end(chunk?: unknown, encoding?: unknown, done?: unknown): this;
  destroy(error?: unknown): this;
  destroySoon?: () => unknown;
  _destroy(error: Error | null, done: (error?: Error | null) => void): void;
}

export interface DuplexStream extends ReadableStream, WritableStream {
  readonly destroyed: boolean;
  allowHalfOpen: boolean;
  on(event: string, listener: (...args: never[]) => void): this;
  destroy(error?: unknown): this;
}

interface StreamClass<T> {
  new (options?: object): T;
  readonly prototype: T;
  call(self: object, options?: object): void;
}

export interface StreamModule {
  readonly Readable: StreamClass<ReadableStream>;
  readonly Writable: StreamClass<WritableStream>;
  readonly Duplex: StreamClass<DuplexStream>;
}
