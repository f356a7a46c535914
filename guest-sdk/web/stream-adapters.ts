/** From Node's streams to those of the web and back: `Readable.toWeb`, `Readable.fromWeb` and so on. */

import { Buffer } from '../node/buffer.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { AbortError, describeReceived, invalidArgType, nodeError } from '../node/node-errors.ts';
import { exported as stream } from '../node/stream.ts';
import type { Done, DuplexStream, ReadableStream, WritableStream } from '../node/stream-types.ts';
import { validateBoolean, validateObject } from '../node/validators.ts';
import {
  type ReadController,
  type Strategy,
  type StreamPair,
  type WebReadable,
  type WebWritable,
  type WriteController,
  webStreams,
} from './streams.ts';

interface Inside {
  readonly _readableState?: unknown;
  readonly _writableState?: unknown;
  readonly readableObjectMode?: boolean;
  readonly writableObjectMode?: boolean;
  readonly readableHighWaterMark?: number;
  readonly writableHighWaterMark?: number;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function notStream(name: string, type: string, value: unknown): Error {
  const text = `The "${name}" argument must be an ${type}.${describeReceived(value)}`;
  return nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
}

/** In bytes, or in characters where a stream has text; in objects each counts one. */
function strategyOf(inObjects: boolean | undefined, highWaterMark = 0): Strategy {
  if (inObjects) return new (webStreams().CountQueuingStrategy)({ highWaterMark });
  const size = (chunk: unknown): number => {
    const { byteLength, length } = Object(chunk) as { byteLength?: number; length?: number };
    return byteLength ?? length ?? 1;
  };
  return { highWaterMark, size };
}

/** What a web stream says of a Node stream that was cut off. */
function reasonOf(error: unknown): unknown {
  const isCut = (error as { code?: unknown } | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE';
  return isCut ? new AbortError(undefined, { cause: error }) : error;
}

const ignore = (): void => {};

export function readableToWeb(
  source: ReadableStream,
  options: { readonly strategy?: Strategy } = {},
): WebReadable {
  const inside = source as Inside;
  if (!isObject(source?.valueOf()) || !isObject(inside._readableState)) {
    throw notStream('streamReadable', 'stream.Readable', source);
  }
  const { ReadableStream } = webStreams();
  if (source.destroyed || !source.readable) {
    const ended = new ReadableStream();
    ended.cancel();
    return ended;
  }
  const inObjects = inside.readableObjectMode;
  const strategy = options.strategy ?? strategyOf(inObjects, inside.readableHighWaterMark);
  let controller: ReadController | undefined;
  let isOver = false;
  source.pause();
  const stopWaiting = stream.finished(source, (error: unknown): void => {
    stopWaiting();
    // A late error has nobody left to be told to.
    source.on('error', ignore);
    if (isOver) return;
    isOver = true;
    if (error) controller?.error(reasonOf(error));
    else controller?.close();
  });
  source.on('data', (chunk: unknown): void => {
    if (isOver) return;
    controller?.enqueue(Buffer.isBuffer(chunk) && !inObjects ? new Uint8Array(chunk) : chunk);
    if ((controller?.desiredSize ?? 0) <= 0) source.pause();
  });
  return new ReadableStream(
    {
      start: (given: ReadController): void => {
        controller = given;
      },
      pull: (): void => {
        source.resume();
      },
      cancel: (reason: unknown): void => {
        isOver = true;
        source.destroy(reason instanceof Error ? reason : undefined);
      },
    },
    strategy,
  );
}

interface FromWebOptions {
  readonly encoding?: unknown;
  readonly objectMode?: unknown;
  readonly decodeStrings?: unknown;
  readonly highWaterMark?: unknown;
  readonly signal?: unknown;
  readonly allowHalfOpen?: unknown;
}

function checkOptions(options: FromWebOptions): void {
  validateObject(options, 'options');
  const { objectMode, encoding } = options;
  if (objectMode !== undefined) validateBoolean(objectMode, 'options.objectMode');
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) {
    const text = `The argument '${encoding}' is invalid. Received 'options.encoding'`;
    throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', text);
  }
}

function checkReadable(value: unknown, name: string): asserts value is WebReadable {
  if (!(value instanceof webStreams().ReadableStream)) {
    throw invalidArgType(name, 'ReadableStream', value);
  }
}

function checkWritable(value: unknown, name: string): asserts value is WebWritable {
  if (!(value instanceof webStreams().WritableStream)) {
    throw invalidArgType(name, 'WritableStream', value);
  }
}

/** The three functions of a Readable over `source`; `owner` is it, once it is made. */
function readingOf(source: WebReadable, owner: () => ReadableStream): Record<string, unknown> {
  const reader = source.getReader();
  let isClosed = false;
  reader.closed.then(
    (): void => {
      isClosed = true;
    },
    (error: unknown): void => {
      isClosed = true;
      owner().destroy(error);
    },
  );
  return {
    read(): void {
      reader.read().then(
        ({ done, value }) => owner().push(done ? null : (value as Uint8Array)),
        (error: unknown) => owner().destroy(error),
      );
    },
    cancel: (error: unknown): Promise<unknown> =>
      isClosed ? Promise.resolve() : reader.cancel(error).catch(ignore),
  };
}

/** As soon as possible, outside of promises: what it throws is an uncaught exception. */
const later = (done: Done, error?: Error | null): void => kernel().nextTick(done as never, error);

export function readableFromWeb(source: unknown, options: FromWebOptions = {}): ReadableStream {
  checkReadable(source, 'readableStream');
  checkOptions(options);
  const { objectMode = false, encoding, highWaterMark, signal } = options;
  const { read, cancel } = readingOf(source, () => made) as {
    read(): void;
    cancel(error: unknown): Promise<unknown>;
  };
  const made: ReadableStream = new stream.Readable({
    objectMode,
    encoding,
    highWaterMark,
    signal,
    read,
    destroy(error: Error | null, done: Done): void {
      cancel(error).then(() => later(done, error));
    },
  });
  return made;
}

/** The functions of a Writable over `target`. */
function writingOf(
  target: WebWritable,
  owner: () => WritableStream,
): {
  write(chunk: unknown, encoding: string, done: Done): void;
  final(done: Done): void;
  abort(error: unknown): Promise<unknown>;
} {
  const writer = target.getWriter();
  let isClosed = false;
  writer.ready.catch(ignore);
  writer.closed.then(
    (): void => {
      isClosed = true;
      if (!owner().writableEnded) owner().destroy(prematureClose());
    },
    (error: unknown): void => {
      isClosed = true;
      owner().destroy(error);
    },
  );
  return {
    write(chunk, _encoding, done): void {
      const fail = (error: unknown): void => later(done, error as Error);
      writer.ready.then(() => writer.write(chunk).then(() => later(done), fail), fail);
    },
    final(done): void {
      if (isClosed) later(done);
      else
        writer.close().then(
          () => later(done),
          (error: unknown) => later(done, error as Error),
        );
    },
    abort: (error): Promise<unknown> => {
      if (isClosed) return Promise.resolve();
      return (error === null ? writer.close() : writer.abort(error)).catch(ignore);
    },
  };
}

function prematureClose(): Error {
  return nodeError(Error, 'ERR_STREAM_PREMATURE_CLOSE', 'Premature close');
}

export function writableFromWeb(target: unknown, options: FromWebOptions = {}): WritableStream {
  checkWritable(target, 'writableStream');
  checkOptions(options);
  const { objectMode = false, decodeStrings = true, highWaterMark, signal } = options;
  const { write, final, abort } = writingOf(target, () => made);
  const made: WritableStream = new stream.Writable({
    objectMode,
    decodeStrings,
    highWaterMark,
    signal,
    write,
    final,
    destroy(error: Error | null, done: Done): void {
      abort(error).then(() => later(done, error));
    },
  });
  return made;
}

export function writableToWeb(target: WritableStream): WebWritable {
  const inside = target as Inside;
  if (!isObject(target?.valueOf()) || !isObject(inside._writableState)) {
    throw notStream('streamWritable', 'stream.Writable', target);
  }
  const { WritableStream } = webStreams();
  if (target.destroyed || !target.writable) {
    const ended = new WritableStream();
    ended.close();
    return ended;
  }
  let controller: WriteController | undefined;
  let isOver = false;
  let drained: { resolve(): void; reject(error: unknown): void } | undefined;
  let closing: { resolve(): void; reject(error: unknown): void } | undefined;
  const stopWaiting = stream.finished(target, (problem: unknown): void => {
    const error = reasonOf(problem);
    stopWaiting();
    target.on('error', ignore);
    isOver = true;
    if (error) {
      drained?.reject(error);
      if (closing) closing.reject(error);
      else controller?.error(error);
    } else if (closing) closing.resolve();
    else {
      drained?.resolve();
      controller?.error(new AbortError());
    }
    closing = undefined;
  });
  target.on('drain', (): void => drained?.resolve());
  return new WritableStream(
    {
      start: (given: WriteController): void => {
        controller = given;
      },
      write(chunk: unknown): Promise<void> | undefined {
        if (target.write(chunk)) return undefined;
        return new Promise<void>((resolve, reject) => {
          drained = { resolve, reject };
        });
      },
      abort: (reason: unknown): void => {
        target.destroy(reason instanceof Error ? reason : undefined);
      },
      close(): Promise<void> | undefined {
        if (isOver) return undefined;
        return new Promise<void>((resolve, reject) => {
          closing = { resolve, reject };
          target.end();
        });
      },
    },
    strategyOf(inside.writableObjectMode, inside.writableHighWaterMark),
  );
}

export function duplexToWeb(duplex: DuplexStream): StreamPair {
  const inside = duplex as Inside;
  const isDuplex = isObject(inside?._readableState) && isObject(inside._writableState);
  if (!isDuplex) throw notStream('duplex', 'stream.Duplex', duplex);
  return { writable: writableToWeb(duplex), readable: readableToWeb(duplex) };
}

export function duplexFromWeb(
  pair: { readonly readable?: unknown; readonly writable?: unknown },
  options: FromWebOptions = {},
): DuplexStream {
  validateObject(pair, 'pair');
  const { readable, writable } = pair;
  checkReadable(readable, 'pair.readable');
  checkWritable(writable, 'pair.writable');
  checkOptions(options);
  const reading = readingOf(readable, () => made) as {
    read(): void;
    cancel(error: unknown): Promise<unknown>;
  };
  const { write, final, abort } = writingOf(writable, () => made);
  const { objectMode = false, encoding, decodeStrings = true, highWaterMark } = options;
  const { allowHalfOpen = false, signal } = options;
  const made: DuplexStream = new stream.Duplex({
    allowHalfOpen,
    objectMode,
    encoding,
    decodeStrings,
    highWaterMark,
    signal,
    read: reading.read,
    write,
    final,
    destroy(error: Error | null, done: Done): void {
      Promise.all([abort(error), reading.cancel(error)]).then(() => later(done, error));
    },
  });
  return made;
}

const tables: readonly (readonly [string, Record<string, unknown>])[] = [
  ['Readable', { fromWeb: readableFromWeb, toWeb: readableToWeb }],
  ['Writable', { fromWeb: writableFromWeb, toWeb: writableToWeb }],
  ['Duplex', { fromWeb: duplexFromWeb, toWeb: duplexToWeb }],
];
for (const [name, methods] of tables) {
  for (const [key, method] of Object.entries(methods)) {
    Object.defineProperty(method, 'name', { value: key, configurable: true });
    (stream[name] as Record<string, unknown>)[key] = method;
  }
}
