/** Text around DER (RFC 7468, and RFC 1421 for its encryption). */

import { Buffer } from '../node/buffer.ts';

export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
  /** "AES-256-CBC,0123…" of the header that says how the bytes are encrypted. */
  readonly encryption?: string | undefined;
}

const BLOCK = /-----BEGIN ([^\r\n-]+)-----[ \t]*\r?\n([\s\S]*?)-----END \1-----/g;
const HEADERS = /^(?:[\w-]+: .*\r?\n)+\s*\r?\n/;

export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].map(([, label = '', inner = '']) => {
    const headers = HEADERS.exec(inner)?.[0] ?? '';
    const encryption = /^DEK-Info: *(\S+)/m.exec(headers)?.[1];
    const bytes = Buffer.from(inner.slice(headers.length).replace(/\s/g, ''), 'base64');
    return { label, bytes, encryption };
  });
}

/** `headers` are whole lines. */
export function toPem(label: string, bytes: Uint8Array, headers = ''): string {
  const text = Buffer.from(bytes).toString('base64');
  const lines = text.match(/.{1,64}/g) ?? [];
  const head = headers === '' ? '' : `${headers}\n`;
  return `-----BEGIN ${label}-----\n${head}${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`;
}
