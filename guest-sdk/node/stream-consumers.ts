/** `node:stream/consumers`: the whole of a stream (or any async iterable) at once. */

import { unsupported } from '../errors.ts';
import { TextDecoder } from '../web/text-encoding.ts';
import { Buffer } from './buffer.ts';

type Source = AsyncIterable<unknown> | Iterable<unknown>;

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  return Buffer.from(chunk);
}

async function buffer(source: Source): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(asBytes(chunk));
  return Buffer.concat(chunks);
}

async function arrayBuffer(source: Source): Promise<ArrayBuffer> {
  const bytes = await buffer(source);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

async function text(source: Source): Promise<string> {
  const decoder = new TextDecoder();
  let whole = '';
  for await (const chunk of source) {
    whole += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
  }
  return whole + decoder.decode();
}

async function json(source: Source): Promise<unknown> {
  return JSON.parse(await text(source));
}

async function blob(): Promise<never> {
  throw unsupported('stream/consumers', 'blob()', 'stream/consumers.arrayBuffer()');
}

export const exported: Readonly<Record<string, (source: Source) => Promise<unknown>>> = {
  arrayBuffer,
  blob,
  buffer,
  text,
  json,
};
