/**
 * `node:string_decoder`: text out of chunks that split characters. Same cuts as Node's, also for
 * invalid input, so that programs see the same chunks.
 */

import { ENCODING } from '../../log-format/abi.ts';
import { Buffer } from './buffer.ts';
import { decodeBytes, type EncodingId, encodingId } from './buffer-encodings.ts';
import { invalidArgType, invalidThis, unknownEncoding } from './node-errors.ts';

/** Name of an encoding as `decoder.encoding` shows it. */
const canonicalNames: Readonly<Record<EncodingId, string>> = {
  [ENCODING.utf8]: 'utf8',
  [ENCODING.latin1]: 'latin1',
  [ENCODING.ascii]: 'ascii',
  [ENCODING.base64]: 'base64',
  [ENCODING.base64url]: 'base64url',
  [ENCODING.hex]: 'hex',
  [ENCODING.utf16le]: 'utf16le',
};

interface State {
  readonly id: EncodingId;
  /** The unfinished character: at most four bytes (three of base64), `held` of them known. */
  readonly tail: Buffer;
  held: number;
  missing: number;
}

const states = new WeakMap<object, State>();

export interface StringDecoder {
  readonly encoding: string;
  readonly lastChar: Buffer;
  readonly lastNeed: number;
  readonly lastTotal: number;
  write(chunk: string | ArrayBufferView): string;
  end(chunk?: string | ArrayBufferView): string;
  text(chunk: Uint8Array, offset: number): string;
}

/** Ends the held character with the front of `bytes`. Returns the text and how many bytes it took. */
function finishHeld(state: State, bytes: Uint8Array): { text: string; used: number } {
  let used = Math.min(state.missing, bytes.length);
  if (state.id === ENCODING.utf8) {
    // A byte that cannot continue the character ends it unfinished and begins the next one.
    for (let i = 0; i < used; i++) {
      if (((bytes[i] as number) & 0xc0) === 0x80) continue;
      used = i;
      state.missing = i;
      break;
    }
  }
  state.tail.set(bytes.subarray(0, used), state.held);
  state.held += used;
  state.missing -= used;
  if (state.missing > 0) return { text: '', used };
  const text = decodeBytes(state.tail, state.id, 0, state.held);
  state.held = 0;
  return { text, used };
}

/** Bytes at the end of `bytes` to hold back; sets what is missing of them. */
function holdBack(state: State, bytes: Uint8Array): number {
  const last = bytes[bytes.length - 1] as number;
  if (state.id === ENCODING.utf8) {
    const depth = Math.min(4, bytes.length);
    for (let back = 1; back <= depth && (last & 0x80) !== 0; back++) {
      const byte = bytes[bytes.length - back] as number;
      if ((byte & 0xc0) === 0x80) continue;
      const need =
        (byte & 0xe0) === 0xc0 ? 2 : (byte & 0xf0) === 0xe0 ? 3 : (byte & 0xf8) === 0xf0 ? 4 : 0;
      if (back >= need) return 0;
      state.missing = need - back;
      return back;
    }
    return 0;
  }
  if (state.id === ENCODING.utf16le) {
    if (bytes.length % 2 === 1) {
      state.missing = 1;
      return 1;
    }
    if ((last & 0xfc) !== 0xd8) return 0;
    state.missing = 2;
    return 2;
  }
  if (state.id !== ENCODING.base64 && state.id !== ENCODING.base64url) return 0;
  const rest = bytes.length % 3;
  if (rest > 0) state.missing = 3 - rest;
  return rest;
}

function decode(state: State, bytes: Uint8Array): string {
  let text = '';
  let rest = bytes;
  if (state.missing > 0) {
    const finished = finishHeld(state, bytes);
    text = finished.text;
    rest = bytes.subarray(finished.used);
  }
  if (rest.length === 0) return text;
  const held = holdBack(state, rest);
  const end = rest.length - held;
  if (held > 0) {
    state.tail.set(rest.subarray(end));
    state.held = held;
  }
  return text + decodeBytes(rest, state.id, 0, end);
}

function flush(state: State): string {
  if (state.id === ENCODING.utf16le && state.held % 2 === 1) state.held--;
  const text = decodeBytes(state.tail, state.id, 0, state.held);
  state.held = 0;
  state.missing = 0;
  return text;
}

function stateOf(decoder: object): State {
  const state = states.get(decoder);
  if (state === undefined) throw invalidThis('StringDecoder');
  return state;
}

function bytesOf(chunk: ArrayBufferView): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

const prototype = {
  write(this: StringDecoder, chunk: string | ArrayBufferView): string {
    if (typeof chunk === 'string') return chunk;
    if (!ArrayBuffer.isView(chunk)) {
      throw invalidArgType('buf', ['Buffer', 'TypedArray', 'DataView'], chunk);
    }
    return decode(stateOf(this), bytesOf(chunk));
  },
  end(this: StringDecoder, chunk?: string | ArrayBufferView): string {
    const text = chunk === undefined ? '' : this.write(chunk);
    const state = stateOf(this);
    return state.held > 0 ? text + flush(state) : text;
  },
  text(this: StringDecoder, chunk: Uint8Array, offset: number): string {
    const state = stateOf(this);
    state.held = 0;
    state.missing = 0;
    return this.write(chunk.subarray(offset));
  },
};

/** ES5-style, so that `StringDecoder.call(this)` works. */
export interface StringDecoderFunction {
  new (encoding?: unknown): StringDecoder;
  (this: object, encoding?: unknown): void;
  readonly prototype: StringDecoder;
}

function construct(this: { encoding: string }, encoding?: unknown): void {
  const id = encoding ? encodingId(encoding) : ENCODING.utf8;
  if (id === undefined) throw unknownEncoding(encoding);
  this.encoding = canonicalNames[id];
  states.set(this, { id, tail: Buffer.alloc(4), held: 0, missing: 0 });
}

export const StringDecoder: StringDecoderFunction = construct as unknown as StringDecoderFunction;
Object.defineProperty(StringDecoder, 'name', { value: 'StringDecoder' });
Object.assign(StringDecoder.prototype, prototype);
Object.defineProperties(StringDecoder.prototype, {
  lastChar: {
    get(this: object) {
      return stateOf(this).tail;
    },
    enumerable: true,
    configurable: true,
  },
  lastNeed: {
    get(this: object) {
      return stateOf(this).missing;
    },
    enumerable: true,
    configurable: true,
  },
  lastTotal: {
    get(this: object) {
      const { held, missing } = stateOf(this);
      return held + missing;
    },
    enumerable: true,
    configurable: true,
  },
});

export const exported: { StringDecoder: StringDecoderFunction } = { StringDecoder };
