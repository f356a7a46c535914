import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogIntake } from '../../../hypervisor/replica/log-intake.ts';
import {
  asLsn,
  CHAIN_START,
  decodePages,
  decodeSnapshotHead,
  EncodeError,
  encodeFrame,
  encodeHeader,
  encodePages,
  encodeSnapshotHead,
  encodeValue,
  FormatError,
  FormatVersionError,
  FRAME,
  FRAME_HEAD_BYTES,
  FrameReader,
  PIECE_PAGES_MAX,
  peekFrame,
  SNAPSHOT_FRAME,
  type SnapshotHead,
  type SnapshotPart,
  SnapshotScan,
  snapshotLsn,
  snapshotName,
} from '../../../log-format/index.ts';
import { LONG } from '../../support/long.ts';
import { sampleHeader } from './samples.ts';
import {
  anyHead,
  anyPieces,
  endOf,
  sampleHead,
  samplePages,
  snapshotFile,
} from './snapshot-samples.ts';

const MAGIC_AND_VERSION = 11;
const payloadOf = (frame: Uint8Array): Uint8Array => frame.slice(FRAME_HEAD_BYTES);

/** All parts of a file given in pieces of `size` bytes. */
function scan(bytes: Uint8Array, size = bytes.length): SnapshotPart[] {
  const scanner = new SnapshotScan();
  const parts: SnapshotPart[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    scanner.push(bytes.slice(at, at + size));
    for (let part = scanner.next(); part !== undefined; part = scanner.next()) parts.push(part);
  }
  scanner.finish();
  return parts;
}

/** The payload of a head with fields changed behind the encoder's back; undefined removes one. */
function forge(changes: Record<string, unknown>): Uint8Array {
  const entries = Object.entries({ ...sampleHead(), ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  const prefix = payloadOf(encodeSnapshotHead(sampleHead())).subarray(0, MAGIC_AND_VERSION);
  return new Uint8Array(Buffer.concat([prefix, encodeValue(Object.fromEntries(entries))]));
}

const small = snapshotFile(sampleHead(), [samplePages([{ first: 3, count: 2 }], 40)]);

describe('a snapshot file', () => {
  test('reads back as written, however its bytes are cut', () => {
    fc.assert(
      fc.property(anyHead, anyPieces, fc.integer({ min: 1, max: 5000 }), (head, pieces, size) => {
        const parts = scan(snapshotFile(head, pieces), size);
        expect(parts[0]).toEqual({ type: 'head', head });
        expect(parts.slice(1, -1)).toEqual(pieces.map((packed) => ({ type: 'pages', packed })));
        expect(parts.at(-1)?.type).toBe('end');
      }),
      { numRuns: LONG ? 100 : 8 },
    );
  });

  test('is bad with any one bit flipped', () => {
    for (let bit = 0; bit < small.length * 8; bit++) {
      const changed = small.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => scan(changed), `bit ${bit}`).toThrow(FormatError);
    }
  });

  test('is bad wherever it is cut, and with anything behind its end', () => {
    for (let end = 0; end < small.length; end++)
      expect(() => scan(small.slice(0, end)), `cut at ${end}`).toThrow(FormatError);
    const longer = Buffer.concat([small, Uint8Array.of(0)]);
    expect(() => scan(new Uint8Array(longer))).toThrow('bytes after the end');
    expect(() => scan(new Uint8Array(longer), 7)).toThrow(FormatError);
  });

  test('is bad when a frame was left out, exchanged or repeated', () => {
    const pages = [1, 2, 3].map((first) => samplePages([{ first, count: 1 }], 20));
    const [one, two, three] = pages.map(encodePages) as [Uint8Array, Uint8Array, Uint8Array];
    const head = encodeSnapshotHead(sampleHead());
    const end = endOf([head, one, two, three], pages);
    const file = (...frames: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(frames));
    expect(() => scan(file(head, one, two, three, end))).not.toThrow();
    expect(() => scan(file(head, one, three, end))).toThrow('missing');
    expect(() => scan(file(head, two, one, three, end))).toThrow('out of order');
    expect(() => scan(file(head, one, one, three, end))).toThrow('out of order');
    expect(() => scan(file(one, two, three, end))).toThrow('one head');
    expect(() => scan(file(head, head, one, two, three, end))).toThrow('one head');
    const other = encodePages(samplePages([{ first: 2, count: 1 }], 21));
    expect(() => scan(file(head, one, other, three, end))).toThrow('does not fit');
  });

  test('has no pages beyond the memory its head names', () => {
    const within = samplePages([{ first: 511, count: 1 }], 9);
    expect(() => scan(snapshotFile(sampleHead(), [within]))).not.toThrow();
    const beyond = samplePages([{ first: 511, count: 2 }], 9);
    expect(() => scan(snapshotFile(sampleHead(), [beyond]))).toThrow('beyond the memory');
  });

  test('has its lsn for a name, and no other file passes for one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 1 }), fc.integer({ min: 1, max: 2 ** 50 })), (lsn) => {
        expect(snapshotLsn(snapshotName(asLsn(lsn)))).toBe(lsn);
      }),
    );
    expect(snapshotName(asLsn(10000))).toBe('000000010000.hvsnap');
    for (const name of [
      '000000010000.hvsnap.tmp',
      '10000.hvsnap',
      '0000000010000.hvsnap',
      '000000000000.hvsnap',
      '000001.hvlog',
    ])
      expect(snapshotLsn(name)).toBeUndefined();
  });
});

describe('the head of a snapshot', () => {
  test('starts with a magic and the version', () => {
    const start = payloadOf(encodeSnapshotHead(sampleHead())).subarray(0, MAGIC_AND_VERSION);
    expect(Buffer.from(start).toString('latin1')).toBe('hvsnap\r\n\0\0\u0001');
  });

  test('of another version is told apart from damage', () => {
    const payload = payloadOf(encodeSnapshotHead(sampleHead()));
    payload[10] = 2;
    expect(() => decodeSnapshotHead(payload)).toThrow(FormatVersionError);
    expect(() => decodeSnapshotHead(forge({ machineVersion: 5 }))).toThrow(FormatVersionError);
    payload[3] = 0;
    const damaged = (): unknown => decodeSnapshotHead(payload);
    expect(damaged).toThrow(FormatError);
    expect(damaged).not.toThrow(FormatVersionError);
  });

  test.each<[string, Record<string, unknown>]>([
    ['a field too many', { extra: 1 }],
    ...Object.keys(sampleHead()).map((key): [string, Record<string, unknown>] => [
      `no ${key}`,
      { [key]: undefined },
    ]),
    ...Object.keys(sampleHead().state).map((key): [string, Record<string, unknown>] => [
      `nonsense for ${key} of its state`,
      { state: { ...sampleHead().state, [key]: 'x' } },
    ]),
    ['a field too many in its state', { state: { ...sampleHead().state, extra: 1 } }],
    ['devices that are bytes', { state: { ...sampleHead().state, devices: Uint8Array.of(1) } }],
    ['a field too many in its place', { position: { ...sampleHead().position, dir: '/' } }],
    ['a place at another record', { position: { ...sampleHead().position, lastLsn: 4712 } }],
    ['a place in another epoch', { position: { ...sampleHead().position, epoch: 2 } }],
    ['a cause behind itself', { state: { ...sampleHead().state, cause: 4712 } }],
    ['a backup that is a number', { view: { ...sampleHead().view, backups: [1] } }],
    ['a base behind itself', { base: 4711, baseChain: sampleHead().imageHash }],
    ['a base without its chain', { base: 4700 }],
    ['a chain without a base', { baseChain: sampleHead().imageHash }],
    ['an extent beyond its memory', { extent: 513 * 4096 }],
    ['an extent inside a page', { extent: 4097 }],
    ['a hash of another length', { memory: new Uint8Array(15) }],
  ])('with %s is bad', (_name, changes) => {
    expect(() => decodeSnapshotHead(forge(changes))).toThrow(FormatError);
  });

  test('that nobody could read is not written', () => {
    const wrong = { ...sampleHead(), vm: 5 } as unknown as SnapshotHead;
    expect(() => encodeSnapshotHead(wrong)).toThrow(EncodeError);
    expect(sampleHead().baseChain).toBe(CHAIN_START);
  });
});

describe('a frame of pages', () => {
  const payload = (encoding: string, runs: unknown, bytes: number): Uint8Array =>
    encodeValue([encoding, runs, new Uint8Array(bytes)]);

  test('holds a mebibyte and no more', () => {
    expect(() => decodePages(payload('brotli', [0, PIECE_PAGES_MAX], 9))).not.toThrow();
    expect(() => decodePages(payload('brotli', [0, PIECE_PAGES_MAX + 1], 9))).toThrow('too many');
    expect(() => decodePages(payload('brotli', [0, 200, 300, 57], 9))).toThrow('too many');
  });

  test.each<[string, string, unknown, number]>([
    ['an unknown encoding', 'gzip', [0, 1], 9],
    ['no pages', 'brotli', [], 0],
    ['half a run', 'brotli', [0], 9],
    ['an empty run', 'brotli', [0, 0], 0],
    ['a run before memory', 'brotli', [-1, 1], 9],
    ['runs that overlap', 'brotli', [0, 2, 1, 1], 9],
    ['a count past 32 bits', 'brotli', [0, 2 ** 40], 9],
    ['fewer bytes than pages', 'identity', [0, 1], 4095],
    ['more bytes than pages', 'identity', [0, 1], 4097],
    ['packing that made it longer', 'brotli', [0, 1], 4097],
  ])('with %s is bad', (_name, encoding, runs, bytes) => {
    expect(() => decodePages(payload(encoding, runs, bytes))).toThrow(FormatError);
  });
});

describe('a frame of a snapshot in a log', () => {
  test.each(Object.entries(SNAPSHOT_FRAME))('is damage: %s', (_name, type) => {
    const frame = encodeFrame(type, Uint8Array.of(1));
    const reader = new FrameReader(1000);
    reader.push(frame);
    expect(reader.next()).toMatchObject({ type: 'damaged', reason: 'unknown frame type' });
    expect(peekFrame(frame)).toBeUndefined();
    const intake = new LogIntake();
    expect(intake.frames(encodeHeader(sampleHeader()))).toMatchObject({ type: 'batches' });
    expect(intake.frames(frame)).toMatchObject({ type: 'damaged' });
  });

  test.each(Object.entries(FRAME))(
    'is as bad as a frame of a log in a snapshot: %s',
    (_n, type) => {
      const head = encodeSnapshotHead(sampleHead());
      const file = Buffer.concat([head, encodeFrame(type, Uint8Array.of(1))]);
      expect(() => scan(new Uint8Array(file))).toThrow('unknown frame type');
    },
  );
});
