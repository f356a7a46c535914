/**
 * How fast one moves around in a long run: opening, the first replay, gotos at random, a find over
 * the whole log, and the memory all that takes.
 *
 *   node dist/bench/timeline.js [--records 1000000] [--log DIR] [--gotos 200] [--keys 20000]
 *                               [--budget 512] [--seed 1] [--json]
 *
 * Without --log it records guests/kv.js with --records records first, without any network, and
 * deletes the log at the end. --budget: MiB for checkpoints. A goto is to take less than 300 ms once
 * checkpoints exist.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { WORKER_STACK_MIB } from '../hypervisor/base/limits.ts';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { InspectSession } from '../hypervisor/host/inspect-session.ts';
import { LogIndex } from '../hypervisor/host/log-index.ts';
import { openLog } from '../hypervisor/host/log-reader.ts';
import { MemoryCheckpoints } from '../hypervisor/timeline/checkpoints.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { accepted, Recorder, received } from './recorder.ts';
import { type Percentiles, percentilesOf } from './statistics.ts';

interface Settings {
  readonly records: number;
  readonly log: string;
  readonly made: boolean;
  readonly gotos: number;
  readonly keys: number;
  readonly budgetMib: number;
  readonly seed: number;
}

interface Figures {
  readonly records: number;
  readonly batches: number;
  readonly logBytes: number;
  readonly recordSeconds: number | undefined;
  readonly indexMs: number;
  readonly openMs: number;
  readonly firstReplaySeconds: number;
  readonly checkpoints: number;
  readonly gotoMs: Percentiles;
  readonly stepMs: Percentiles;
  readonly backMs: Percentiles;
  readonly evaluateMs: Percentiles;
  readonly findSeconds: number;
  readonly findLooks: number;
  readonly findLsn: number;
  readonly rssMib: number;
}

const CONNECTIONS = 8;
/** Batches between two waits for the disk. */
const FLUSH_EVERY = 2_000;
const GUEST = fileURLToPath(new URL('../../guests/kv.js', import.meta.url));

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

async function record({ log, records, keys, seed }: Settings): Promise<void> {
  const chance = new Chance(seed);
  const recorder = await Recorder.start({ dir: log, script: GUEST, args: ['0'] });
  const ids = Array.from({ length: CONNECTIONS }, (_, index) => 2 * index + 2);
  recorder.group(ids.map((id) => accepted(id)));
  for (let group = 0; recorder.lsn < records; group++) {
    const clients = ids.filter(() => chance.below(2) === 0);
    const turns = (clients.length > 0 ? clients : [2]).map((id) => {
      const key = `key:${chance.below(keys)}`;
      if (chance.below(3) > 0) return received(id, command('GET', key));
      return received(
        id,
        command('SET', key, `value ${chance.below(1_000_000)} of ${recorder.lsn}`),
      );
    });
    recorder.group(turns, 40);
    if (recorder.alarmAt !== undefined) recorder.wait(20);
    if (group % FLUSH_EVERY === 0) await recorder.flushed();
  }
  await recorder.finish();
}

function timed<T>(act: () => T): { readonly ms: number; readonly value: T } {
  const from = performance.now();
  const value = act();
  return { ms: performance.now() - from, value };
}

function percentiles(count: number, act: (index: number) => void): Percentiles {
  const samples = Array.from({ length: count }, (_, index) => timed(() => act(index)).ms);
  const found = percentilesOf(samples);
  if (found === undefined) throw new RangeError('no samples');
  return found;
}

function measure(settings: Settings, recordSeconds: number | undefined): Figures {
  const chance = new Chance(settings.seed + 1);
  const index = timed(() => new LogIndex(openLog(settings.log)));
  const { records, batches, bytes: logBytes, lastLsn } = index.value;
  index.value.close();
  const checkpoints = new MemoryCheckpoints(settings.budgetMib * 1_048_576);
  const path = settings.log;
  const opened = timed(() => new InspectSession({ path, checkpoints, shouldStop: () => false }));
  const session = opened.value;
  const goto = (lsn: number): void => {
    session.answer({ type: 'goto', target: { type: 'lsn', lsn } });
  };
  const first = timed(() => goto(lastLsn));
  const evaluate = (expression: string): unknown =>
    session.answer({ type: 'evaluate', expression });
  evaluate('1');
  const anywhere = (): number => 1 + chance.below(lastLsn);
  const gotoMs = percentiles(settings.gotos, () => goto(anywhere()));
  const stepMs = percentiles(100, () => session.answer({ type: 'step', count: 1 }));
  const backMs = percentiles(30, () => session.answer({ type: 'back', count: 1 }));
  const evaluateMs = percentiles(30, () => {
    session.answer({ type: 'step', count: 1 });
    evaluate('db.values.size');
  });
  const middle = Math.floor(settings.records * 0.8);
  const expression = `server.commandsTotal >= ${Math.floor(middle / 2)}`;
  const found = timed(() => session.answer({ type: 'find', expression, every: false }));
  const result = found.value.type === 'found' ? found.value : undefined;
  const info = session.answer({ type: 'info' });
  return {
    records,
    batches,
    logBytes,
    recordSeconds,
    indexMs: index.ms,
    openMs: opened.ms,
    firstReplaySeconds: first.ms / 1000,
    checkpoints: info.type === 'info' ? info.facts.checkpoints : 0,
    gotoMs,
    stepMs,
    backMs,
    evaluateMs,
    findSeconds: found.ms / 1000,
    findLooks: result?.looks ?? 0,
    findLsn: result?.lsn ?? 0,
    rssMib: process.memoryUsage.rss() / 1_048_576,
  };
}

function lines(figures: Figures): string[] {
  const of = ({ p50, p99, max }: Percentiles): string =>
    `p50 ${p50.toFixed(1)}  p99 ${p99.toFixed(1)}  max ${max.toFixed(1)} ms`;
  const { recordSeconds } = figures;
  return [
    `log           ${figures.records} records in ${figures.batches} batches, ${(figures.logBytes / 1e6).toFixed(1)} MB`,
    ...(recordSeconds === undefined ? [] : [`recorded in   ${recordSeconds.toFixed(1)} s`]),
    `index         ${figures.indexMs.toFixed(0)} ms`,
    `open          ${figures.openMs.toFixed(0)} ms (index, engine, machine)`,
    `first replay  ${figures.firstReplaySeconds.toFixed(1)} s to the end, ${figures.checkpoints} checkpoints`,
    `goto          ${of(figures.gotoMs)} (${figures.gotoMs.count} at random)`,
    `step          ${of(figures.stepMs)}`,
    `back          ${of(figures.backMs)}`,
    `step and look ${of(figures.evaluateMs)}`,
    `find          ${figures.findSeconds.toFixed(1)} s with ${figures.findLooks} looks, lsn ${figures.findLsn}`,
    `memory        ${figures.rssMib.toFixed(0)} MiB resident`,
  ];
}

async function work(settings: Settings): Promise<Figures> {
  let recordSeconds: number | undefined;
  if (settings.made) {
    const from = performance.now();
    await record(settings);
    recordSeconds = (performance.now() - from) / 1000;
  }
  return measure(settings, recordSeconds);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1000000' },
      log: { type: 'string' },
      gotos: { type: 'string', default: '200' },
      keys: { type: 'string', default: '20000' },
      budget: { type: 'string', default: '512' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const scratch = values.log === undefined ? mkdtempSync(join(tmpdir(), 'hv-bench-')) : undefined;
  try {
    const settings: Settings = {
      records: numberOption('records', values.records, 1000),
      log: values.log ?? join(scratch ?? '', 'kv'),
      made: values.log === undefined,
      gotos: numberOption('gotos', values.gotos, 1),
      keys: numberOption('keys', values.keys, 1),
      budgetMib: numberOption('budget', values.budget, 1),
      seed: numberOption('seed', values.seed, 0),
    };
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: settings,
      resourceLimits: { stackSizeMb: WORKER_STACK_MIB, maxOldGenerationSizeMb: 1024 },
    });
    const figures = await new Promise<Figures>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    const provenance: Provenance = provenanceOf(process.argv[1] ?? '', process.argv.slice(2));
    if (values.json) console.log(JSON.stringify({ ...provenance, ...figures }));
    else console.log(lines(figures).join('\n'));
    if (figures.gotoMs.max > 300) console.error('over budget: a goto took more than 300 ms');
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

if (isMainThread) await main();
else parentPort?.postMessage(await work(workerData as Settings));
