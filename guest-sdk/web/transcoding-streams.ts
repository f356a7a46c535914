/** Pairs of streams that encode, decode, compress and decompress what goes through. */

import { invalidArgValue, invalidThis } from '../node/node-errors.ts';
import { exported as zlib } from '../node/zlib.ts';
import { exposeInterface } from './interface.ts';
import { duplexToWeb } from './stream-adapters.ts';
import {
  defineInspection,
  type ReadController,
  type StreamPair,
  type WebReadable,
  type WebWritable,
  webStreams,
} from './streams.ts';
import { TextDecoder, type TextDecoderOptions, TextEncoder } from './text-encoding.ts';

export class TextEncoderStream {
  readonly #pair: StreamPair;
  /** The first half of a character whose second half is in the next chunk. */
  #high = '';

  constructor() {
    const encoder = new TextEncoder();
    const send = (text: string, controller: ReadController): void => {
      if (text !== '') controller.enqueue(encoder.encode(text));
    };
    this.#pair = new (webStreams().TransformStream)({
      transform: (chunk: unknown, controller: ReadController): void => {
        const text = this.#high + String(chunk);
        this.#high = /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
        send(this.#high === '' ? text : text.slice(0, -1), controller);
      },
      flush: (controller: ReadController): void => send(this.#high && '\ufffd', controller),
    });
  }

  get encoding(): string {
    if (!(#pair in this)) throw invalidThis('TextEncoderStream');
    return 'utf-8';
  }

  get readable(): WebReadable {
    if (!(#pair in this)) throw invalidThis('TextEncoderStream');
    return this.#pair.readable;
  }

  get writable(): WebWritable {
    if (!(#pair in this)) throw invalidThis('TextEncoderStream');
    return this.#pair.writable;
  }
}

export class TextDecoderStream {
  readonly #pair: StreamPair;
  readonly #decoder: TextDecoder;

  constructor(encoding = 'utf-8', options: TextDecoderOptions = {}) {
    const decoder = new TextDecoder(encoding, options);
    this.#decoder = decoder;
    const send = (text: string, controller: ReadController): void => {
      if (text !== '') controller.enqueue(text);
    };
    this.#pair = new (webStreams().TransformStream)({
      transform: (chunk: unknown, controller: ReadController): void =>
        send(decoder.decode(chunk, { stream: true }), controller),
      flush: (controller: ReadController): void => send(decoder.decode(), controller),
    });
  }

  get encoding(): string {
    if (!(#pair in this)) throw invalidThis('TextDecoderStream');
    return this.#decoder.encoding;
  }

  get fatal(): boolean {
    if (!(#pair in this)) throw invalidThis('TextDecoderStream');
    return this.#decoder.fatal;
  }

  get ignoreBOM(): boolean {
    if (!(#pair in this)) throw invalidThis('TextDecoderStream');
    return this.#decoder.ignoreBOM;
  }

  get readable(): WebReadable {
    if (!(#pair in this)) throw invalidThis('TextDecoderStream');
    return this.#pair.readable;
  }

  get writable(): WebWritable {
    if (!(#pair in this)) throw invalidThis('TextDecoderStream');
    return this.#pair.writable;
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  deflate: 'Deflate Inflate',
  'deflate-raw': 'DeflateRaw InflateRaw',
  gzip: 'Gzip Gunzip',
};

function pairFor(format: unknown, direction: 0 | 1): StreamPair {
  const names = typeof format === 'string' ? FORMATS[format] : undefined;
  if (names === undefined) throw invalidArgValue('format', format);
  const make = zlib[`create${names.split(' ')[direction]}`] as () => Parameters<
    typeof duplexToWeb
  >[0];
  return duplexToWeb(make());
}

export class CompressionStream {
  readonly #pair: StreamPair;

  constructor(format: unknown) {
    this.#pair = pairFor(format, 0);
  }

  get readable(): WebReadable {
    if (!(#pair in this)) throw invalidThis('CompressionStream');
    return this.#pair.readable;
  }

  get writable(): WebWritable {
    if (!(#pair in this)) throw invalidThis('CompressionStream');
    return this.#pair.writable;
  }
}

export class DecompressionStream {
  readonly #pair: StreamPair;

  constructor(format: unknown) {
    this.#pair = pairFor(format, 1);
  }

  get readable(): WebReadable {
    if (!(#pair in this)) throw invalidThis('DecompressionStream');
    return this.#pair.readable;
  }

  get writable(): WebWritable {
    if (!(#pair in this)) throw invalidThis('DecompressionStream');
    return this.#pair.writable;
  }
}

exposeInterface(TextEncoderStream, 'TextEncoderStream');
exposeInterface(TextDecoderStream, 'TextDecoderStream');
exposeInterface(CompressionStream, 'CompressionStream');
exposeInterface(DecompressionStream, 'DecompressionStream');
defineInspection<TextEncoderStream>(
  TextEncoderStream.prototype,
  'TextEncoderStream',
  ({ encoding, readable, writable }) => ({ encoding, readable, writable }),
);
defineInspection<TextDecoderStream>(
  TextDecoderStream.prototype,
  'TextDecoderStream',
  ({ encoding, fatal, ignoreBOM, readable, writable }) => ({
    encoding,
    fatal,
    ignoreBOM,
    readable,
    writable,
  }),
);
for (const [Class, name] of [
  [CompressionStream, 'CompressionStream'],
  [DecompressionStream, 'DecompressionStream'],
] as const) {
  defineInspection<StreamPair>(Class.prototype, name, ({ readable, writable }) => ({
    readable,
    writable,
  }));
}

export const transcodingStreams = {
  TextEncoderStream,
  TextDecoderStream,
  CompressionStream,
  DecompressionStream,
};
