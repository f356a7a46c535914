/**
 * What a seal and signatures cost: a log written batch by batch (each with the kernel before the next, as
 * outputs without a backup wait for it) and in bulk, then read back, with and without keys.
 *
 *   node dist/bench/log-seal.js [--batches 20000] [--bytes 200] [--rounds 7] [--json]
 *
 * Arms of one round are run one after the other in a random order; `plain2` is `plain` again, and what it
 * differs by is noise. `bytes` are of the payload of one batch.
 */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { logKey, useLogKeys } from '../hypervisor/host/log-keys.ts';
import { openLog, verifyLog } from '../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../hypervisor/host/log-store.ts';
import { newSignKey, useSignKey } from '../hypervisor/host/sign-keys.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  type EncodedBatch,
  encodeBatch,
  INTERRUPT,
} from '../log-format/index.ts';
import { BLOBS, STARTED_AT, sampleHeader } from '../test/unit/log-format/samples.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { compareArms, type Interval, judgeNullPair, median, shuffled } from './statistics.ts';

const ARMS = ['plain', 'plain2', 'sealed', 'signed', 'sealed+signed'] as const;
type Arm = (typeof ARMS)[number];

/** Medians over the rounds. Times are of the processor, all threads: others on the machine add little to them. */
export interface SealRow {
  readonly arm: Arm;
  /** Microseconds a batch: written alone, and in bulk with one sync at the end. */
  readonly singleMicros: number;
  readonly bulkMicros: number;
  /** Of the bulk, and of reading it back with every check. */
  readonly bulkMiBPerSecond: number;
  readonly verifyMiBPerSecond: number;
  /** Of the single writes: bytes on disk per batch. */
  readonly singleBytes: number;
  /** Milliseconds until a log of that many bytes is open for appending, as after a takeover. */
  readonly resumeMillis: number;
  /** Time of its single and bulk writes over that of `plain`. */
  readonly single: Interval;
  readonly bulk: Interval;
}

export interface SealReport {
  readonly bench: 'log-seal';
  readonly batches: number;
  readonly bytes: number;
  readonly rows: readonly SealRow[];
  readonly provenance: Provenance;
}

interface Sample {
  readonly single: number;
  readonly bulk: number;
  readonly verify: number;
  readonly resume: number;
  readonly singleBytes: number;
  readonly logBytes: number;
}

function batchesOf(count: number, bytes: number): EncodedBatch[] {
  return Array.from({ length: count }, (_, n) => {
    const payload = new Uint8Array(bytes).fill(n);
    const time = asMicros(STARTED_AT + 100 * n);
    const record = {
      type: 'interrupt',
      kind: INTERRUPT.netData,
      id: 2,
      num: 0,
      time,
      payload,
    } as const;
    const batch = { epoch: asEpoch(1), firstLsn: asLsn(n + 1), records: [record] };
    return encodeBatch(batch, STARTED_AT);
  });
}

function cpuMillis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function fail(error: Error): never {
  throw error;
}

function create(dir: string): FileLogStore {
  return FileLogStore.create(dir, sampleHeader(), BLOBS, { onError: fail });
}

const sealed = (store: FileLogStore): Promise<void> =>
  new Promise((resolve) => store.seal(resolve));

async function singly(dir: string, batches: readonly EncodedBatch[]): Promise<number> {
  const store = create(dir);
  const started = cpuMillis();
  for (const batch of batches) {
    store.append(batch);
    await new Promise<void>((resolve) => store.write(resolve));
  }
  const took = cpuMillis() - started;
  await sealed(store);
  return took;
}

async function inBulk(dir: string, batches: readonly EncodedBatch[]): Promise<number> {
  const store = create(dir);
  const started = cpuMillis();
  for (const batch of batches) store.append(batch);
  await sealed(store);
  return cpuMillis() - started;
}

/** Of a log written singly: it has as many sealed frames as there can be. */
async function resumed(dir: string, batches: readonly EncodedBatch[]): Promise<number> {
  const store = create(dir);
  for (const batch of batches) {
    store.append(batch);
    store.write(() => undefined);
  }
  const position = await new Promise<Parameters<typeof FileLogStore.resume>[0] | undefined>(
    (resolve) => store.handover(resolve),
  );
  if (position === undefined) throw new Error('the log can go on');
  const started = performance.now();
  const next = FileLogStore.resume(position, { onError: fail });
  const took = performance.now() - started;
  await new Promise<void>((resolve) => next.close(resolve));
  return took;
}

const bytesOf = (dir: string): number =>
  readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);

async function sample(arm: Arm, batches: readonly EncodedBatch[]): Promise<Sample> {
  const key = logKey(new Uint8Array(32).fill(5));
  const seals = arm.startsWith('sealed');
  useLogKeys(seals ? { keys: [key], file: 'bench', plain: 'refused' } : undefined);
  useSignKey(arm.endsWith('signed') ? newSignKey('bench') : undefined);
  const home = mkdtempSync(join(tmpdir(), 'hv-seal-'));
  try {
    const single = await singly(join(home, 'single'), batches);
    const bulk = await inBulk(join(home, 'bulk'), batches);
    const started = cpuMillis();
    const { bytes } = verifyLog(openLog(join(home, 'bulk')));
    const verify = cpuMillis() - started;
    const resume = await resumed(join(home, 'resumed'), batches);
    const singleBytes = bytesOf(join(home, 'single')) / batches.length;
    return { single, bulk, verify, resume, singleBytes, logBytes: bytes };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function rowOf(
  arm: Arm,
  {
    samples,
    plain,
    chance,
  }: { samples: readonly Sample[]; plain: readonly Sample[]; chance: Chance },
  batches: number,
): SealRow {
  const middle = (of: (one: Sample) => number): number => median(samples.map(of)) ?? Number.NaN;
  const rate = (of: (one: Sample) => number): number =>
    middle((one) => one.logBytes / 2 ** 20 / (of(one) / 1000));
  const ratio = (of: (one: Sample) => number): Interval =>
    compareArms(samples.map(of), plain.map(of), chance);
  return {
    arm,
    singleMicros: middle((one) => (1000 * one.single) / batches),
    bulkMicros: middle((one) => (1000 * one.bulk) / batches),
    bulkMiBPerSecond: rate((one) => one.bulk),
    verifyMiBPerSecond: rate((one) => one.verify),
    singleBytes: middle((one) => one.singleBytes),
    resumeMillis: middle((one) => one.resume),
    single: ratio((one) => one.single),
    bulk: ratio((one) => one.bulk),
  };
}

async function measured(
  encoded: readonly EncodedBatch[],
  rounds: number,
): Promise<readonly SealRow[]> {
  const chance = new Chance(1);
  const samples = new Map<Arm, Sample[]>(ARMS.map((arm) => [arm, []]));
  // The first round warms the code up and is thrown away.
  for (let round = 0; round <= rounds; round++)
    for (const arm of shuffled(ARMS, chance)) {
      const found = await sample(arm, encoded);
      if (round > 0) samples.get(arm)?.push(found);
    }
  const plain = samples.get('plain') ?? [];
  return ARMS.map((arm) =>
    rowOf(arm, { samples: samples.get(arm) ?? [], plain, chance }, encoded.length),
  );
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      batches: { type: 'string', default: '20000' },
      bytes: { type: 'string', default: '200' },
      rounds: { type: 'string', default: '7' },
      json: { type: 'boolean', default: false },
    },
  });
  const batches = numberOption('batches', values.batches, 1);
  const bytes = numberOption('bytes', values.bytes, 1);
  const rounds = numberOption('rounds', values.rounds, 3);
  const rows = await measured(batchesOf(batches, bytes), rounds);
  const provenance = provenanceOf(file, argv);
  const report: SealReport = { bench: 'log-seal', batches, bytes, rows, provenance };
  if (values.json) {
    console.log(JSON.stringify(report));
    return;
  }
  for (const row of rows) console.log(line(row));
  const [, twin] = rows;
  if (twin !== undefined) console.log(judgeNullPair(twin.single).text);
}

function line(row: SealRow): string {
  const ratio = ({ ratio: value, low, high }: Interval): string =>
    `x${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  return [
    row.arm.padEnd(14),
    `single ${row.singleMicros.toFixed(1)} µs ${ratio(row.single)}, ${row.singleBytes.toFixed(0)} bytes;`,
    `bulk ${row.bulkMicros.toFixed(2)} µs ${ratio(row.bulk)}, ${row.bulkMiBPerSecond.toFixed(0)} MiB/s;`,
    `verify ${row.verifyMiBPerSecond.toFixed(0)} MiB/s; resume ${row.resumeMillis.toFixed(2)} ms`,
  ].join(' ');
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
