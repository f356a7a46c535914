/** Distinguished encoding rules of ASN.1 (ITU-T X.690), as far as a certificate needs them. Writing only. */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  shortTime: 0x17,
  time: 0x18,
} as const;

/** A tag with its content; the length takes as few bytes as it can (X.690, 10.1). */
export function tagged(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  const length: number[] = [];
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  const short = body.length < 0x80;
  const head = short ? [tag, body.length] : [tag, 0x80 + length.length, ...length];
  return Buffer.concat([Uint8Array.from(head), body]);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array =>
  tagged(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => tagged(TAG.set, ...parts);
export const octets = (bytes: Uint8Array): Uint8Array => tagged(TAG.bytes, bytes);
export const text = (value: string): Uint8Array => tagged(TAG.utf8, Buffer.from(value));
export const yes = (): Uint8Array => tagged(TAG.boolean, Uint8Array.of(0xff));

/** A positive number, big-endian, of any length. */
export function integer(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from += 1;
  const body = bytes.subarray(from);
  // The highest bit would be a sign.
  const sign = (body[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0);
  return tagged(TAG.integer, sign, body);
}

/** Whole bytes, or the bits of one byte with so many of them unused at its end. */
export function bits(bytes: Uint8Array, unused = 0): Uint8Array {
  return tagged(TAG.bits, Uint8Array.of(unused), bytes);
}

/** An object identifier such as `2.5.29.17`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const out: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left % 128) + 128);
    out.push(...groups);
  }
  return tagged(TAG.oid, Uint8Array.from(out));
}

/** UTC to the second: two digits for the year until 2049, four from then on (RFC 5280, 4.1.2.5). */
export function time(at: Date): Uint8Array {
  const digits = at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  const short = at.getUTCFullYear() < 2050;
  return short
    ? tagged(TAG.shortTime, Buffer.from(digits.slice(2)))
    : tagged(TAG.time, Buffer.from(digits));
}
