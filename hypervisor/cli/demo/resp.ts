/**
 * RESP2 on the client's side: requests to text, replies from text. Text is latin1, one character per
 * byte, so that values are compared byte by byte. Pure: sockets are elsewhere.
 */

import { unreachable } from '../../base/assert.ts';

export type Reply =
  | { readonly type: 'simple'; readonly text: string }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'bulk'; readonly text: string | undefined }
  | { readonly type: 'array'; readonly items: readonly Reply[] | undefined };

/** One request as it goes on the wire. */
export function encodeRequest(words: readonly string[]): string {
  let out = `*${words.length}\r\n`;
  for (const word of words) out += `$${word.length}\r\n${word}\r\n`;
  return out;
}

/** A reply in one short line, for messages to people. */
export function describeReply(reply: Reply): string {
  switch (reply.type) {
    case 'simple':
    case 'error':
      return reply.text;
    case 'integer':
      return String(reply.value);
    case 'bulk':
      if (reply.text === undefined) return 'nil';
      return reply.text.length > 60 ? `${reply.text.slice(0, 60)}...` : reply.text;
    case 'array':
      return reply.items === undefined ? 'nil' : `${reply.items.length} items`;
    default:
      return unreachable(reply);
  }
}

/** Cuts a stream of text into replies, wherever the packets were cut. */
export class ReplyReader {
  private text = '';
  private at = 0;

  push(part: string): void {
    this.text = this.at === this.text.length ? part : this.text.slice(this.at) + part;
    this.at = 0;
  }

  /** The next complete reply, or undefined. Throws on bytes that are no RESP2. */
  next(): Reply | undefined {
    const start = this.at;
    const reply = this.read();
    if (reply === undefined) this.at = start;
    return reply;
  }

  private read(): Reply | undefined {
    const end = this.text.indexOf('\r\n', this.at);
    if (end < 0) return undefined;
    const kind = this.text[this.at];
    const line = this.text.slice(this.at + 1, end);
    this.at = end + 2;
    switch (kind) {
      case '+':
        return { type: 'simple', text: line };
      case '-':
        return { type: 'error', text: line };
      case ':':
        return { type: 'integer', value: wholeNumber(line) };
      case '$':
        return this.readBulk(wholeNumber(line));
      case '*':
        return this.readArray(wholeNumber(line));
      default:
        throw new Error(`not a RESP2 reply: ${JSON.stringify(line.slice(0, 40))}`);
    }
  }

  private readBulk(length: number): Reply | undefined {
    if (length < 0) return { type: 'bulk', text: undefined };
    if (this.text.length < this.at + length + 2) return undefined;
    const text = this.text.slice(this.at, this.at + length);
    this.at += length + 2;
    return { type: 'bulk', text };
  }

  private readArray(length: number): Reply | undefined {
    if (length < 0) return { type: 'array', items: undefined };
    const items: Reply[] = [];
    for (let i = 0; i < length; i += 1) {
      const item = this.read();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return { type: 'array', items };
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || text === '') throw new Error(`not a whole number: ${text}`);
  return value;
}
