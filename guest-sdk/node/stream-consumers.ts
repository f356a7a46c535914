/** `node:stream/consumers`: the whole of a stream (or any async iterable) at once. */

import { Blob } from '../web/blob.ts';
import { TextDecoder } from '../web/text-encoding.ts';
import { Buffer } from './buffer.ts';

type Source = AsyncIterable<unknown> | Iterable<unknown>;

async function blob(source: Source): Promise<Blob> {
  const chunks: unknown[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return new Blob(chunks);
}

async function arrayBuffer(source: Source): Promise<ArrayBuffer> {
  return (await blob(source)).arrayBuffer();
}

async function buffer(source: Source): Promise<Buffer> {
  return Buffer.from(await arrayBuffer(source));
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

export const exported: Readonly<Record<string, (source: Source) => Promise<unknown>>> = {
  arrayBuffer,
  blob,
  buffer,
  text,
  json,
};
