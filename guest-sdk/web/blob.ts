/** Blob and File (W3C File API, sections 3 and 4), with Node's checks and errors. */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { inspectHook } from '../node/inspect-hook.ts';
import {
  describeReceived,
  invalidArgValue,
  invalidThis,
  missingArgs,
  nodeError,
} from '../node/node-errors.ts';
import { isAnyArrayBuffer } from '../node/util-types.ts';
import { exposeInterface, innerOptions } from './interface.ts';
import { type WebReadable, webStreams } from './streams.ts';
import { TextDecoder } from './text-encoding.ts';
import { toUsv } from './usv.ts';

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

function mustBe(name: string, what: string, value: unknown): Error {
  const text = `The "${name}" argument must be ${what}.${describeReceived(value)}`;
  return nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
}

interface BlobOptions {
  readonly type: string;
  readonly convertsEnds: boolean;
}

const KEPT_ENDS = ['transparent', 'native'];

function optionsOf(given: unknown): BlobOptions {
  if (given === undefined || given === null) return { type: '', convertsEnds: false };
  if (!isObject(given)) throw mustBe('options', 'a dictionary', given);
  const { type = '', endings = 'transparent' } = given as { type?: unknown; endings?: unknown };
  const ends = `${endings}`;
  if (!KEPT_ENDS.includes(ends)) throw invalidArgValue('options.endings', ends);
  return { type: typeOf(toUsv(type)), convertsEnds: ends === 'native' };
}

/** A type holds printable ASCII only; any other is none. */
function typeOf(text: string): string {
  return /^[ -~]*$/.test(text) ? text.toLowerCase() : '';
}

function bytesOfPart(part: unknown, convertsEnds: boolean): Uint8Array {
  if (ArrayBuffer.isView(part)) {
    return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  }
  if (isAnyArrayBuffer(part)) return new Uint8Array(part as ArrayBuffer);
  const held = bytesOfBlob(part);
  if (held !== undefined) return held;
  const text = toUsv(part);
  const ended = convertsEnds ? text.replace(/\r?\n/g, '\n') : text;
  return new Uint8Array(traps.encode(ended, ENCODING.utf8));
}

function joined(sources: unknown, convertsEnds: boolean): Uint8Array {
  const isSequence = isObject(sources) && Symbol.iterator in sources;
  if (!isSequence) throw mustBe('sources', 'a sequence', sources);
  const parts = [...(sources as Iterable<unknown>)].map((part) => bytesOfPart(part, convertsEnds));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A place in a blob of `size` bytes; negative ones count from the end. */
function placeIn(size: number, given: unknown, absent: number): number {
  if (given === undefined) return absent;
  const place = Math.trunc(Number(given)) || 0;
  return place < 0 ? Math.max(size + place, 0) : Math.min(place, size);
}

/** The bytes of a Blob, which are never changed; undefined for anything else. */
export let bytesOfBlob: (value: unknown) => Uint8Array | undefined;
/** A Blob over bytes that it owns from then on. */
export let makeBlob: (bytes: Uint8Array, type: string) => Blob;

/** `method` of a Blob for anybody's receiver, refused by a rejection. */
async function bytesFor(receiver: unknown): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = bytesOfBlob(receiver);
  if (bytes === undefined) throw invalidThis('Blob');
  return bytes.slice();
}

const STREAM_CHUNK_BYTES = 65_536;

function streamOf(bytes: Uint8Array): WebReadable {
  let at = 0;
  const pull = (controller: ByteController): void => {
    const chunk = bytes.slice(at, at + STREAM_CHUNK_BYTES);
    at += chunk.length;
    if (chunk.length > 0) {
      controller.enqueue(chunk);
      return;
    }
    controller.close();
    // A reader with a buffer of its own waits for an answer even then.
    controller.byobRequest?.respond(0);
  };
  return new (webStreams().ReadableStream)({ type: 'bytes', pull });
}

interface ByteController {
  readonly byobRequest: { respond(bytes: number): void } | null;
  enqueue(chunk: Uint8Array): void;
  close(): void;
}

export class Blob {
  #bytes: Uint8Array;
  #type: string;

  constructor(sources: unknown = [], options?: unknown) {
    if (!isObject(sources)) throw mustBe('sources', 'a sequence', sources);
    const { type, convertsEnds } = optionsOf(options);
    this.#bytes = joined(sources, convertsEnds);
    this.#type = type;
  }

  get type(): string {
    if (!isBlob(this)) throw invalidThis('Blob');
    return this.#type;
  }

  get size(): number {
    if (!isBlob(this)) throw invalidThis('Blob');
    return this.#bytes.length;
  }

  slice(...args: readonly unknown[]): Blob {
    if (!isBlob(this)) throw invalidThis('Blob');
    const { length } = this.#bytes;
    const start = placeIn(length, args[0], 0);
    const end = Math.max(placeIn(length, args[1], length), start);
    return makeBlob(this.#bytes.subarray(start, end), typeOf(toUsv(args[2] ?? '')));
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return bytesFor(this).then((bytes) => bytes.buffer);
  }

  text(): Promise<string> {
    return bytesFor(this).then((bytes) => new TextDecoder().decode(bytes));
  }

  bytes(): Promise<Uint8Array> {
    return bytesFor(this);
  }

  stream(): WebReadable {
    if (!isBlob(this)) throw invalidThis('Blob');
    return streamOf(this.#bytes);
  }

  static {
    bytesOfBlob = (value) => (isObject(value) && #bytes in value ? value.#bytes : undefined);
    makeBlob = (bytes, type) => {
      const blob = new Blob();
      blob.#bytes = bytes;
      blob.#type = type;
      return blob;
    };
  }
}

export function isBlob(value: unknown): value is Blob {
  return bytesOfBlob(value) !== undefined;
}

/** A Blob or File with the same bytes, as structured cloning makes one. */
export function cloneBlob(blob: Blob): Blob {
  const bytes = bytesOfBlob(blob) ?? new Uint8Array(0);
  const { type } = blob;
  if (!(blob instanceof File)) return makeBlob(bytes, type);
  const { name, lastModified } = blob;
  return new File([bytes], name, { type, lastModified });
}

/** V8 has these words for a private member that is not there. */
function lacks(member: string): TypeError {
  const text = `Cannot read private member ${member} from an object whose class did not declare it`;
  return new TypeError(text);
}

export class File extends Blob {
  readonly #name: string;
  readonly #lastModified: number;

  constructor(...args: readonly unknown[]) {
    if (args.length < 2) throw missingArgs('fileBits', 'fileName');
    const [bits, name, options] = args;
    super(bits, options);
    const { lastModified } = (options ?? {}) as { lastModified?: unknown };
    // A bigint is no number of milliseconds: the conversion by sign refuses it.
    this.#lastModified = lastModified === undefined ? Date.now() : +(lastModified as number) || 0;
    this.#name = toUsv(name);
  }

  get name(): string {
    if (!(#name in this)) throw lacks('#name');
    return this.#name;
  }

  get lastModified(): number {
    if (!(#lastModified in this)) throw lacks('#lastModified');
    return this.#lastModified;
  }
}

Object.defineProperty(Blob, 'length', { value: 0, configurable: true });
Object.defineProperty(File, 'length', { value: 2, configurable: true });

exposeInterface(Blob, 'Blob', (self, depth, options) => {
  if (depth !== null && depth < 0) return '[Blob]';
  const { size, type } = self;
  return `Blob ${inspectHook.inspect({ size, type }, innerOptions(options))}`;
});
exposeInterface(File, 'File', (self, depth, options) => {
  if (depth !== null && depth < 0) return '[File]';
  const { size, type, name, lastModified } = self;
  const shown = { size, type, name, lastModified };
  return `File ${inspectHook.inspect(shown, innerOptions(options))}`;
});
