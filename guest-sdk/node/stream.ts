/**
 * `node:stream`: the readable-stream package over our events, buffer and kernel (aliases.json), with
 * Node's error objects and the few functions the package lacks.
 */

/// <reference path="./vendor.d.ts" />

import './stream-errors.ts';
import Stream from 'readable-stream/lib/stream.js';
import { capture, isActive, runIn } from '../async-context.ts';
import { Buffer } from './buffer.ts';
import { kAsyncDispose } from './dispose-symbols.ts';
import { kernel } from './kernel-hooks.ts';
import { AbortError } from './node-errors.ts';
import type { DuplexStream, StreamModule } from './stream-types.ts';

export interface StreamPromises {
  pipeline(...streams: unknown[]): Promise<unknown>;
  finished(stream: unknown, options?: object): Promise<void>;
}

/** What `require('stream')` returns: the legacy Stream constructor with everything else on it. */
export interface StreamExports extends StreamModule {
  readonly Transform: StreamModule['Duplex'];
  readonly PassThrough: StreamModule['Duplex'];
  readonly Stream: StreamExports;
  readonly promises: StreamPromises;
  pipeline(...streams: unknown[]): unknown;
  finished(stream: unknown, ...rest: unknown[]): () => void;
  [name: string]: unknown;
}

export const exported: StreamExports = Stream as StreamExports;

/** A generator read by a stream goes on in the context it was handed over in, whoever reads. */
const { from } = exported.Readable as unknown as { from(...args: unknown[]): Reading };
(exported.Readable as unknown as { from: typeof from }).from = function (...args): Reading {
  const readable = from.apply(this, args);
  if (!isActive()) return readable;
  const context = capture('READABLE', readable);
  const read = readable._read;
  if (typeof read === 'function') {
    readable._read = function (size): void {
      runIn(context, () => read.call(this, size));
    };
  }
  return readable;
};
Object.defineProperty(exported.Readable, 'from', { enumerable: true });

/** Ended before its time, unless it had finished; fulfilled when it is closed. */
async function dispose(this: DuplexStream & { readonly writableFinished: boolean }): Promise<void> {
  if (!this.destroyed) this.destroy(this.writableFinished ? undefined : new AbortError());
  await new Promise<void>((resolve, reject) => {
    exported.finished(this, (error: Error | undefined) => {
      if (error && error.name !== 'AbortError') reject(error);
      else resolve();
    });
  });
}
Object.defineProperty(exported.Writable.prototype, kAsyncDispose, {
  value: dispose,
  writable: true,
  configurable: true,
});
// Its callbacks of writes that wait are called, too.
(exported.Duplex.prototype as unknown as { destroy: unknown }).destroy = (
  exported.Writable.prototype as unknown as { destroy: unknown }
).destroy;

interface Reading {
  _read(size: number): void;
}

interface Side extends DuplexStream {
  other: Side | undefined;
  waiting: (() => void) | undefined;
}

function makeSide(options: object | undefined): Side {
  const side = new exported.Duplex({
    ...options,
    read(this: Side): void {
      const { waiting } = this;
      if (waiting === undefined) return;
      this.waiting = undefined;
      waiting();
    },
    write(this: Side, chunk: Uint8Array, _encoding: unknown, done: () => void): void {
      const { other } = this;
      if (other === undefined || chunk.length === 0) {
        kernel().nextTick(done);
        return;
      }
      other.push(chunk);
      other.waiting = done;
    },
    final(this: Side, done: () => void): void {
      this.other?.once('end', done);
      this.other?.push(null);
    },
  }) as Side;
  side.other = undefined;
  side.waiting = undefined;
  return side;
}

/** Two Duplex streams, each reading what the other one writes. */
export function duplexPair(options?: object): [DuplexStream, DuplexStream] {
  const [left, right] = [makeSide(options), makeSide(options)];
  left.other = right;
  right.other = left;
  return [left, right];
}

Object.assign(exported, {
  duplexPair,
  _isArrayBufferView: ArrayBuffer.isView,
  // The package asks this of every chunk; Node 20 takes all views.
  _isUint8Array: ArrayBuffer.isView,
  _uint8ArrayToBuffer: (chunk: ArrayBufferView) =>
    Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength),
});
