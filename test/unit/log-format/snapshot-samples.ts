/** Heads and whole files of snapshots for the tests of their format. */

import fc from 'fast-check';
import {
  asEpoch,
  asLsn,
  asMicros,
  asTicks,
  CHAIN_START,
  Chain,
  encodePages,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  type PackedPages,
  type PageRun,
  PIECE_PAGES_MAX,
  SNAPSHOT_PAGE_BYTES,
  type SnapshotHead,
  sha256Hex,
} from '../../../log-format/index.ts';
import { STARTED_AT } from './samples.ts';

const hash = (text: string): string => sha256Hex(new TextEncoder().encode(text));

export function sampleHead(changes: Partial<SnapshotHead> = {}): SnapshotHead {
  return {
    vm: 'server-0badcafe',
    epoch: asEpoch(3),
    lsn: asLsn(4711),
    time: asMicros(STARTED_AT + 5),
    engineHash: hash('engine'),
    helperHash: hash('helper'),
    firmwareHash: hash('firmware'),
    imageHash: hash('image'),
    machineVersion: 2,
    memoryPages: 32,
    stackBytes: 1_048_576,
    base: asLsn(0),
    baseChain: CHAIN_START,
    state: {
      cause: asLsn(4710),
      ticks: asTicks(2 ** 40),
      digest: 0xffffffff,
      outputs: 12,
      outputsCrc: 13,
      turns: 14,
      immediatesLeft: true,
      secondTicks: 15,
      second: 16,
      engine: { runtime: 1, layout: { counter: 2 } },
      kernel: { slots: 3, functions: { boot: 4 } },
      devices: { clock: { base: 5 }, timer: null, net: { listeners: [] } },
    },
    position: {
      segment: 2,
      offset: 1234,
      chain: hash('chain'),
      epoch: asEpoch(3),
      lastLsn: asLsn(4711),
      records: 5,
      batches: 2,
    },
    view: { epoch: asEpoch(3), primary: 'a', backups: ['b', 'c'] },
    extent: 200 * SNAPSHOT_PAGE_BYTES,
    memory: new Uint8Array(16).fill(7),
    ...changes,
  };
}

/** Pages whose bytes are packed by pretence: shorter than the pages, and nothing unpacks them here. */
export function samplePages(runs: readonly PageRun[], packedBytes?: number): PackedPages {
  const pages = runs.reduce((sum, { count }) => sum + count, 0);
  const length = packedBytes ?? pages * SNAPSHOT_PAGE_BYTES;
  return {
    encoding: packedBytes === undefined ? 'identity' : 'brotli',
    runs,
    bytes: Uint8Array.from({ length }, (_, at) => at * 7),
  };
}

/** A whole file. */
export function snapshotFile(head: SnapshotHead, pages: readonly PackedPages[]): Uint8Array {
  const frames = [encodeSnapshotHead(head), ...pages.map(encodePages)];
  return new Uint8Array(Buffer.concat([...frames, endOf(frames, pages)]));
}

export function endOf(frames: readonly Uint8Array[], pages: readonly PackedPages[]): Uint8Array {
  const chain = new Chain();
  for (const frame of frames) chain.update(frame);
  const count = pages.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.count, 0);
  return encodeSnapshotEnd({ pages: count, chain: chain.head });
}

const count = fc.oneof(fc.nat(300), fc.nat(2 ** 40));
const hex = fc.string({ maxLength: 8 }).map(hash);
const plain = fc.dictionary(
  fc
    .string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' })
    .filter((key) => key !== '__proto__'),
  fc.oneof(count, fc.constant(null), fc.boolean(), hex, fc.array(fc.record({ id: count }))),
);

export const anyHead: fc.Arbitrary<SnapshotHead> = fc
  .record({
    lsn: fc.integer({ min: 2, max: 2 ** 41 }),
    epoch: count,
    base: fc.option(fc.nat(), { nil: 0 }),
    chain: hex,
    cause: count,
    digest: fc.nat(0xffffffff),
    ticks: count,
    flag: fc.boolean(),
    maps: fc.tuple(plain, plain, plain),
    backups: fc.array(fc.string({ maxLength: 9, unit: 'grapheme-ascii' }), { maxLength: 3 }),
    extent: fc.nat(512),
    memory: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  })
  .map((one) => {
    const sample = sampleHead();
    const lsn = asLsn(one.lsn);
    const epoch = asEpoch(one.epoch);
    const base = asLsn(one.base % one.lsn);
    const [engine, kernel, devices] = one.maps;
    return sampleHead({
      lsn,
      epoch,
      base,
      baseChain: base === 0 ? CHAIN_START : one.chain,
      state: {
        ...sample.state,
        cause: asLsn(one.cause % one.lsn),
        digest: one.digest,
        ticks: asTicks(one.ticks),
        immediatesLeft: one.flag,
        engine,
        kernel,
        devices,
      },
      position: { ...sample.position, lastLsn: lsn, epoch, chain: one.chain },
      view: { epoch, primary: 'p', backups: one.backups },
      extent: one.extent * SNAPSHOT_PAGE_BYTES,
      memory: one.memory,
    });
  });

/** Pages of some frames, ascending through all of them, below 512. */
export const anyPieces: fc.Arbitrary<readonly PackedPages[]> = fc
  .array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 6 }), fc.boolean()), { maxLength: 30 })
  .map((steps) => {
    const pieces: PageRun[][] = [];
    let next = 0;
    for (const [gap, length, fresh] of steps) {
      const run = { first: next + gap, count: length };
      next = run.first + run.count;
      if (fresh || pieces.length === 0) pieces.push([run]);
      else pieces.at(-1)?.push(run);
    }
    return pieces.map((runs, index) => samplePages(runs, index % 2 === 0 ? 9 : undefined));
  })
  .filter((pieces) => pieces.every(({ runs }) => runs.length <= PIECE_PAGES_MAX));
