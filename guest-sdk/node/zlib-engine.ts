/**
 * The codecs below the streams of `node:zlib`: pako, a port of zlib to JavaScript, called as zlib is.
 * A guest compresses in itself, so what it writes depends on the bytes and the options alone, on
 * whatever host. The package is evaluated when the first codec is made.
 */

import { codes, FLUSH, MODE, type Mode } from './zlib-constants.ts';

/** What a step went wrong with, as the fields of Node's error. */
export interface Problem {
  readonly message: string;
  readonly errno: number;
  readonly code: string;
}

/** Where a step reads and writes; it moves the four numbers. */
export interface Span {
  input: Uint8Array;
  inputAt: number;
  inputLeft: number;
  output: Uint8Array;
  outputAt: number;
  outputLeft: number;
}

export interface Codec {
  /** Reads and writes as much as there is and fits. */
  step(span: Span, flush: number): Problem | undefined;
  reset(): Problem | undefined;
  params(level: number, strategy: number): Problem | undefined;
}

export interface CodecOptions {
  readonly windowBits: number;
  readonly level: number;
  readonly memLevel: number;
  readonly strategy: number;
  readonly dictionary: Uint8Array | undefined;
}

/** How hard a deflater looks for matches; zlib has a table of it by level. */
interface DeflateState {
  level: number;
  strategy: number;
  max_lazy_match: number;
  good_match: number;
  nice_match: number;
  max_chain_length: number;
  /** Of a stored block: what the tables below do not know of. */
  matches: number;
  readonly head: Uint16Array;
}

interface ZStream {
  state: DeflateState;
  input: Uint8Array | null;
  next_in: number;
  avail_in: number;
  output: Uint8Array | null;
  next_out: number;
  avail_out: number;
  msg: string;
}

type Call<T extends unknown[]> = (stream: ZStream, ...args: T) => number;

interface Deflate {
  deflateInit2: Call<[level: number, method: number, bits: number, mem: number, strategy: number]>;
  deflate: Call<[flush: number]>;
  deflateReset: Call<[]>;
  deflateSetDictionary: Call<[dictionary: Uint8Array]>;
}

interface Inflate {
  inflateInit2: Call<[bits: number]>;
  inflate: Call<[flush: number]>;
  inflateReset: Call<[]>;
  inflateSetDictionary: Call<[dictionary: Uint8Array]>;
}

/** The bundler's, which compiles and evaluates a package where it is called. */
declare function require(name: 'pako/lib/zlib/zstream.js'): new () => ZStream;
declare function require(name: 'pako/lib/zlib/deflate.js'): Deflate;
declare function require(name: 'pako/lib/zlib/inflate.js'): Inflate;
declare function require(
  name: 'pako/lib/zlib/crc32.js',
): (crc: number, bytes: Uint8Array, length: number, at: number) => number;

const TUNED = [
  'level',
  'strategy',
  'max_lazy_match',
  'good_match',
  'nice_match',
  'max_chain_length',
] as const;
const Z_OK = 0;
const Z_STREAM_END = 1;
const Z_NEED_DICT = 2;
const Z_DATA_ERROR = -3;
const Z_BUF_ERROR = -5;
const Z_DEFLATED = 8;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

const problem = (message: string, errno: number): Problem => ({
  message,
  errno,
  code: String(codes[errno]),
});

export function crc32Of(bytes: Uint8Array, before: number): number {
  return require('pako/lib/zlib/crc32.js')(before, bytes, bytes.length, 0) >>> 0;
}

function newStream(): ZStream {
  const ZStreamClass = require('pako/lib/zlib/zstream.js');
  return new ZStreamClass();
}

/** What is wrong after a step that gave `result`, with room left in the output or not. */
function verdict(
  stream: ZStream,
  result: number,
  flush: number,
  hasDictionary: boolean,
): Problem | undefined {
  const because = (text: string): Problem => problem(stream.msg || text, result);
  switch (result) {
    case Z_STREAM_END:
      return undefined;
    case Z_OK:
    case Z_BUF_ERROR:
      if (stream.avail_out === 0 || flush !== FLUSH.finish) return undefined;
      return problem('unexpected end of file', Z_BUF_ERROR);
    case Z_NEED_DICT:
      return because(hasDictionary ? 'Bad dictionary' : 'Missing dictionary');
    default:
      return because('Zlib error');
  }
}

function load(stream: ZStream, span: Span): void {
  stream.input = span.input;
  stream.next_in = span.inputAt;
  stream.avail_in = span.inputLeft;
  stream.output = span.output;
  stream.next_out = span.outputAt;
  stream.avail_out = span.outputLeft;
  stream.msg = '';
}

function store(stream: ZStream, span: Span): void {
  span.inputAt = stream.next_in;
  span.inputLeft = stream.avail_in;
  span.outputAt = stream.next_out;
  span.outputLeft = stream.avail_out;
  // The bytes are the caller's, and must not live as long as the codec.
  stream.input = null;
  stream.output = null;
}

class Deflater implements Codec {
  readonly #zlib = require('pako/lib/zlib/deflate.js');
  readonly #stream = newStream();
  readonly #options: CodecOptions;
  /** Of a dictionary that was refused; the first step says so. */
  #failed: Problem | undefined;

  constructor(mode: Mode, options: CodecOptions) {
    this.#options = options;
    const { level, memLevel, strategy } = options;
    let bits = options.windowBits;
    if (mode === MODE.gzip) bits += 16;
    if (mode === MODE.deflateRaw) bits = -bits;
    this.#zlib.deflateInit2(this.#stream, level, Z_DEFLATED, bits, memLevel, strategy);
    this.#failed = this.#setDictionary();
  }

  #setDictionary(): Problem | undefined {
    const { dictionary } = this.#options;
    if (dictionary === undefined) return undefined;
    const result = this.#zlib.deflateSetDictionary(this.#stream, dictionary);
    return result === Z_OK ? undefined : problem('Failed to set dictionary', result);
  }

  step(span: Span, flush: number): Problem | undefined {
    if (this.#failed) return this.#failed;
    load(this.#stream, span);
    const result = this.#zlib.deflate(this.#stream, flush);
    store(this.#stream, span);
    return verdict(this.#stream, result, flush, this.#options.dictionary !== undefined);
  }

  reset(): Problem | undefined {
    const result = this.#zlib.deflateReset(this.#stream);
    if (result !== Z_OK) return problem('Failed to reset stream', result);
    return this.#setDictionary();
  }

  /** As deflateParams of zlib, which the port has not; all input before it must be flushed. */
  params(level: number, strategy: number): undefined {
    const tuned = newStream();
    this.#zlib.deflateInit2(tuned, level, Z_DEFLATED, 9, 1, strategy);
    const { state } = this.#stream;
    if (state.level === 0 && state.matches !== 0) {
      state.head.fill(0);
      state.matches = 0;
    }
    for (const field of TUNED) state[field] = tuned.state[field];
  }
}

class Inflater implements Codec {
  readonly #zlib = require('pako/lib/zlib/inflate.js');
  readonly #stream = newStream();
  readonly #dictionary: Uint8Array | undefined;
  readonly #isRaw: boolean;
  /** Of `unzip`, until the first two bytes have said which it is. */
  #magicSeen = 0;
  #mode: Mode;
  #failed: Problem | undefined;

  constructor(mode: Mode, { windowBits, dictionary }: CodecOptions) {
    this.#mode = mode;
    this.#dictionary = dictionary;
    this.#isRaw = mode === MODE.inflateRaw;
    let bits = windowBits;
    if (mode === MODE.gunzip) bits += 16;
    if (mode === MODE.unzip) bits += 32;
    if (mode === MODE.inflateRaw) bits = -bits;
    this.#zlib.inflateInit2(this.#stream, bits);
    this.#failed = this.#setRawDictionary();
  }

  /** A raw stream cannot ask for its dictionary: it is set before it begins. */
  #setRawDictionary(): Problem | undefined {
    if (!this.#isRaw || this.#dictionary === undefined) return undefined;
    const result = this.#zlib.inflateSetDictionary(this.#stream, this.#dictionary);
    return result === Z_OK ? undefined : problem('Failed to set dictionary', result);
  }

  /** Only gzip has members that follow each other. Bytes may come one by one. */
  #decide({ input, inputAt, inputLeft }: Span): void {
    if (this.#mode !== MODE.unzip || inputLeft === 0) return;
    let at = inputAt;
    if (this.#magicSeen === 0) {
      if (input[at] !== GZIP_MAGIC[0]) {
        this.#mode = MODE.inflate;
        return;
      }
      this.#magicSeen = 1;
      at++;
      if (inputLeft === 1) return;
    }
    this.#mode = input[at] === GZIP_MAGIC[1] ? MODE.gunzip : MODE.inflate;
  }

  #inflate(flush: number): number {
    const stream = this.#stream;
    const result = this.#zlib.inflate(stream, flush);
    if (result !== Z_NEED_DICT || this.#isRaw || this.#dictionary === undefined) return result;
    const set = this.#zlib.inflateSetDictionary(stream, this.#dictionary);
    if (set === Z_OK) return this.#zlib.inflate(stream, flush);
    return set === Z_DATA_ERROR ? Z_NEED_DICT : set;
  }

  step(span: Span, flush: number): Problem | undefined {
    if (this.#failed) return this.#failed;
    this.#decide(span);
    const stream = this.#stream;
    load(stream, span);
    let result = this.#inflate(flush);
    // Bytes behind the end may be a further member; a zero is padding.
    while (
      this.#mode === MODE.gunzip &&
      result === Z_STREAM_END &&
      stream.avail_in > 0 &&
      span.input[stream.next_in] !== 0
    ) {
      this.reset();
      result = this.#inflate(flush);
    }
    store(stream, span);
    return verdict(stream, result, flush, this.#dictionary !== undefined);
  }

  reset(): Problem | undefined {
    const result = this.#zlib.inflateReset(this.#stream);
    if (result !== Z_OK) return problem('Failed to reset stream', result);
    return this.#setRawDictionary();
  }

  params(): undefined {
    return undefined;
  }
}

export function newSpan(input: Uint8Array, output: Uint8Array): Span {
  return {
    input,
    inputAt: 0,
    inputLeft: input.length,
    output,
    outputAt: 0,
    outputLeft: output.length,
  };
}

export function makeCodec(mode: Mode, options: CodecOptions): Codec {
  const isDeflate = mode === MODE.deflate || mode === MODE.gzip || mode === MODE.deflateRaw;
  return isDeflate ? new Deflater(mode, options) : new Inflater(mode, options);
}
