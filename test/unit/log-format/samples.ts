/** Headers, records and generators shared by the tests of the log. */

import fc from 'fast-check';
import {
  asEpoch,
  asLsn,
  asMicros,
  asTicks,
  type Batch,
  CHAIN_START,
  INTERRUPT,
  type LogHeader,
  type LogRecord,
  type Micros,
  sha256Hex,
} from '../../../log-format/index.ts';

export const STARTED_AT: Micros = asMicros(1_795_000_000_000_000);

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export const BLOBS = [
  { name: 'firmware', bytes: text('firmware '.repeat(200)) },
  { name: 'image', bytes: text('console.log(1)') },
  { name: 'sourcemap', bytes: text('{}') },
].map((blob) => ({ ...blob, hash: sha256Hex(blob.bytes) })) as {
  name: 'firmware' | 'image' | 'sourcemap';
  bytes: Uint8Array;
  hash: string;
}[];

const hashOf = (name: string): string => BLOBS.find((blob) => blob.name === name)?.hash ?? '';

export function sampleHeader(changes: Partial<LogHeader> = {}): LogHeader {
  return {
    formatVersion: 2,
    machineVersion: 2,
    turnTicksMax: 0,
    secondTicksMax: 5_000_000_000,
    hvVersion: '0.1.0',
    vm: 'server-0badcafe',
    name: 'server',
    ticksSemantics: 'quickjs-interrupt-polls/1',
    engineHash: sha256Hex(text('engine')),
    helperHash: sha256Hex(text('helper')),
    firmwareHash: hashOf('firmware'),
    imageHash: hashOf('image'),
    sourceMapHash: hashOf('sourcemap'),
    memoryPages: 4096,
    stackBytes: 1_048_576,
    ticksPerMicro: 128,
    zoneOffsetMinutes: 0,
    seed: sha256Hex(text('seed')),
    startedAt: STARTED_AT,
    script: 'server.js',
    segment: 1,
    firstLsn: asLsn(1),
    chain: CHAIN_START,
    ...changes,
  };
}

export function interrupt(micros: number, changes: Partial<LogRecord> = {}): LogRecord {
  return {
    type: 'interrupt',
    kind: INTERRUPT.alarm,
    time: asMicros(STARTED_AT + micros),
    id: 0,
    num: 0,
    payload: undefined,
    ...changes,
  } as LogRecord;
}

const NO_CHECKS = new Uint8Array(0);

export function end(ticks: number): LogRecord {
  return {
    type: 'end',
    ticks: asTicks(ticks),
    digest: 7,
    outputs: 1,
    outputsCrc: 9,
    checks: NO_CHECKS,
  };
}

export const batchOf = (epoch: number, firstLsn: number, records: LogRecord[]): Batch => ({
  epoch: asEpoch(epoch),
  firstLsn: asLsn(firstLsn),
  records,
});

const count = fc.oneof(
  fc.nat(200),
  fc.maxSafeNat().map((value) => Math.floor(value / 4)),
);
const uint32 = fc.nat(0xffffffff);
const word = fc.string({ maxLength: 90, unit: 'grapheme-ascii' });
const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 70_000 }));

/** A record whose time is still a delta; `toBatch` adds the deltas up. */
const record = fc.oneof(
  fc.record({
    type: fc.constant('interrupt' as const),
    kind: fc.constantFrom(...Object.values(INTERRUPT)),
    time: fc.nat(5_000_000),
    id: count,
    num: fc.oneof(fc.constant(0), fc.integer(), count),
    payload: fc.option(bytes, { nil: undefined }),
  }),
  fc.record({
    type: fc.constant('resync' as const),
    time: fc.nat(5_000_000),
    turn: fc.integer({ min: 1, max: 1000 }),
    ticks: count,
  }),
  fc.record({
    type: fc.constant('stopAt' as const),
    turn: fc.integer({ min: 1, max: 1000 }),
    ticks: count,
    code: fc.integer(),
    reason: word,
  }),
  fc.record({
    type: fc.constant('end' as const),
    ticks: count,
    digest: uint32,
    outputs: count,
    outputsCrc: uint32,
    checks: fc.oneof(
      fc.constant(NO_CHECKS),
      fc
        .uint8Array({ minLength: 2, maxLength: 300 })
        .map((half) => Uint8Array.of(...half, ...half)),
    ),
  }),
  fc.record({
    type: fc.constant('preempt' as const),
    time: fc.nat(5_000_000),
    turn: fc.integer({ min: 1, max: 1000 }),
    ticks: count,
  }),
  fc.record({ type: fc.constant('output' as const), bytes }),
  fc.record({
    type: fc.constant('checkpoint' as const),
    time: fc.nat(5_000_000),
    turns: count,
    heapBytes: count,
    heapBlocks: count,
    pages: count,
    memory: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  }),
  fc.record({
    type: fc.constant('view' as const),
    time: fc.nat(5_000_000),
    epoch: fc.integer({ min: 1 }),
    primary: word,
    backups: fc.array(word, { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('stop' as const),
    time: fc.nat(5_000_000),
    code: fc.integer(),
    reason: word,
  }),
);

export const anyBatch: fc.Arbitrary<Batch> = fc
  .record({
    epoch: fc.nat(100_000),
    firstLsn: fc.oneof(fc.integer({ min: 1001, max: 5000 }), fc.constant(2 ** 40)),
    base: count,
    records: fc.array(record, { minLength: 1, maxLength: 20 }),
  })
  .map(({ epoch, firstLsn, base, records }) => {
    let time = STARTED_AT + base;
    const timed = records.map((one) => {
      if (!('time' in one)) return one;
      time += one.time;
      return { ...one, time };
    });
    return batchOf(epoch, firstLsn, timed as LogRecord[]);
  });
