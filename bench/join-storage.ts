/**
 * What a join by snapshot costs on the disks and threads of both sides: how long the guest stands still for
 * a checkpoint that is asked for, reading the chain and writing it again, and restoring the machine in
 * a worker from what was written. No network: a link adds its own time to the bytes.
 *
 *   node dist/bench/join-storage.js [--heaps 10,100] [--rounds 5] [--json]
 *
 * `heaps` are MiB the guest allocates on top of its own.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HvError } from '../hypervisor/base/errors.ts';
import type { TakenCheckpoint } from '../hypervisor/host/checkpoint-store.ts';
import { inspectCopy } from '../hypervisor/host/local-copy.ts';
import { FileLogStore } from '../hypervisor/host/log-store.ts';
import { RemoteMachine } from '../hypervisor/host/remote-machine.ts';
import { type IntakeEnd, SnapshotIntake } from '../hypervisor/host/snapshot-intake.ts';
import { openSnapshotSource } from '../hypervisor/host/snapshot-source.ts';
import { asLsn } from '../log-format/index.ts';
import { RecordedRun, RUN_HEADER } from '../test/support/recorded-run.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { type Percentiles, percentilesOf } from './statistics.ts';

/** Milliseconds unless said otherwise. */
export interface JoinRow {
  readonly heapMiB: number;
  readonly bytes: number;
  /** The guest stands still: hashing its memory for the record, and copying what has changed. */
  readonly checkpointPause: Percentiles;
  readonly snapshotPause: Percentiles;
  /** From the request until it is on disk. */
  readonly checkpoint: Percentiles;
  /** Source, link by function call and intake, until the log of the copy is on disk. */
  readonly transfer: Percentiles;
  /** Longest time either kept the thread meanwhile. */
  readonly longestTurn: Percentiles;
  /** Of the copy: looked at, and its machine in a new worker. */
  readonly inspect: Percentiles;
  readonly restore: Percentiles;
}

export interface JoinReport {
  readonly bench: 'join-storage';
  readonly rows: readonly JoinRow[];
  readonly provenance: Provenance;
}

type Sample = { readonly [key in Exclude<keyof JoinRow, 'heapMiB'>]: number };

function percentiles(samples: readonly number[]): Percentiles {
  const found = percentilesOf(samples);
  if (found === undefined) throw new Error('nothing was measured');
  return found;
}

async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const started = performance.now();
  const result = await run();
  return { ms: performance.now() - started, result };
}

/** Asks for a checkpoint of `run`, complete, and runs a small turn that it comes behind. */
async function checkpoint(
  run: RecordedRun,
): Promise<TakenCheckpoint & { readonly groupMs: number }> {
  let taken: TakenCheckpoint | undefined;
  run.checkpoints.request({ complete: true }, (outcome) => {
    if (outcome instanceof HvError) throw outcome;
    taken = outcome;
  });
  const started = performance.now();
  run.input('x');
  const groupMs = performance.now() - started;
  await run.settled();
  if (taken === undefined) throw new Error('no checkpoint was taken');
  return { ...taken, groupMs };
}

async function transfer(
  from: string,
  dir: string,
): Promise<{ ms: number; longest: number; lsn: number }> {
  let last = performance.now();
  let longest = 0;
  const watch = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  const { ms, result } = await timed(async () => {
    const source = await openSnapshotSource(from, RUN_HEADER);
    if (source === undefined) throw new Error('there is a snapshot');
    const { beginning, files } = source;
    const intake = new SnapshotIntake({ dir, beginning, files });
    return await new Promise<IntakeEnd>((resolve, reject) => {
      source.read(
        (name, offset, bytes) => intake.chunk(name, offset, bytes),
        (end) => {
          if (end.type === 'damaged') reject(new Error(end.reason));
          else intake.finish(resolve);
        },
      );
    });
  });
  clearInterval(watch);
  if (result.type !== 'ready') throw new Error(`not ready: ${result.type}`);
  const store = FileLogStore.resume(result.position, { onError: (error) => console.error(error) });
  await new Promise<void>((resolve) => store.close(resolve));
  return { ms, longest, lsn: result.head.lsn };
}

function restore(dir: string, lsn: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const machine = new RemoteMachine(
      { header: RUN_HEADER, blobs: [] },
      {
        hangLimitMs: Number.POSITIVE_INFINITY,
        onFailure: reject,
        restore: { dir, lsn: asLsn(lsn), lsnReleased: asLsn(lsn) },
        onRestored: () => {
          machine.dispose();
          resolve();
        },
      },
    );
  });
}

async function measure(heapMiB: number, rounds: number): Promise<JoinRow> {
  const base = mkdtempSync(join(tmpdir(), 'hv-bench-'));
  try {
    const from = join(base, 'primary');
    const run = new RecordedRun(from, { hashes: false, differencesMax: 100 }).boot();
    for (let mib = 0; mib < heapMiB; mib += 1) run.input('g1024');
    await run.settled();
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const taken = await timed(() => checkpoint(run));
      const dir = join(base, `copy-${round}`);
      const { ms, longest, lsn } = await transfer(from, dir);
      const inspected = await timed(() => inspectCopy(dir));
      const restored = await timed(() => restore(dir, lsn));
      samples.push({
        bytes: taken.result.bytes,
        checkpointPause: taken.result.groupMs,
        snapshotPause: taken.result.pauseMs,
        checkpoint: taken.ms,
        transfer: ms,
        longestTurn: longest,
        inspect: inspected.ms,
        restore: restored.ms,
      });
      rmSync(dir, { recursive: true, force: true });
    }
    await run.close();
    const of = (key: keyof Sample): Percentiles => percentiles(samples.map((one) => one[key]));
    return {
      heapMiB,
      bytes: samples.at(-1)?.bytes ?? 0,
      checkpointPause: of('checkpointPause'),
      snapshotPause: of('snapshotPause'),
      checkpoint: of('checkpoint'),
      transfer: of('transfer'),
      longestTurn: of('longestTurn'),
      inspect: of('inspect'),
      restore: of('restore'),
    };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function lines(row: JoinRow): string[] {
  const ms = ({ p50, max }: Percentiles): string => `${p50.toFixed(1)} ms (max ${max.toFixed(1)})`;
  return [
    `${row.heapMiB} MiB heap: a complete snapshot of ${(row.bytes / 1024 / 1024).toFixed(1)} MiB`,
    `  asked for: the guest stands still ${ms(row.checkpointPause)}, of it for the snapshot ${ms(row.snapshotPause)}; on disk after ${ms(row.checkpoint)}`,
    `  read, checked and written ${ms(row.transfer)}, longest turn of the loop ${ms(row.longestTurn)}`,
    `  inspected ${ms(row.inspect)}, restored in a new worker ${ms(row.restore)}`,
  ];
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      heaps: { type: 'string', default: '10,100' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = numberOption('rounds', values.rounds, 1);
  const rows: JoinRow[] = [];
  for (const text of values.heaps.split(','))
    rows.push(await measure(numberOption('heaps', text, 0), rounds));
  const provenance = provenanceOf(file, argv);
  const report: JoinReport = { bench: 'join-storage', rows, provenance };
  if (values.json) console.log(JSON.stringify(report));
  else for (const row of rows) for (const line of lines(row)) console.log(line);
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
