/**
 * Replaces what must not count (timestamps, request ids) before two streams are compared. Works line
 * by line, so that how a stream was cut into chunks never matters; a line longer than the limit is
 * cut there. Bytes are matched as UTF-8 read byte by byte: text of a pattern finds the same text.
 */

import type { Place } from './guest-state.ts';

/** A piece of a stream as it is compared, and where it began in the stream as it was sent. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly place: Place;
}

const LINE_BYTES_MAX = 65_536;
const NEWLINE = 10;
const MASK = bytesOf('<ignored>');

/** One regular expression for many, over bytes. Throws SyntaxError as RegExp does. */
export function maskPattern(patterns: readonly string[]): RegExp | undefined {
  if (patterns.length === 0) return undefined;
  // Each alone first: an alternation could be valid where its parts are not.
  for (const pattern of patterns) new RegExp(pattern);
  const encoded = patterns.map((pattern) => latin1(new TextEncoder().encode(pattern)));
  return new RegExp(encoded.map((pattern) => `(?:${pattern})`).join('|'), 'g');
}

export class TextMask {
  readonly #pattern: RegExp;
  readonly #emit: (piece: Piece) => void;
  #chunks: { readonly bytes: Uint8Array; readonly place: Place }[] = [];
  #held = 0;
  /** Of the first held byte in the stream. */
  #offset = 0;

  constructor(pattern: RegExp, emit: (piece: Piece) => void) {
    this.#pattern = pattern;
    this.#emit = emit;
  }

  /** Emits the lines that `bytes` completes. */
  write(bytes: Uint8Array, place: Place): void {
    let start = 0;
    while (start < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, start);
      const lineEnd = newline === -1 ? bytes.length : newline + 1;
      const end = Math.min(lineEnd, start + LINE_BYTES_MAX - this.#held);
      this.#chunks.push({ bytes: bytes.subarray(start, end), place });
      this.#held += end - start;
      if (end === newline + 1 || this.#held === LINE_BYTES_MAX) this.end();
      start = end;
    }
  }

  /** Emits what is left: no newline will come. */
  end(): void {
    if (this.#held === 0) return;
    const text = this.#chunks.map(({ bytes }) => latin1(bytes)).join('');
    let at = 0;
    for (const match of text.matchAll(this.#pattern)) {
      if (match[0] === '') continue;
      this.#plain(text, at, match.index);
      this.#emit({ bytes: MASK, offset: this.#offset + match.index, place: this.#at(match.index) });
      at = match.index + match[0].length;
    }
    this.#plain(text, at, text.length);
    this.#offset += this.#held;
    this.#held = 0;
    this.#chunks = [];
  }

  /** Emits `text` from `from` to `to` in pieces of one place each. */
  #plain(text: string, from: number, to: number): void {
    let begin = 0;
    for (const { bytes, place } of this.#chunks) {
      const start = Math.max(from, begin);
      begin += bytes.length;
      const end = Math.min(to, begin);
      if (start < end)
        this.#emit({ bytes: bytesOf(text.slice(start, end)), offset: this.#offset + start, place });
    }
  }

  #at(index: number): Place {
    let begin = 0;
    let found = this.#chunks[0]?.place;
    for (const { bytes, place } of this.#chunks) {
      if (begin <= index) found = place;
      begin += bytes.length;
    }
    return found as Place;
  }
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096)
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
