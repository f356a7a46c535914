/** Bodies of requests and responses (Fetch standard, section 5.3), with Node's checks and errors. */

import { Buffer } from '../node/buffer.ts';
import { MIMEType } from '../node/mime-type.ts';
import { isAnyArrayBuffer } from '../node/util-types.ts';
import { type Blob, bytesOfBlob, isBlob, makeBlob } from './blob.ts';
import {
  type ByteSource,
  isDisturbed,
  isStream,
  readAll,
  type StreamLike,
  sourceOfBytes,
  sourceOfIterable,
  sourceOfStream,
  streamOf,
  teeSource,
} from './byte-source.ts';
import { illegalInvocation } from './fetch-arguments.ts';
import { FormData } from './form-data.ts';
import { parseForm } from './form-encoding.ts';
import { decodeMultipart, encodeMultipart, newBoundary } from './multipart.ts';
import { TextDecoder } from './text-encoding.ts';
import { URLSearchParams } from './url-search-params.ts';
import { toUsv } from './usv.ts';

/** The bytes a request or response carries, from wherever they come. */
export class Body {
  /** All of them, where they are known: such a body can be sent twice. */
  readonly bytes: Uint8Array | undefined;
  #source: ByteSource;
  #stream: StreamLike | undefined;
  #taken = false;

  constructor(from: Uint8Array | ByteSource | StreamLike) {
    this.bytes = from instanceof Uint8Array ? from : undefined;
    this.#stream = isStream(from) ? from : undefined;
    this.#source = from instanceof Uint8Array ? sourceOfBytes(from) : (from as ByteSource);
  }

  /** Something of it was read. */
  get used(): boolean {
    return this.#taken || (this.#stream !== undefined && isDisturbed(this.#stream));
  }

  /** It cannot be read any more, or somebody else is at it. */
  get unusable(): boolean {
    return this.used || this.#stream?.locked === true;
  }

  /** As a `ReadableStream`, always the same one; null while the guest has no such class. */
  get stream(): StreamLike | null {
    this.#stream ??= streamOf(this.#source);
    return this.#stream ?? null;
  }

  /** To be read to the end by the caller; the body is used from then on. */
  take(): ByteSource {
    this.#taken = true;
    return this.#stream === undefined ? this.#source : sourceOfStream(this.#stream);
  }

  /** A second body of the same bytes. */
  clone(): Body {
    if (this.#stream !== undefined) {
      const [mine, other] = this.#stream.tee();
      this.#stream = mine;
      return new Body(other);
    }
    if (this.bytes !== undefined) return new Body(this.bytes);
    const [mine, other] = teeSource(this.#source);
    this.#source = mine;
    return new Body(other);
  }

  /** Another body goes on with this one's bytes, and this one is used. */
  handOver(): Body {
    const next = this.bytes === undefined ? new Body(this.take()) : new Body(this.bytes);
    this.#taken = true;
    return next;
  }
}

export interface Extracted {
  readonly body: Body;
  /** The content type that goes with it. */
  readonly type: string | null;
}

function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** What a body given to a constructor stands for. */
export function extractBody(given: unknown): Extracted {
  if (isStream(given)) {
    if (isDisturbed(given) || given.locked) {
      throw new TypeError('Response body object should not be disturbed or locked');
    }
    return { body: new Body(given), type: null };
  }
  if (given instanceof URLSearchParams) {
    const type = 'application/x-www-form-urlencoded;charset=UTF-8';
    return { body: new Body(Buffer.from(String(given), 'utf8')), type };
  }
  if (isBlob(given)) {
    return { body: new Body(bytesOfBlob(given) as Uint8Array), type: given.type || null };
  }
  if (isAnyArrayBuffer(given)) {
    return { body: new Body(copied(new Uint8Array(given as ArrayBuffer))), type: null };
  }
  if (ArrayBuffer.isView(given)) {
    const { buffer, byteOffset, byteLength } = given;
    return { body: new Body(copied(new Uint8Array(buffer, byteOffset, byteLength))), type: null };
  }
  if (given instanceof FormData) {
    const boundary = newBoundary();
    const body = new Body(encodeMultipart(given, boundary));
    return { body, type: `multipart/form-data; boundary=${boundary}` };
  }
  if (typeof given === 'object' && given !== null && Symbol.asyncIterator in given) {
    return { body: new Body(sourceOfIterable(given)), type: null };
  }
  const text = typeof given === 'symbol' ? refuseSymbol() : toUsv(given);
  return { body: new Body(Buffer.from(text, 'utf8')), type: 'text/plain;charset=UTF-8' };
}

function refuseSymbol(): never {
  const text = 'undefined: undefined is a symbol, which cannot be converted to a DOMString.';
  throw new TypeError(text);
}

/** What the methods of a body need of the object they belong to. */
export interface Carrier {
  readonly body: Body | null;
  readonly contentType: string | null;
}

function mimeOf(type: string | null): MIMEType | undefined {
  try {
    return type === null ? undefined : new MIMEType(type);
  } catch {
    // No type, then.
    return undefined;
  }
}

function formOf(bytes: Uint8Array, contentType: string | null): FormData {
  const mime = mimeOf(contentType);
  if (mime?.essence === 'multipart/form-data') {
    const boundary = mime.params.get('boundary');
    const form = boundary === null ? undefined : decodeMultipart(bytes, boundary);
    if (form === undefined) throw new TypeError('Failed to parse body as FormData.');
    return form;
  }
  if (mime?.essence === 'application/x-www-form-urlencoded') {
    const form = new FormData();
    const pairs = parseForm(new TextDecoder().decode(bytes));
    for (let at = 0; at < pairs.length; at += 2) form.append(pairs[at], pairs[at + 1]);
    return form;
  }
  throw new TypeError(
    'Content-Type was not one of "multipart/form-data" or "application/x-www-form-urlencoded".',
  );
}

type Convert = (bytes: Uint8Array<ArrayBuffer>, carrier: Carrier) => unknown;

const textOf: Convert = (bytes) => new TextDecoder().decode(bytes);

const CONVERSIONS: Readonly<Record<string, Convert>> = {
  blob: (bytes, { contentType }): Blob => makeBlob(bytes, mimeOf(contentType)?.toString() ?? ''),
  arrayBuffer: (bytes) => bytes.buffer,
  text: textOf,
  json: (bytes, carrier) => JSON.parse(textOf(bytes, carrier) as string),
  formData: (bytes, { contentType }) => formOf(bytes, contentType),
  bytes: (bytes) => bytes,
};

async function consume(
  receiver: object,
  find: (receiver: object) => Carrier | undefined,
  convert: Convert,
): Promise<unknown> {
  const carrier = find(receiver);
  if (carrier === undefined) throw illegalInvocation();
  const { body } = carrier;
  if (body === null) return convert(new Uint8Array(0), carrier);
  if (body.unusable) throw new TypeError('Body is unusable: Body has already been read');
  // Their own copy: a body that is sent twice must not change.
  const { bytes } = body;
  const source = body.take();
  return convert(bytes === undefined ? await readAll(source) : new Uint8Array(bytes), carrier);
}

/** What `Request` and `Response` have by `installBody`. */
export interface BodyMethods {
  blob(): Promise<Blob>;
  arrayBuffer(): Promise<ArrayBuffer>;
  text(): Promise<string>;
  json(): Promise<unknown>;
  formData(): Promise<FormData>;
  bytes(): Promise<Uint8Array>;
}

/** Adds the methods that read a body to `prototype`; `find` answers for instances only. */
export function installBody(
  prototype: object,
  find: (receiver: object) => Carrier | undefined,
): void {
  for (const [name, convert] of Object.entries(CONVERSIONS)) {
    const { [name]: value } = {
      [name](this: object): Promise<unknown> {
        return consume(this, find, convert);
      },
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
