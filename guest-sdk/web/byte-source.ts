/**
 * Where the bytes of a body come from, one chunk at a time: what is sent and received by `fetch` works
 * on these, so that it needs no Web Streams. A `ReadableStream` is made of one when somebody asks for it.
 */

import { Buffer } from '../node/buffer.ts';

export interface ByteSource {
  /** The next chunk, undefined at the end. Rejects with the error of the source, again and again. */
  read(): Promise<Uint8Array | undefined>;
  /** Nobody reads on. */
  cancel(reason: unknown): void;
}

interface Reader {
  read(): Promise<{ done: boolean; value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
}

/** The part of a `ReadableStream` that is used here. */
export interface StreamLike {
  readonly locked: boolean;
  getReader(): Reader;
  tee(): [StreamLike, StreamLike];
}

type StreamClass = new (source: object, strategy?: object) => StreamLike;

/** The guest's `ReadableStream`; undefined while it has none. */
function streamClass(): StreamClass | undefined {
  const { ReadableStream } = globalThis as { ReadableStream?: unknown };
  return typeof ReadableStream === 'function' ? (ReadableStream as StreamClass) : undefined;
}

export function isStream(value: unknown): value is StreamLike {
  // The class may be one that is loaded by asking for it: most bodies are no streams.
  if (typeof (value as { getReader?: unknown } | null | undefined)?.getReader !== 'function') {
    return false;
  }
  const Class = streamClass();
  return Class !== undefined && value instanceof Class;
}

/** Streams made here that somebody has read or cancelled. */
const touched = new WeakSet<object>();

/** True once something was read from `stream` or it was cancelled, as far as it tells. */
export function isDisturbed(stream: StreamLike): boolean {
  if (touched.has(stream)) return true;
  const told = stream as { _disturbed?: unknown; [kDisturbed]?: unknown };
  return told._disturbed === true || told[kDisturbed] === true;
}
const kDisturbed: unique symbol = Symbol.for('nodejs.stream.disturbed') as never;

/** A byte stream over `source`; undefined without Web Streams. Reads only when it is read. */
export function streamOf(source: ByteSource): StreamLike | undefined {
  const Class = streamClass();
  if (Class === undefined) return undefined;
  const stream: StreamLike = new Class(
    {
      type: 'bytes',
      async pull(controller: {
        enqueue(chunk: Uint8Array): void;
        close(): void;
        byobRequest: { respond(bytes: number): void } | null;
      }): Promise<void> {
        touched.add(stream);
        let chunk = await source.read();
        while (chunk !== undefined && chunk.length === 0) chunk = await source.read();
        if (chunk === undefined) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else {
          // The stream moves the memory of what it is given: a copy, which `slice` of a Buffer is not.
          controller.enqueue(new Uint8Array(chunk));
        }
      },
      cancel(reason: unknown): void {
        touched.add(stream);
        source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return stream;
}

/** Reads a stream, which is locked from then on. */
export function sourceOfStream(stream: StreamLike): ByteSource {
  touched.add(stream);
  const reader = stream.getReader();
  return {
    async read(): Promise<Uint8Array | undefined> {
      const { done, value } = await reader.read();
      if (done) return undefined;
      if (value instanceof Uint8Array) return value;
      throw new TypeError('Received non-Uint8Array chunk');
    },
    cancel(reason: unknown): void {
      reader.cancel(reason).catch(() => {});
    },
  };
}

/** Reads what can be iterated: text becomes UTF-8, lists and buffers bytes, as `Buffer.from` has it. */
export function sourceOfIterable(iterable: object): ByteSource {
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = iterable as {
    [Symbol.asyncIterator]?: () => AsyncIterator<unknown>;
    [Symbol.iterator]?: () => Iterator<unknown>;
  };
  const iterator = later?.call(iterable) ?? now?.call(iterable);
  return {
    async read(): Promise<Uint8Array | undefined> {
      const { done, value } = (await iterator?.next()) ?? { done: true, value: undefined };
      if (done === true) return undefined;
      return value instanceof Uint8Array ? value : Buffer.from(value as string);
    },
    cancel(): void {
      const ended = iterator?.return?.();
      if (ended instanceof Promise) ended.catch(() => {});
    },
  };
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  let rest: Uint8Array | undefined = bytes.length > 0 ? bytes : undefined;
  return {
    read(): Promise<Uint8Array | undefined> {
      const chunk = rest;
      rest = undefined;
      return Promise.resolve(chunk);
    },
    cancel(): void {
      rest = undefined;
    },
  };
}

interface Branch {
  readonly ahead: Uint8Array[];
  cancelled: boolean;
}

/** Two sources of the same bytes; what one has read before the other is kept for it. */
export function teeSource(source: ByteSource): [ByteSource, ByteSource] {
  const branches: Branch[] = [];
  let reading: Promise<Uint8Array | undefined> | undefined;
  const next = (): Promise<Uint8Array | undefined> => {
    reading ??= source.read().then((chunk) => {
      reading = undefined;
      if (chunk !== undefined) {
        for (const one of branches) if (!one.cancelled) one.ahead.push(chunk);
      }
      return chunk;
    });
    return reading;
  };
  const branch = (): ByteSource => {
    const mine: Branch = { ahead: [], cancelled: false };
    branches.push(mine);
    return {
      async read(): Promise<Uint8Array | undefined> {
        for (;;) {
          const chunk = mine.ahead.shift();
          if (chunk !== undefined || mine.cancelled) return chunk;
          if ((await next()) === undefined) return mine.ahead.shift();
        }
      },
      cancel(reason: unknown): void {
        mine.cancelled = true;
        mine.ahead.length = 0;
        if (branches.every((one) => one.cancelled)) source.cancel(reason);
      },
    };
  };
  return [branch(), branch()];
}

/** All bytes to the end. */
export async function readAll(source: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let chunk = await source.read(); chunk !== undefined; chunk = await source.read()) {
    chunks.push(chunk);
    length += chunk.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
