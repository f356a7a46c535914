import { describe, expect, it } from 'vitest';
import {
  asLsn,
  CHAIN_START,
  Chain,
  decodeBlob,
  decodeHeader,
  decodeSeal,
  EncodeError,
  encodeBlob,
  encodeHeader,
  encodeSeal,
  encodeValue,
  FormatError,
  FormatVersionError,
  FRAME_HEAD_BYTES,
  type LogHeader,
  sha256Hex,
} from '../../../log-format/index.ts';
import { sampleHeader } from './samples.ts';

const payloadOf = (frame: Uint8Array): Uint8Array => frame.slice(FRAME_HEAD_BYTES);
const MAGIC_AND_VERSION = 10;

/** A header payload with fields changed behind the encoder's back; undefined removes one. */
function forge(changes: Record<string, unknown>): Uint8Array {
  const { formatVersion: _version, ...fields } = sampleHeader();
  const entries = Object.entries({ ...fields, ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  const prefix = payloadOf(encodeHeader(sampleHeader())).subarray(0, MAGIC_AND_VERSION);
  return new Uint8Array(Buffer.concat([prefix, encodeValue(Object.fromEntries(entries))]));
}

describe('a header', () => {
  it('decodes to what was encoded', () => {
    const header = sampleHeader({ segment: 7, firstLsn: asLsn(2 ** 41), zoneOffsetMinutes: -90 });
    expect(decodeHeader(payloadOf(encodeHeader(header)))).toEqual(header);
  });

  it('starts with a magic and the version', () => {
    const start = payloadOf(encodeHeader(sampleHeader())).subarray(0, MAGIC_AND_VERSION);
    expect(Buffer.from(start).toString('latin1')).toBe('hvlog\r\n\0\0\u0002');
  });

  it('of format 1 has no limits of ticks, and may not have any', () => {
    const old = sampleHeader({ formatVersion: 1, machineVersion: 1, secondTicksMax: 0 });
    const payload = payloadOf(encodeHeader(old));
    expect(decodeHeader(payload)).toEqual(old);
    const forged = forge({});
    forged[9] = 1;
    expect(() => decodeHeader(forged)).toThrow(FormatError);
  });

  it('of another version is told apart from damage', () => {
    const payload = payloadOf(encodeHeader(sampleHeader()));
    payload[9] = 3;
    expect(() => decodeHeader(payload)).toThrow(FormatVersionError);
    expect(() => decodeHeader(forge({ machineVersion: 5 }))).toThrow(FormatVersionError);
    expect(() => decodeHeader(forge({ ticksSemantics: 'fuel/1' }))).toThrow(FormatVersionError);
    expect(() => decodeHeader(new TextEncoder().encode('a text file, long'))).not.toThrow(
      FormatVersionError,
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['a field missing', { vm: undefined }],
    ['an unknown field', { extra: 1 }],
    ['a short hash', { engineHash: 'abc' }],
    ['a hash in capitals', { engineHash: sha256Hex().toUpperCase() }],
    ['a negative size', { memoryPages: -1 }],
    ['a text for a number', { segment: '1' }],
    ['segment 0', { segment: 0 }],
  ])('with %s is refused', (_name, changes) => {
    expect(() => decodeHeader(forge(changes))).toThrow(FormatError);
  });

  it('that nobody could read is not written', () => {
    expect(() => encodeHeader(sampleHeader({ seed: 'abc' }))).toThrow(EncodeError);
    expect(() => encodeHeader({ ...sampleHeader(), extra: 1 } as LogHeader)).toThrow(EncodeError);
  });
});

describe('blobs and seals', () => {
  it('decode to what was encoded', () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const blob = { name: 'image', hash: sha256Hex(bytes), encoding: 'identity', bytes } as const;
    expect(decodeBlob(payloadOf(encodeBlob(blob)))).toEqual(blob);
    const seal = { lastLsn: asLsn(9), chain: CHAIN_START, records: 9, batches: 2, final: true };
    expect(decodeSeal(payloadOf(encodeSeal(seal)))).toEqual(seal);
  });

  it.each([
    [['image', new Uint8Array(31), 'identity', new Uint8Array()]],
    [['script', new Uint8Array(32), 'identity', new Uint8Array()]],
    [['image', new Uint8Array(32), 'gzip', new Uint8Array()]],
    [['image', new Uint8Array(32), 'identity', 'text']],
    [['image', new Uint8Array(32), 'identity']],
  ])('a wrong blob is refused', (fields) => {
    expect(() => decodeBlob(encodeValue(fields))).toThrow(FormatError);
  });

  it.each([
    [[1, new Uint8Array(31), 1, 1, true]],
    [[1, new Uint8Array(32), 1, 1, 1]],
    [[-1, new Uint8Array(32), 1, 1, true]],
    [[1, new Uint8Array(32), 1, 1]],
  ])('a wrong seal is refused', (fields) => {
    expect(() => decodeSeal(encodeValue(fields))).toThrow(FormatError);
  });
});

describe('the hash chain', () => {
  it('depends on every frame and on their order', () => {
    const headOf = (...frames: number[][]): string => {
      const chain = new Chain();
      for (const frame of frames) chain.update(new Uint8Array(frame));
      return chain.head;
    };
    const heads = [headOf(), headOf([1]), headOf([1], [2]), headOf([2], [1]), headOf([1, 2])];
    expect(new Set(heads).size).toBe(heads.length);
    expect(headOf()).toBe(CHAIN_START);
    expect(headOf([1])).toBe(sha256Hex(new Uint8Array(32), new Uint8Array([1])));
  });

  it('continues from its head', () => {
    const chain = new Chain();
    chain.update(new Uint8Array([1]));
    const later = new Chain(chain.head);
    chain.update(new Uint8Array([2]));
    later.update(new Uint8Array([2]));
    expect(later.head).toBe(chain.head);
    expect(() => new Chain('abc')).toThrow(EncodeError);
  });
});
