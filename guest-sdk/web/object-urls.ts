/** Addresses of blobs: `URL.createObjectURL` and `buffer.resolveObjectURL`. */

import { traps } from '../drivers/traps.ts';
import { invalidArgType, missingArgs } from '../node/node-errors.ts';
import { type Blob, bytesOfBlob, isBlob, makeBlob } from './blob.ts';

const PREFIX = 'blob:nodedata:';

/** Blobs by the id in their address; one is held until its address is revoked. */
const registered = new Map<string, Blob>();

/** A random UUID. Not `crypto.randomUUID`: the module of Buffer, which crypto needs, imports this one. */
function newId(): string {
  const bytes = new Uint8Array(traps.entropy(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function createObjectURL(blob: unknown): string {
  if (!isBlob(blob)) throw invalidArgType('obj', 'Blob', blob);
  const id = newId();
  registered.set(id, blob);
  return PREFIX + id;
}

/** The id in an address, without what a query or fragment would add; undefined in any other. */
function idOf(url: unknown): string | undefined {
  const text = `${url}`;
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length).replace(/[?#].*$/s, '') : undefined;
}

export function revokeObjectURL(...args: readonly unknown[]): void {
  if (args.length === 0) throw missingArgs('url');
  registered.delete(idOf(args[0]) ?? '');
}
Object.defineProperty(revokeObjectURL, 'length', { value: 1 });

/** A blob of its own with the same bytes; undefined when nothing has that address. */
export function resolveObjectURL(url: unknown): Blob | undefined {
  const blob = registered.get(idOf(url) ?? '');
  const bytes = bytesOfBlob(blob);
  return blob === undefined || bytes === undefined ? undefined : makeBlob(bytes, blob.type);
}
