/** `data:` URLs (Fetch standard, section 6). */

import { Buffer } from '../node/buffer.ts';

const TOKEN = "[!#$%&'*+.^`|~\\w-]+";
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}`);

export interface DataUrl {
  readonly type: string;
  readonly bytes: Uint8Array;
}

function decoded(text: string): ReturnType<typeof Buffer.from> {
  const units = text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(units, 'latin1');
}

function fromBase64(given: string): Uint8Array | undefined {
  const text = given.replace(/[\t\n\f\r ]/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  if (text.includes('=') && text.length % 4 !== 0) return undefined;
  return text.replace(/=+$/, '').length % 4 === 1 ? undefined : Buffer.from(text, 'base64');
}

/** What `href`, serialized and without its fragment, holds; undefined if that is malformed. */
export function parseDataUrl(href: string): DataUrl | undefined {
  const comma = href.indexOf(',');
  if (comma < 0) return undefined;
  const head = href.slice('data:'.length, comma).trim();
  const type = head.replace(/; *base64$/i, '').trim();
  const body = decoded(href.slice(comma + 1));
  const bytes = type === head ? body : fromBase64(body.toString('latin1'));
  if (bytes === undefined) return undefined;
  const full = type.startsWith(';') ? `text/plain${type}` : type;
  return { type: MEDIA_TYPE.test(full) ? full : 'text/plain;charset=US-ASCII', bytes };
}
