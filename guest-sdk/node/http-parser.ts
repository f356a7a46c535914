/**
 * An incremental parser of HTTP/1.x messages over bytes. Heads are read as text, once they are whole;
 * bodies go to the sink as views of the bytes that came, without a copy.
 */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import type { Buffer } from './buffer.ts';
import {
  type Fields,
  isFailure,
  parseFields,
  parseFieldsAgain,
  parseRequestLine,
  parseStatusLine,
  partialFailure,
  type StartLine,
} from './http-head.ts';
import { type Failure, failure, fieldsFailure } from './http-head-errors.ts';

export interface Head {
  readonly line: StartLine;
  readonly fields: Fields;
  /** The other side asked for the connection to become something else. */
  readonly upgrade: boolean;
  /** By version and Connection; a response that ends with the connection does not keep it. */
  readonly keepAlive: boolean;
}

/** What the body of the message is, by the one who knows what it answers. */
export type BodyRule = 'as-said' | 'none' | 'upgrade';

export interface ParserSink {
  head(head: Head): BodyRule;
  body(bytes: Buffer): void;
  complete(trailers: string[]): void;
}

export interface ParserOptions {
  readonly kind: 'request' | 'response';
  /** Characters of a head, and of all trailers. */
  readonly maxHeaderSize: number;
  readonly lenient: boolean;
}

/** Shaped as Node's: `code` HPE_*, `reason`, `bytesParsed` within the chunk. */
export interface ParseError extends Error {
  code: string;
  reason: string;
  bytesParsed: number;
  rawPacket?: unknown;
}

type State = 'head' | 'fixed' | 'to-end' | 'size' | 'chunk' | 'chunk-end' | 'trailers' | 'closed';

const EXTENSIONS_MAX = 16_384;
const CHUNK_SIZE = /^([0-9a-fA-F]+)(;.*)?$/s;
const CHUNK_SIZE_DIGITS_MAX = 13;

function parseError(bad: Failure, at: number): ParseError {
  const error = new Error(`Parse Error: ${bad.reason}`) as ParseError;
  error.bytesParsed = at;
  error.code = bad.code;
  error.reason = bad.reason;
  return error;
}

/** What one that has failed says of everything that comes later. */
export function sameFailure({ message, code, reason }: ParseError): ParseError {
  return Object.assign(new Error(message), { bytesParsed: 0, code, reason });
}

export class HttpParser {
  /** The message whose body is arriving, for those who look at `socket.parser`. */
  incoming: unknown = null;
  readonly #sink: ParserSink;
  readonly #options: ParserOptions;
  #state: State = 'head';
  /** Text of a head, size line or trailers whose end has not come. */
  #held = '';
  #left = 0;
  #extensions = 0;
  #keepAlive = true;
  #upgraded = false;
  #stopped = false;

  constructor(sink: ParserSink, options: ParserOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** The rest of the bytes is not HTTP; `execute` has said where it begins. */
  get upgraded(): boolean {
    return this.#upgraded;
  }

  /** Nothing of a message has been seen since the last one ended. */
  get isIdle(): boolean {
    return (this.#state === 'head' && this.#held === '') || this.#state === 'closed';
  }

  /** Called by the sink: what is left of the chunk is not looked at. */
  stop(): void {
    this.#stopped = true;
  }

  /** How many bytes were used: all, unless the connection was upgraded or the parser stopped. */
  execute(chunk: Buffer): number | ParseError {
    let at = 0;
    const { length } = chunk;
    while (at < length && !this.#upgraded && !this.#stopped) {
      const next = this.#step(chunk, at);
      if (typeof next !== 'number') return next;
      at = next;
    }
    return at;
  }

  /** The connection has ended: an error when that is in the middle of a message. */
  finish(): ParseError | undefined {
    if (this.#stopped || this.#upgraded) return undefined;
    if (this.#state === 'to-end') {
      this.#complete([]);
      return undefined;
    }
    if (this.isIdle) return undefined;
    const error = parseError(failure('HPE_INVALID_EOF_STATE', 'Invalid EOF state', 0), 0);
    error.message = 'Parse Error';
    return error;
  }

  #step(chunk: Buffer, at: number): number | ParseError {
    switch (this.#state) {
      case 'head':
        return this.#head(chunk, at);
      case 'fixed':
      case 'chunk':
        return this.#fixed(chunk, at);
      case 'to-end':
        this.#sink.body(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case 'size':
        return this.#size(chunk, at);
      case 'chunk-end':
        return this.#chunkEnd(chunk, at);
      case 'trailers':
        return this.#trailers(chunk, at);
      case 'closed':
        return this.#afterClose(chunk, at);
    }
  }

  #afterClose(chunk: Buffer, at: number): number | ParseError {
    const byte = chunk[at];
    if (byte === 13 || byte === 10) return at + 1;
    const bad = failure('HPE_CLOSED_CONNECTION', 'Data after `Connection: close`', 0);
    return parseError(bad, at + 1);
  }

  /** Held text and the next bytes of the chunk, at most one more than may be held. */
  #text(chunk: Buffer, at: number): string {
    const room = this.#options.maxHeaderSize + 256;
    const count = Math.min(chunk.length - at, room);
    const from = chunk.byteOffset + at;
    const text = traps.decode(chunk.buffer, from, count, ENCODING.latin1);
    return this.#held === '' ? text : this.#held + text;
  }

  #head(chunk: Buffer, from: number): number | ParseError {
    let at = from;
    if (this.#held === '') {
      // Empty lines before a message are skipped.
      while (chunk[at] === 13 || chunk[at] === 10) at += 1;
      if (at === chunk.length) return at;
    }
    const { lenient, kind } = this.#options;
    const held = this.#held.length;
    const text = this.#text(chunk, at);
    const [end, size] = endOfHead(text, lenient);
    if (end < 0) {
      const used = at + text.length - held;
      const bad = partialFailure(text, kind, lenient);
      if (bad) return parseError(bad, at + bad.at - held);
      if (text.length >= this.#options.maxHeaderSize) return overflow(used);
      this.#held = text;
      return used;
    }
    this.#held = '';
    const lineEnd = lenient ? text.search(/\r?\n/) : text.indexOf('\r\n');
    const first = text.slice(0, lineEnd);
    const line = kind === 'request' ? parseRequestLine(first) : parseStatusLine(first);
    if (isFailure(line)) return parseError(line, at + line.at - held);
    const fieldsAt = lineEnd + (text[lineEnd] === '\r' ? 2 : 1);
    let block = text.slice(fieldsAt, Math.max(fieldsAt, end));
    if (lenient) block = block.replace(/\r?\n/g, '\r\n');
    const fields = parseFieldsAgain(block, fieldsAt, lenient);
    if (isFailure(fields)) return parseError(fields, at + fields.at - held);
    const used = at + end + size - held;
    if (
      end > this.#options.maxHeaderSize &&
      isTooLarge(line, fields, this.#options.maxHeaderSize)
    ) {
      return overflow(used);
    }
    return this.#begin(line, fields, used);
  }

  /** The head is read: tells the sink and finds out what follows. */
  #begin(line: StartLine, fields: Fields, used: number): number | ParseError {
    const isRequest = this.#options.kind === 'request';
    const upgrade = isRequest
      ? line.method === 'CONNECT' || fields.upgrade
      : line.status === 101 && fields.upgrade;
    const hasEnd =
      isRequest || fields.chunked || fields.length >= 0 || !mayHaveBody(line.status) || upgrade;
    const isNew = line.major > 1 || (line.major === 1 && line.minor > 0);
    this.#keepAlive = (isNew ? !fields.close : fields.keepAlive && !fields.close) && hasEnd;
    const rule = this.#sink.head({ line, fields, upgrade, keepAlive: this.#keepAlive });
    if (this.#stopped) return used;
    if (rule === 'upgrade') {
      this.#upgraded = true;
      this.#complete([]);
      return used;
    }
    const isWithout = rule === 'none' || (!isRequest && !mayHaveBody(line.status));
    if (isWithout) {
      if (!hasEnd && !isRequest) this.#keepAlive = isNew && !fields.close;
      this.#complete([]);
    } else if (fields.chunked) this.#state = 'size';
    else if (fields.otherCoding && isRequest && !this.#options.lenient) {
      const reason = 'Request has invalid `Transfer-Encoding`';
      return parseError(failure('HPE_INVALID_TRANSFER_ENCODING', reason, 0), used - 1);
    } else if (fields.otherCoding) this.#state = 'to-end';
    else if (fields.length > 0) {
      this.#left = fields.length;
      this.#state = 'fixed';
    } else if (fields.length === 0 || isRequest) this.#complete([]);
    else this.#state = 'to-end';
    return used;
  }

  #complete(trailers: string[]): void {
    this.#state = this.#keepAlive || this.#options.lenient ? 'head' : 'closed';
    this.#extensions = 0;
    this.#sink.complete(trailers);
  }

  #fixed(chunk: Buffer, at: number): number {
    const count = Math.min(this.#left, chunk.length - at);
    this.#left -= count;
    const isAll = at === 0 && count === chunk.length;
    this.#sink.body(isAll ? chunk : chunk.subarray(at, at + count));
    if (this.#left === 0) {
      if (this.#state === 'chunk') this.#state = 'chunk-end';
      else this.#complete([]);
    }
    return at + count;
  }

  #size(chunk: Buffer, at: number): number | ParseError {
    const stop = chunk.indexOf(10, at);
    const end = stop < 0 ? chunk.length : stop + 1;
    const line =
      this.#held + traps.decode(chunk.buffer, chunk.byteOffset + at, end - at, ENCODING.latin1);
    const bad = chunkSizeFailure(line, this.#options.lenient);
    if (bad) return parseError(bad, at + bad.at - this.#held.length);
    if (this.#extensions + line.length > EXTENSIONS_MAX) {
      const reason = 'Chunk extensions overflow';
      return parseError(failure('HPE_CHUNK_EXTENSIONS_OVERFLOW', reason, 0), end);
    }
    if (stop < 0) {
      this.#held = line;
      return end;
    }
    this.#held = '';
    const digits = /^[0-9a-fA-F]+/.exec(line)?.[0] ?? '';
    this.#extensions += line.trimEnd().length - digits.length;
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
    return end;
  }

  /** The CRLF after the bytes of a chunk. */
  #chunkEnd(chunk: Buffer, at: number): number | ParseError {
    const byte = chunk[at];
    if (this.#held === '' && byte === 13) {
      this.#held = '\r';
      return at + 1;
    }
    if (byte === 10 && (this.#held !== '' || this.#options.lenient)) {
      this.#held = '';
      this.#state = 'size';
      return at + 1;
    }
    if (byte === 10) {
      const reason = 'Missing expected CR after chunk data';
      return parseError(failure('HPE_CR_EXPECTED', reason, 0), at + 1);
    }
    return parseError(failure('HPE_STRICT', 'Expected LF after chunk data', 0), at);
  }

  #trailers(chunk: Buffer, at: number): number | ParseError {
    const held = this.#held.length;
    const text = this.#text(chunk, at);
    const { lenient } = this.#options;
    const isEmpty = text.startsWith('\r\n');
    const found = isEmpty ? 0 : text.indexOf('\r\n\r\n');
    if (found < 0) {
      const bad = text === '\r' ? undefined : fieldsFailure(text, 0, lenient);
      if (bad) return parseError(bad, at + bad.at - held);
      if (text.length >= this.#options.maxHeaderSize) return overflow(chunk.length);
      this.#held = text;
      return chunk.length;
    }
    const fields = parseFields(isEmpty ? '' : text.slice(0, found + 2), 0, lenient);
    this.#held = '';
    if (isFailure(fields)) return parseError(fields, at + fields.at - held);
    if (fields.chunked || fields.otherCoding) {
      // The body is framed already: a coding here can only be meant for another parser.
      const reason = 'Invalid `Transfer-Encoding` header value';
      return parseError(failure('HPE_INVALID_TRANSFER_ENCODING', reason, 0), at);
    }
    this.#complete(fields.raw);
    return at + found + (isEmpty ? 2 : 4) - held;
  }
}

function overflow(at: number): ParseError {
  return parseError(failure('HPE_HEADER_OVERFLOW', 'Header overflow', 0), at);
}

/** Where the last field line of a head ends, and how long the empty line after it is; -1 without. */
function endOfHead(text: string, lenient: boolean): readonly [end: number, size: number] {
  if (lenient) {
    const match = /\r?\n(\r?\n)/.exec(text);
    if (!match) return [-1, 0];
    const size = match[1]?.length ?? 0;
    return [match.index + match[0].length - size, size];
  }
  const at = text.indexOf('\r\n\r\n');
  return at < 0 ? [-1, 0] : [at + 2, 2];
}

/** Node's measure: target, names and values, without what is between them. */
function isTooLarge(line: StartLine, fields: Fields, max: number): boolean {
  let size = line.url.length + line.reason.length;
  for (const text of fields.raw) size += text.length;
  return size >= max;
}

function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

/** A line with its LF, or the beginning of one. */
function chunkSizeFailure(line: string, lenient: boolean): Failure | undefined {
  const digits = /^[0-9a-fA-F]*/.exec(line)?.[0] ?? '';
  const invalid = (at: number): Failure =>
    failure('HPE_INVALID_CHUNK_SIZE', 'Invalid character in chunk size', at);
  if (digits === '') return invalid(0);
  const significant = digits.replace(/^0+/, '').length;
  if (significant > CHUNK_SIZE_DIGITS_MAX) {
    return failure('HPE_INVALID_CHUNK_SIZE', 'Chunk size overflow', digits.length);
  }
  const rest = lenient ? line.slice(digits.length).replace(/^ +/, '') : line.slice(digits.length);
  const at = line.length - rest.length;
  if (rest === '' || rest === '\r' || rest === '\r\n') return undefined;
  if (rest === '\n') {
    if (lenient) return undefined;
    return failure('HPE_CR_EXPECTED', 'Missing expected CR after chunk size', at + 1);
  }
  if (rest.startsWith('\r')) return failure('HPE_STRICT', 'Expected LF after chunk size', at + 1);
  if (!rest.startsWith(';')) return invalid(at);
  if (rest.endsWith('\n') && !rest.endsWith('\r\n') && !lenient) {
    const reason = 'Missing expected CR after chunk extension name';
    return failure('HPE_CR_EXPECTED', reason, line.length);
  }
  const inside = rest.replace(/\r\n$|[\r\n]$/, '');
  const isGood = /^(?:;[!-~]*(?:"[\t\x20-\x7e\x80-\xff]*"?)?)*$/.test(inside);
  if (isGood && (inside !== ';' || !rest.endsWith('\n')) && CHUNK_SIZE.test(digits + inside)) {
    return undefined;
  }
  return failure('HPE_STRICT', 'Invalid character in chunk extensions', at + 1);
}
