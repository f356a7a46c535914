/**
 * Brotli below the streams of `node:zlib`. Decoding is the brotli package, which wants the whole of
 * its input: a stream gives its first byte when the last one has come. The package is evaluated, and
 * its dictionary unpacked, when the first stream is decoded. Encoding is brotli-encoder.ts.
 */

import { BrotliStream } from './brotli-encoder.ts';
import { BROTLI_OPERATION } from './zlib-constants.ts';
import type { Codec, Problem, Span } from './zlib-engine.ts';

interface BrotliSource {
  /** At most `count` bytes into `target` at `at`; how many there were. */
  read(target: Uint8Array, at: number, count: number): number;
}

interface BrotliSink {
  /** The package makes it larger when it is too small for what it is about to write. */
  readonly buffer: { readonly length: number };
  write(bytes: Uint8Array, count: number): number;
}

/** The bundler's, which compiles and evaluates a package where it is called. */
declare function require(name: 'brotli/dec/decode.js'): {
  BrotliDecompress(source: BrotliSource, sink: BrotliSink): void;
};

const UNEXPECTED_END: Problem = {
  message: 'unexpected end of file',
  errno: -5,
  code: 'Z_BUF_ERROR',
};

/** The package's words, and the name and number the same finding has in Brotli's own decoder. */
const FINDINGS: readonly (readonly [RegExp, string, number])[] = [
  [/size nibble/, 'FORMAT_EXUBERANT_NIBBLE', -1],
  [/reserved bit/, 'FORMAT_RESERVED', -2],
  [/size byte/, 'FORMAT_EXUBERANT_META_NIBBLE', -3],
  [/invalid symbols/, 'FORMAT_SIMPLE_HUFFMAN_SAME', -5],
  [/num_codes or space|\[ReadHuffmanCodeLengths\] symbol/, 'FORMAT_CL_SPACE', -6],
  [/space =|BuildHuffmanTable/, 'FORMAT_HUFFMAN_SPACE', -7],
  [/DecodeContextMap/, 'FORMAT_CONTEXT_MAP_REPEAT', -8],
  [/backward reference/, 'FORMAT_DICTIONARY', -12],
  [/invalid distance/, 'FORMAT_DISTANCE', -16],
];

function problemOf(error: unknown): Problem {
  const { message } = error as Error;
  if (/end of input|not enough bytes/.test(message)) return UNEXPECTED_END;
  const found = FINDINGS.find(([pattern]) => pattern.test(message));
  const [, name, errno] = found ?? [undefined, 'UNREACHABLE', -31];
  return { message: 'Decompression failed', errno, code: `ERR__ERROR_${name}` };
}

export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The decoder asks beyond the end once, for padding; further bytes are missing ones. */
function sourceOf(bytes: Uint8Array): BrotliSource {
  let at = 0;
  return {
    read(target, place, count): number {
      const part = bytes.subarray(at, at + count);
      target.set(part, place);
      at += part.length;
      return part.length;
    },
  };
}

function decode(bytes: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  const write = (chunk: Uint8Array, count: number): number => {
    chunks.push(chunk.slice(0, count));
    return count;
  };
  require('brotli/dec/decode.js').BrotliDecompress(sourceOf(bytes), {
    buffer: { length: Number.POSITIVE_INFINITY },
    write,
  });
  return joinBytes(chunks);
}

/** Takes all input; what becomes of it is given out as there is room. */
export abstract class Gathering implements Codec {
  #given: Uint8Array[] = [];
  #givenBytes = 0;
  #made: Uint8Array = new Uint8Array(0);

  /** As many bytes are turned without a flush, too. */
  abstract readonly batchBytes: number;

  /** Bytes for the output of all that was given since the last call. */
  abstract turn(given: Uint8Array, operation: number): Uint8Array;

  protected problemOf(error: unknown): Problem {
    return problemOf(error);
  }

  step(span: Span, operation: number): Problem | undefined {
    if (span.inputLeft > 0) {
      this.#given.push(span.input.slice(span.inputAt, span.inputAt + span.inputLeft));
      this.#givenBytes += span.inputLeft;
      span.inputAt += span.inputLeft;
      span.inputLeft = 0;
    }
    const isDue = operation !== BROTLI_OPERATION.process || this.#givenBytes >= this.batchBytes;
    if (this.#made.length === 0 && isDue) {
      try {
        this.#made = this.turn(joinBytes(this.#given), operation);
      } catch (error) {
        return this.problemOf(error);
      }
    }
    const part = this.#made.subarray(0, span.outputLeft);
    span.output.set(part, span.outputAt);
    span.outputAt += part.length;
    span.outputLeft -= part.length;
    this.#made = this.#made.subarray(part.length);
    return undefined;
  }

  /** What `turn` has used is not given to it again. */
  protected forget(): void {
    this.#given = [];
    this.#givenBytes = 0;
  }

  reset(): undefined {
    this.forget();
    this.#made = new Uint8Array(0);
  }

  params(): undefined {
    return undefined;
  }
}

export class BrotliDecoder extends Gathering {
  readonly batchBytes: number = Number.POSITIVE_INFINITY;
  #isDone = false;

  turn(given: Uint8Array, operation: number): Uint8Array {
    if (operation !== BROTLI_OPERATION.finish || this.#isDone) return new Uint8Array(0);
    if (given.length === 0) throw new Error('end of input');
    this.#isDone = true;
    this.forget();
    return decode(given);
  }

  override reset(): undefined {
    this.#isDone = false;
    return super.reset();
  }
}

const ENCODER_BATCH_BYTES = 131_072;

export class BrotliEncoder extends Gathering {
  readonly batchBytes: number = ENCODER_BATCH_BYTES;
  #stream = new BrotliStream();
  /** The last flush, whose bytes may be asked for in pieces, has nothing to be added to it. */
  #flushed = 0;

  turn(given: Uint8Array, operation: number): Uint8Array {
    if (given.length === 0 && this.#flushed >= operation) return new Uint8Array(0);
    this.#flushed = operation;
    this.forget();
    if (operation === BROTLI_OPERATION.finish) return this.#stream.encode(given, 'for good');
    const isFlush = operation === BROTLI_OPERATION.flush;
    return this.#stream.encode(given, isFlush ? 'at a byte' : 'nowhere');
  }

  override reset(): undefined {
    this.#stream = new BrotliStream();
    this.#flushed = 0;
    return super.reset();
  }
}
