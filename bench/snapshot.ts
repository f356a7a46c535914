/**
 * What snapshots cost: how long a machine stands still for one, its size, the work beside it, and how long
 * it takes to have the machine back.
 *
 *   node dist/bench/snapshot.js [--heaps 1,10,60] [--rounds 15] [--json]
 *
 * `heaps` are MiB the guest allocates on top of its own. Between two snapshots it runs one small turn.
 * Complete snapshots are forced for the first rows; a real store takes every 64th so.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CheckpointStore, type TakenCheckpoint } from '../hypervisor/host/checkpoint-store.ts';
import { CompleteCache, loadCheckpoint } from '../hypervisor/host/snapshot-reader.ts';
import type { Engine } from '../hypervisor/machine/engine.ts';
import { memoryHash } from '../hypervisor/machine/memory-image.ts';
import { Shadow } from '../hypervisor/machine/shadow.ts';
import type { MachineSnapshot } from '../hypervisor/machine/snapshot.ts';
import { Tally } from '../hypervisor/machine/tally.ts';
import { asEpoch, asLsn, asMicros } from '../log-format/index.ts';
import { OWNER, SnapshotGuest } from '../test/support/snapshot-guest.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { type Percentiles, percentilesOf } from './statistics.ts';

/** Milliseconds unless said otherwise. */
export interface SnapshotKindFigures {
  readonly pause: Percentiles;
  readonly compress: Percentiles;
  /** From the end of the pause until it is on disk. */
  readonly write: Percentiles;
  readonly pages: number;
  readonly bytes: number;
}

export interface SnapshotRow {
  readonly heapMiB: number;
  /** Bytes of guest memory ever used, and pages of 4 KiB that are not zero. */
  readonly extent: number;
  readonly pages: number;
  readonly complete: SnapshotKindFigures;
  readonly difference: SnapshotKindFigures;
  /** The hash of all memory, as in a checkpoint record: of the memory itself, and of its shadow after a turn. */
  readonly memoryHash: Percentiles;
  readonly shadowHash: Percentiles;
  /** Copying and summing all of memory for the first time, as in the pieces before a first checkpoint. */
  readonly firstCopy: Percentiles;
  /** From disk, everything checked: a complete one, and a difference whose complete one is known. */
  readonly load: Percentiles;
  readonly loadDifference: Percentiles;
  readonly restoreCold: Percentiles;
  readonly restoreInPlace: Percentiles;
}

export interface SnapshotReport {
  readonly bench: 'snapshot';
  readonly rows: readonly SnapshotRow[];
  /** A machine with booted firmware, from the golden image in memory. */
  readonly goldenStart: Percentiles;
  readonly digestNanos: number;
  readonly provenance: Provenance;
}

/** Of the experiments the design was drawn from, on another machine: what to look at beside. */
const REFERENCE =
  'reference: restore of a bare machine 0.25 ms; 63 MiB: 33 ms, 3 ms in place; compare 43 MiB 2-3.3 ms;\n' +
  'brotli of 63 MiB 160 ms, 14.4 MiB; digest 5 ns';
const DIGESTS = 2_000_000;
const COLLECT_EVERY = 1_000;

function timed(rounds: number, run: () => void): Percentiles {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    run();
    samples.push(performance.now() - started);
  }
  return percentiles(samples);
}

function percentiles(samples: readonly number[]): Percentiles {
  const found = percentilesOf(samples);
  if (found === undefined) throw new Error('nothing was measured');
  return found;
}

/** Takes snapshots with a turn between any two; the first is complete and not counted. */
async function takeAll(
  guest: SnapshotGuest,
  dir: string,
  options: { readonly rounds: number; readonly differencesMax: number },
): Promise<TakenCheckpoint[]> {
  const taken: TakenCheckpoint[] = [];
  const store = new CheckpointStore({
    dir,
    owner: OWNER,
    differencesMax: options.differencesMax,
    onTaken: (one) => taken.push(one),
    onError: (error) => {
      throw error;
    },
  });
  for (let round = 0; round <= options.rounds; round += 1) {
    guest.input('x');
    store.take(guest.machine, {
      position: guest.position,
      time: asMicros(guest.lsn),
      view: { epoch: asEpoch(1), primary: 'bench', backups: [] },
      logDurable: (done) => done(),
    });
    await new Promise<void>((resolve) => store.whenIdle(resolve));
  }
  return taken.slice(1);
}

function kind(taken: readonly TakenCheckpoint[]): SnapshotKindFigures {
  const last = taken.at(-1);
  return {
    pause: percentiles(taken.map(({ pauseMs }) => pauseMs)),
    compress: percentiles(taken.map(({ compressMs }) => compressMs)),
    write: percentiles(taken.map(({ writeMs }) => writeMs)),
    pages: last?.pages ?? 0,
    bytes: last?.bytes ?? 0,
  };
}

function load(dir: string, lsn: number, cache?: CompleteCache): MachineSnapshot {
  const found = loadCheckpoint(dir, asLsn(lsn), OWNER, cache && { cache });
  if (found.type !== 'loaded') throw new Error(`${lsn}: ${found.reason}`);
  return found.snapshot;
}

async function measure(heapMiB: number, rounds: number): Promise<SnapshotRow> {
  const dir = mkdtempSync(join(tmpdir(), 'hv-bench-'));
  try {
    const guest = new SnapshotGuest().boot();
    for (let mib = 0; mib < heapMiB; mib += 1) guest.input('g1024');
    const complete = await takeAll(guest, dir, { rounds, differencesMax: 0 });
    const first = complete[0]?.lsn ?? 0;
    const differences = await takeAll(guest, dir, { rounds, differencesMax: rounds });
    const cache = new CompleteCache();
    const lsns = differences.map(({ lsn }) => lsn);
    for (const lsn of lsns.slice(0, 1)) load(dir, lsn, cache);
    let next = 0;
    const loadDifference = timed(rounds, () => {
      load(dir, lsns[next % lsns.length] ?? 0, cache);
      next += 1;
    });
    const snapshot = load(dir, first);
    const machine = new SnapshotGuest({ snapshot }).machine;
    return {
      heapMiB,
      extent: guest.machine.usedMemory().length,
      pages: guest.machine.figures().pages,
      complete: kind(complete),
      difference: kind(differences),
      memoryHash: timed(rounds, () => {
        const memory = guest.machine.usedMemory();
        memoryHash(memory, memory.length);
      }),
      shadowHash: shadowHash(guest, rounds),
      firstCopy: timed(Math.min(rounds, 5), () => new Shadow().catchUp(guest.machine.usedMemory())),
      load: timed(Math.min(rounds, 5), () => load(dir, first)),
      loadDifference,
      restoreCold: timed(Math.min(rounds, 5), () => new SnapshotGuest({ snapshot })),
      restoreInPlace: timed(rounds, () => machine.restore(snapshot)),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function shadowHash(guest: SnapshotGuest, rounds: number): Percentiles {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    guest.input('x');
    const started = performance.now();
    guest.machine.figures();
    samples.push(performance.now() - started);
  }
  return percentiles(samples);
}

/** Nanoseconds that the rolling digest adds to a turn. */
function digestNanos(): number {
  const layout = { mallocState: 0, randomState: 16 };
  const engine = { layout, u32: new Uint32Array(16) } as unknown as Engine;
  const tally = new Tally();
  const run = (count: number): void => {
    for (let turn = 1; turn <= count; turn += 1) {
      tally.turnEnded(engine, turn);
      if (turn % COLLECT_EVERY === 0) tally.collect();
    }
  };
  run(DIGESTS / 10);
  const started = performance.now();
  run(DIGESTS);
  return ((performance.now() - started) * 1e6) / DIGESTS;
}

function lines(row: SnapshotRow): string[] {
  const ms = ({ p50, max }: Percentiles): string => `${p50.toFixed(2)} ms (max ${max.toFixed(2)})`;
  const one = (name: string, figures: SnapshotKindFigures): string =>
    `  ${name}: pause ${ms(figures.pause)}, ${figures.pages} pages, ${(figures.bytes / 1024).toFixed(0)} KiB, ` +
    `compress ${ms(figures.compress)} off thread, on disk after ${ms(figures.write)}`;
  return [
    `${row.heapMiB} MiB heap: ${(row.extent / 1024 / 1024).toFixed(1)} MiB used, ${row.pages} pages`,
    one('complete', row.complete),
    one('difference', row.difference),
    `  memory hash ${ms(row.memoryHash)}, of the shadow ${ms(row.shadowHash)}; first copy ${ms(row.firstCopy)}`,
    `  load ${ms(row.load)}, a difference ${ms(row.loadDifference)}`,
    `  restore cold ${ms(row.restoreCold)}, in place ${ms(row.restoreInPlace)}`,
  ];
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      heaps: { type: 'string', default: '1,10,60' },
      rounds: { type: 'string', default: '15' },
      json: { type: 'boolean', default: false },
    },
  });
  const rounds = numberOption('rounds', values.rounds, 1);
  const rows: SnapshotRow[] = [];
  for (const text of values.heaps.split(','))
    rows.push(await measure(numberOption('heaps', text, 0), rounds));
  const report: SnapshotReport = {
    bench: 'snapshot',
    rows,
    goldenStart: timed(rounds, () => new SnapshotGuest()),
    digestNanos: digestNanos(),
    provenance: provenanceOf(file, argv),
  };
  if (values.json) {
    console.log(JSON.stringify(report));
    return;
  }
  for (const row of rows) for (const line of lines(row)) console.log(line);
  const { p50, max } = report.goldenStart;
  console.log(`start from the golden image ${p50.toFixed(2)} ms (max ${max.toFixed(2)})`);
  console.log(`digest ${report.digestNanos.toFixed(1)} ns per turn\n${REFERENCE}`);
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
