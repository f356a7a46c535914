/** Zstandard below the streams of `node:zlib`. A stream is decoded when its last byte has come. */

import type * as zstd from '../late/zstd.ts';
import { Gathering, joinBytes } from './zlib-brotli.ts';
import { BROTLI_OPERATION } from './zlib-constants.ts';
import type { Problem } from './zlib-engine.ts';

/** The bundler's, which compiles and evaluates the file where it is called. */
declare function require(name: '../late/zstd.ts'): typeof zstd;

/** The names and numbers of libzstd's findings. */
const FINDINGS: Readonly<Record<string, readonly [message: string, name: string, errno: number]>> =
  {
    magic: ['Unknown frame descriptor', 'prefix_unknown', 10],
    window: ['Frame requires too much memory for decoding', 'frameParameter_windowTooLarge', 16],
    reserved: ['Unsupported frame parameter', 'frameParameter_unsupported', 14],
    checksum: ["Restored data doesn't match checksum", 'checksum_wrong', 22],
    dictionary: ['Dictionary mismatch', 'dictionary_wrong', 32],
  };
const CORRUPT = ['Data corruption detected', 'corruption_detected', 20] as const;

function problemOf(error: unknown): Problem {
  const { ZstdEnd, ZstdError } = require('../late/zstd.ts');
  if (error instanceof ZstdEnd)
    return { message: 'unexpected end of file', errno: -5, code: 'Z_BUF_ERROR' };
  if (!(error instanceof ZstdError)) throw error;
  const [message, name, errno] = FINDINGS[error.message] ?? CORRUPT;
  return { message, errno, code: `ZSTD_error_${name}` };
}

export class ZstdDecoder extends Gathering {
  readonly batchBytes: number = Number.POSITIVE_INFINITY;
  #isDone = false;

  protected override problemOf(error: unknown): Problem {
    return problemOf(error);
  }

  turn(given: Uint8Array, operation: number): Uint8Array {
    if (operation !== BROTLI_OPERATION.finish || this.#isDone) return new Uint8Array(0);
    this.#isDone = true;
    this.forget();
    return joinBytes(require('../late/zstd.ts').decodeZstd(given));
  }

  override reset(): undefined {
    this.#isDone = false;
    return super.reset();
  }
}

const ENCODER_BATCH_BYTES = 131_072;

export class ZstdEncoder extends Gathering {
  readonly batchBytes: number = ENCODER_BATCH_BYTES;
  #stream: zstd.ZstdStream | undefined;
  /** The last flush, whose bytes may be asked for in pieces, has nothing to be added to it. */
  #flushed = 0;

  protected override problemOf(error: unknown): Problem {
    return problemOf(error);
  }

  turn(given: Uint8Array, operation: number): Uint8Array {
    if (given.length === 0 && this.#flushed >= operation) return new Uint8Array(0);
    this.#flushed = operation;
    this.forget();
    this.#stream ??= new (require('../late/zstd.ts').ZstdStream)();
    return joinBytes(this.#stream.encode(given, operation === BROTLI_OPERATION.finish));
  }

  override reset(): undefined {
    this.#stream = undefined;
    this.#flushed = 0;
    return super.reset();
  }
}
