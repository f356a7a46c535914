/**
 * What it costs a running guest that a fresh backup joins: how long its client waits for a reply at
 * worst, and how long it takes until the guest is protected.
 *
 *   node dist/bench/join.js [--heap 100] [--rounds 3] [--only taken] [--json]
 *
 * Real processes on loopback, one client that sends a line when it has the answer to the last one. `taken`:
 * there is no snapshot, so one is taken for the backup. `there`: the run keeps checkpoints, and the newest
 * is sent. Of the same length before the join the longest wait is measured, too: on a busy machine that is
 * what would have been anyway.
 */

import { mkdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { untilAccepting } from '../hypervisor/cli/demo/replicas.ts';
import { GUESTS, type HvEvent, type HvProcess, Stage } from '../test/support/hv-process.ts';
import { freePort } from '../test/support/kv-client.ts';
import { within } from '../test/support/recording-clients.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { type Percentiles, percentilesOf } from './statistics.ts';

const WAIT_MS = 120_000;
/** A log of fewer records than this (JOIN_LOG_RECORDS) is streamed whole; each answer makes one or more. */
const ANSWERS_BEFORE = 6_000;
const AFTER_MS = 500;

export type Source = 'taken' | 'there';
const SOURCES: readonly Source[] = ['taken', 'there'];

/** Milliseconds. */
export interface JoinTrial {
  readonly source: Source;
  /** Longest wait for a reply from the start of the backup until shortly after it is in step. */
  readonly worstMs: number;
  /** And in as long a time before that. */
  readonly worstBeforeMs: number;
  /** From the primary's first word with the backup on: until it is in the view. */
  readonly protectedMs: number;
  /** Until it has replayed what it has. */
  readonly inStepMs: number;
  /** From the start of the process of `hv backup` until it is in the view. */
  readonly sinceStartMs: number;
  /** Longest that a checkpoint meanwhile says it stood still for copying; undefined: there was none. */
  readonly copyMs: number | undefined;
}

export interface JoinFigures {
  readonly source: Source;
  readonly rounds: number;
  readonly figures: Readonly<Record<string, Percentiles>>;
}

export interface JoinReport {
  readonly bench: 'join';
  readonly heapMiB: number;
  readonly rows: readonly JoinFigures[];
  readonly load: readonly number[];
  readonly provenance: Provenance;
}

/**
 * The longest wait for a reply that touches the time from `from` to `to`: `repliedAt` ascending, each the end
 * of a wait that began at the one before.
 */
export function worstWait(repliedAt: readonly number[], from: number, to: number): number {
  let worst = 0;
  for (const [index, at] of repliedAt.entries()) {
    const before = repliedAt[index - 1];
    if (before !== undefined && at >= from && before <= to) worst = Math.max(worst, at - before);
  }
  return worst;
}

const COLUMNS: readonly (readonly [string, (trial: JoinTrial) => number | undefined])[] = [
  ['longest wait', ({ worstMs }) => worstMs],
  ['as long before', ({ worstBeforeMs }) => worstBeforeMs],
  ['of it copying', ({ copyMs }) => copyMs],
  ['protected', ({ protectedMs }) => protectedMs],
  ['in step', ({ inStepMs }) => inStepMs],
  ['since the start', ({ sinceStartMs }) => sinceStartMs],
];

export function joinFigures(source: Source, trials: readonly JoinTrial[]): JoinFigures {
  const figures: Record<string, Percentiles> = {};
  for (const [name, of] of COLUMNS) {
    const found = percentilesOf(trials.flatMap((trial) => of(trial) ?? []));
    if (found !== undefined) figures[name] = found;
  }
  return { source, rounds: trials.length, figures };
}

/** One line under way at a time, from `start` on until the connection ends. */
class Asker {
  readonly repliedAt: number[] = [];
  readonly #socket: Socket;
  #closed = false;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('connect', () => this.#socket.write('?\n'));
    this.#socket.on('data', () => {
      this.repliedAt.push(performance.now());
      this.#socket.write('?\n');
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#closed = true;
    });
  }

  async until(count: number): Promise<void> {
    while (this.repliedAt.length < count) {
      if (this.#closed) throw new Error('the guest closed the connection');
      await sleep(5);
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function eventOf(process: HvProcess, evt: string): Promise<HvEvent> {
  return within(WAIT_MS, process.event(evt), `no ${evt}: ${process.stderr}`);
}

async function joinOnce(source: Source, heapMiB: number): Promise<JoinTrial> {
  const stage = new Stage();
  try {
    mkdirSync(join(stage.dir, 'arbiter'));
    const port = await freePort();
    // So rare that the run takes none by itself; with `off` it could not take one when asked, either.
    const checkpoint = source === 'taken' ? '1000000000' : '4000';
    const primary = stage.hv([
      ...['run', '--listen', '127.0.0.1:0', '--arbiter', `file:${join(stage.dir, 'arbiter')}`],
      ...['--detect', '2000', '--dir', 'primary', '--events-fd', '3', '--checkpoint', checkpoint],
      ...[join(GUESTS, 'bench-heap.js'), String(port)],
      String(heapMiB),
    ]);
    const { address = '' } = await eventOf(primary, 'started');
    const gaveUp = (): Error | undefined =>
      primary.over ? new Error(`the guest ended: ${primary.stderr}`) : undefined;
    await untilAccepting(port, { timeoutMs: WAIT_MS, gaveUp });
    const asker = new Asker(port);
    await asker.until(ANSWERS_BEFORE);
    if (source === 'there') await eventOf(primary, 'checkpoint');
    const trial = await around(stage, { primary, asker, address });
    asker.end();
    return { source, ...trial };
  } finally {
    await stage.close();
  }
}

async function around(
  stage: Stage,
  at: { readonly primary: HvProcess; readonly asker: Asker; readonly address: string },
): Promise<Omit<JoinTrial, 'source'>> {
  const { primary, asker, address } = at;
  const seen = primary.events.length;
  const [startedAt, startedWall] = [performance.now(), 1000 * Date.now()];
  const backup = stage.hv([
    ...['backup', '--listen', '127.0.0.1:0', '--join', address, '--dir', 'backup'],
    ...['--events-fd', '3'],
  ]);
  const inStep = await eventOf(backup, 'in.step');
  const isProtected = await eventOf(primary, 'protected');
  const joining = await eventOf(primary, 'backup.joining');
  await sleep(AFTER_MS);
  const endedAt = performance.now();
  const copies = primary.events
    .slice(seen)
    .flatMap(({ evt, pauseMs }) => (evt === 'checkpoint' ? [Number(pauseMs)] : []));
  return {
    worstMs: worstWait(asker.repliedAt, startedAt, endedAt),
    worstBeforeMs: worstWait(asker.repliedAt, 2 * startedAt - endedAt, startedAt - 1),
    protectedMs: (isProtected.at - joining.at) / 1000,
    inStepMs: (inStep.at - joining.at) / 1000,
    sinceStartMs: (isProtected.at - startedWall) / 1000,
    copyMs: copies.length === 0 ? undefined : Math.max(...copies),
  };
}

function lines({ source, rounds, figures }: JoinFigures): string[] {
  const what = source === 'taken' ? 'a snapshot has to be taken' : 'a snapshot is there';
  return [
    `${what}, ${rounds} joins, milliseconds (median, max)`,
    ...Object.entries(figures).map(
      ([name, { p50, max }]) =>
        `  ${name.padEnd(16)}${p50.toFixed(1).padStart(9)}${max.toFixed(1).padStart(9)}`,
    ),
  ];
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(130));
  const { values } = parseArgs({
    args: [...argv],
    options: {
      heap: { type: 'string', default: '100' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const heapMiB = numberOption('heap', values.heap, 1);
  const rounds = numberOption('rounds', values.rounds, 1);
  const [before = 0] = loadavg();
  const trials: JoinTrial[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const source of SOURCES.filter((one) => one === (values.only ?? one))) {
      const trial = await joinOnce(source, heapMiB);
      trials.push(trial);
      console.error(JSON.stringify(trial));
    }
  const rows = SOURCES.flatMap((source) => {
    const own = trials.filter((trial) => trial.source === source);
    return own.length === 0 ? [] : [joinFigures(source, own)];
  });
  const load = [before, loadavg()[0] ?? 0];
  const provenance = provenanceOf(file, argv);
  const report: JoinReport = { bench: 'join', heapMiB, rows, load, provenance };
  if (values.json) console.log(JSON.stringify({ ...report, trials }));
  else {
    for (const row of rows) for (const line of lines(row)) console.log(line);
    console.log(
      `load of the machine before and after: ${load.map((n) => n.toFixed(1)).join(', ')}`,
    );
  }
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
