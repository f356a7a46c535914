/** multipart/form-data (RFC 7578): a FormData as bytes, and back. */

import { Buffer } from '../node/buffer.ts';
import { bytesOfBlob, File } from './blob.ts';
import { FormData } from './form-data.ts';
import { wellFormed } from './usv.ts';

type Bytes = ReturnType<typeof Buffer.from>;

const { random } = Math;
const BOUNDARY_DIGITS = 11;

/** Of the form Node's have, so that bodies are as long. */
export function newBoundary(): string {
  const number = Math.floor(random() * 10 ** BOUNDARY_DIGITS);
  return `----formdata-undici-0${String(number).padStart(BOUNDARY_DIGITS, '0')}`;
}

const wholeLines = (text: string): string => text.replace(/\r?\n|\r/g, '\r\n');

function quoted(name: string): string {
  const text = name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
  return `"${text}"`;
}

export function encodeMultipart(form: FormData, boundary: string): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (text: string): void => {
    parts.push(Buffer.from(text, 'utf8'));
  };
  for (const [name, value] of form.entries() as Iterable<[string, string | File]>) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(wholeLines(name))}`;
    if (typeof value === 'string') {
      add(`${head}\r\n\r\n${wholeLines(value)}\r\n`);
    } else {
      const type = value.type === '' ? 'application/octet-stream' : value.type;
      add(`${head}; filename=${quoted(wellFormed(value.name))}\r\nContent-Type: ${type}\r\n\r\n`);
      parts.push(bytesOfBlob(value) ?? new Uint8Array(0));
      add('\r\n');
    }
  }
  add(`--${boundary}--\r\n`);
  return Buffer.concat(parts);
}

interface PartHead {
  readonly name: string;
  readonly filename: string | undefined;
  readonly type: string | undefined;
}

function unquoted(text: string): string {
  return text.replace(/%(0[AD]|22)/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function parameter(text: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}="([^"]*)"`, 'i').exec(text)?.[1];
  return found === undefined ? undefined : unquoted(found);
}

function headOf(text: string): PartHead | undefined {
  let disposition: string | undefined;
  let type: string | undefined;
  for (const line of text.split('\r\n')) {
    const [, name = '', value = ''] = /^([^:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === '') return undefined;
    if (name.toLowerCase() === 'content-disposition') disposition = value;
    if (name.toLowerCase() === 'content-type') type = value;
  }
  if (disposition === undefined || !/^form-data\s*;/i.test(disposition)) return undefined;
  const name = parameter(disposition, 'name');
  if (name === undefined) return undefined;
  return { name, filename: parameter(disposition, 'filename'), type };
}

function addPart(form: FormData, part: Bytes): boolean {
  const end = part.indexOf('\r\n\r\n');
  const head = end < 0 ? undefined : headOf(part.toString('utf8', 0, end));
  if (head === undefined) return false;
  const content = part.subarray(end + 4);
  if (head.filename === undefined) form.append(head.name, content.toString('utf8'));
  else {
    form.append(head.name, new File([content], head.filename, { type: head.type ?? 'text/plain' }));
  }
  return true;
}

/** The form that `bytes` are; undefined if they are none. */
export function decodeMultipart(bytes: Uint8Array, boundary: string): FormData | undefined {
  const all = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  const delimiter = `--${boundary}`;
  const form = new FormData();
  let at = all.indexOf(delimiter);
  // What is before the first delimiter is a preamble of whole lines.
  if (at < 0 || (at > 0 && all.toString('latin1', at - 2, at) !== '\r\n')) return undefined;
  for (;;) {
    at += delimiter.length;
    const after = all.toString('latin1', at, at + 2);
    if (after === '--') return form;
    if (after !== '\r\n') return undefined;
    const end = all.indexOf(`\r\n${delimiter}`, at);
    if (end < 0 || !addPart(form, all.subarray(at + 2, end))) return undefined;
    at = end + 2;
  }
}
