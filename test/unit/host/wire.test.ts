import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONTROL_BYTES_MAX, FRAME_BYTES_MAX } from '../../../hypervisor/base/limits.ts';
import { ACK_LEVELS } from '../../../hypervisor/protocol/ack-level.ts';
import type { Message } from '../../../hypervisor/protocol/messages.ts';
import { decodeMessage, encodeMessage } from '../../../hypervisor/protocol/wire.ts';
import { asEpoch, asLsn, encodeValue } from '../../../log-format/index.ts';
import { ackOf } from '../../support/messages.ts';

const epoch = fc.nat(Number.MAX_SAFE_INTEGER).map(asEpoch);
const lsn = fc.nat(Number.MAX_SAFE_INTEGER).map(asLsn);
const frame = fc.uint8Array({ minLength: 1, maxLength: 300 });
const view = fc.record({
  epoch,
  primary: fc.string(),
  backups: fc.array(fc.string(), { maxLength: 5 }),
});

const messages: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    protocol: fc.nat(),
    hvVersion: fc.string(),
    vm: fc.string({ unit: 'grapheme' }),
    name: fc.string(),
    epoch,
    primary: fc.string(),
    backup: fc.string(),
    engineHash: fc.string(),
    helperHash: fc.string(),
    machineVersion: fc.nat(),
    imageHash: fc.string(),
    arbiter: fc.string(),
    detectMs: fc.nat(),
    rule: fc.record({
      level: fc.constantFrom(...ACK_LEVELS),
      quorum: fc.nat(9),
      onLoss: fc.constantFrom('continue' as const, 'stop' as const),
    }),
    spares: fc.array(fc.string(), { maxLength: 5 }),
    epochs: fc.array(fc.record({ epoch, firstLsn: lsn }), { maxLength: 5 }),
    lsnFirst: lsn,
    lsnLast: lsn,
    lsnSettled: lsn,
    relay: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('welcome' as const),
    epoch,
    lsnReceived: lsn,
    priority: fc.integer({ min: -9, max: 9 }),
    hidden: fc.boolean(),
    cold: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('transfer' as const),
    epoch,
    lsn,
    files: fc.array(fc.record({ name: fc.string(), bytes: fc.nat() }), { maxLength: 2 }),
  }),
  fc.record({ type: fc.constant('sync' as const), epoch, lsn }),
  fc.record({
    type: fc.constant('snapshot' as const),
    epoch,
    name: fc.string(),
    offset: fc.nat(),
    bytes: frame,
  }),
  fc.record({ type: fc.constant('poll' as const), epoch, vm: fc.string(), candidate: fc.string() }),
  fc.record({
    type: fc.constant('position' as const),
    epoch,
    replica: fc.string(),
    follows: fc.boolean(),
    logEpoch: epoch,
    lsnReceived: lsn,
  }),
  fc.record({ type: fc.constant('refuse' as const), epoch, reason: fc.string() }),
  fc.record({ type: fc.constant('frames' as const), epoch, bytes: frame }),
  fc
    .record({
      epoch,
      lsnReleased: lsn,
      at: epoch,
      first: fc.integer({ min: 1, max: 1e9 }),
      bytes: frame,
    })
    .map(({ epoch: of, lsnReleased, at, first, bytes }) => ({
      type: 'batch' as const,
      epoch: of,
      lsnReleased,
      batch: { epoch: at, firstLsn: asLsn(first), lastLsn: asLsn(first + bytes.length), bytes },
    })),
  fc.record({ type: fc.constant('released' as const), epoch, lsnReleased: lsn }),
  fc.record({ type: fc.constant('view' as const), epoch, view }),
  fc.record({
    type: fc.constant('ack' as const),
    epoch,
    lsnReceived: lsn,
    lsnReplayed: lsn,
    lsnDurable: lsn,
    outputsCrc: fc.nat(),
  }),
  fc.record({ type: fc.constant('diverged' as const), epoch, lsn, report: fc.string() }),
  fc.record({ type: fc.constant('heartbeat' as const), epoch, beat: fc.nat() }),
  fc.record({
    type: fc.constant('bye' as const),
    epoch,
    code: fc.integer({ min: -255, max: 255 }),
    reason: fc.string(),
  }),
);

const batch: Message = {
  type: 'batch',
  epoch: asEpoch(3),
  lsnReleased: asLsn(40),
  batch: {
    epoch: asEpoch(2),
    firstLsn: asLsn(41),
    lastLsn: asLsn(44),
    bytes: Uint8Array.of(7, 8, 9),
  },
};

function reasonOf(bytes: Uint8Array): string {
  const decoded = decodeMessage(bytes);
  return decoded.type === 'garbage' ? decoded.reason : `a ${decoded.message.type}`;
}

describe('wire', () => {
  test('every message comes back as it went', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual({ type: 'message', message });
      }),
      { numRuns: 400 },
    );
  });

  test('a batch travels as it is, 41 bytes into the message', () => {
    const bytes = encodeMessage(batch);
    expect(bytes.length).toBe(41 + 3);
    expect([...bytes.subarray(41)]).toEqual([7, 8, 9]);
    expect(bytes[0]).toBe(1);
  });

  test('an acknowledgement of a long run stays below 32 bytes', () => {
    const ack = ackOf({
      epoch: asEpoch(12),
      lsnReceived: asLsn(4_000_000_000),
      lsnReplayed: asLsn(3_999_999_900),
      lsnDurable: asLsn(3_999_999_000),
      outputsCrc: 0xffff_ffff,
    });
    expect(encodeMessage(ack).length).toBeLessThan(32);
  });

  test('random bytes are a message or garbage with a reason, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const decoded = decodeMessage(bytes);
        if (decoded.type === 'garbage') expect(decoded.reason).not.toBe('');
      }),
      { numRuns: 2_000 },
    );
  });

  test('a message cut anywhere in its header or its fields is garbage', () => {
    for (const message of [batch, { type: 'released', epoch: asEpoch(1), lsnReleased: asLsn(9) }]) {
      const bytes = encodeMessage(message as Message);
      const whole = message === batch ? 41 : bytes.length - 1;
      for (let end = 0; end <= whole; end++) {
        expect(decodeMessage(bytes.subarray(0, end)).type, `cut at ${end}`).toBe('garbage');
      }
    }
  });

  test.each<[string, unknown, string]>([
    ['no array', { type: 'ack' }, 'the message is not an array'],
    ['an unknown code', [77, 1], 'unknown message 77'],
    ['a missing field', [6, 1, 2], 'the ack message has 2 fields, not 5'],
    ['a negative lsn', [4, 1, -1], 'a count is missing'],
    ['a fraction', [4, 1, 1.5], 'a count is missing'],
    ['a number for a text', [3, 1, 5], 'a text is missing'],
    ['a view without backups', [5, 1, [1, 'a']], 'a view is missing'],
    ['a backup without a name', [5, 1, [1, 'a', [4]]], 'a text is missing'],
    ['too many backups', [5, 1, [1, 'a', Array(65).fill('b')]], 'a view has too many backups'],
  ])('%s is garbage', (_what, value, reason) => {
    expect(reasonOf(encodeValue(value))).toBe(reason);
  });

  test('a hello with other fields names both protocol versions', () => {
    expect(reasonOf(encodeValue([1, 5, 'later', 'fields']))).toBe(
      'the peer speaks protocol 5, this hv speaks 4',
    );
  });

  test('lsns that run backwards, or are no whole numbers, are garbage', () => {
    const bytes = encodeMessage(batch);
    const header = new DataView(bytes.buffer);
    header.setFloat64(1 + 4 * 8, 40);
    expect(reasonOf(bytes)).toBe('a batch covers no lsn');
    header.setFloat64(1 + 4 * 8, Number.NaN);
    expect(reasonOf(bytes)).toBe('a count is missing');
  });

  test('an overlong message is refused before it is decoded', () => {
    expect(reasonOf(new Uint8Array(CONTROL_BYTES_MAX + 1).fill(0x90))).toBe(
      'the message is too long',
    );
    const frames = new Uint8Array(FRAME_BYTES_MAX + 10);
    frames[0] = 2;
    expect(reasonOf(frames)).toBe('the message is too long');
  });

  test('an empty batch is our own bug and stops us', () => {
    const empty = { ...batch, batch: { ...batch.batch, bytes: new Uint8Array(0) } };
    expect(() => encodeMessage(empty)).toThrow('there are frames to send');
  });
});
