/**
 * What each way of waiting for backups costs, and what it loses when the primary dies under load.
 *
 *   node dist/bench/modes.js [--trials 5] [--blocks 7] [--seconds 0.5] [--detect 2000] [--seed 1]
 *                            [--part latency|loss] [--json]
 *
 * Latency: SET of guests/kv.js with one connection and with eight, all modes at a time, in short slices
 * that take turns in shuffled order, in microseconds of p50 and p99 and as the ratio to --ack received.
 * Loss: for each level so many kills of the primary with eight writers, once of its process (what it had
 * handed to the kernel still arrives) and once of its host (the link, on which a byte takes 5 ms, goes
 * silent with what is on it).
 */

import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Chance } from '../hypervisor/cli/demo/chance.ts';
import { ACK_LEVELS, type AckLevel } from '../hypervisor/protocol/ack-level.ts';
import { KvClient } from '../test/support/kv-client.ts';
import { type Loss, lossOf, Setter, writeFor } from './mode-load.ts';
import { type Lag, type Mode, ModePair } from './mode-pair.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import {
  compareArms,
  type Interval,
  judgeNullPair,
  median,
  percentilesOf,
  shuffled,
} from './statistics.ts';

const DELAY_MS = 5;
const CONNECTIONS = 8;
const WARM_UP_SECONDS = 0.5;
/** Answers before a kill: from this, and up to as many more. */
const WRITES_BEFORE = 500;
const BASE = 'received';
const NULL_ARM = 'received again';

const ONE: Omit<Mode, 'ack'> = { backups: 1, quorum: 0, delayMs: 0 };
const LOOPBACK_MODES: Readonly<Record<string, Mode>> = {
  ...Object.fromEntries(ACK_LEVELS.map((ack) => [ack, { ...ONE, ack }])),
  [NULL_ARM]: { ...ONE, ack: 'received' },
  'received, 1 of 2': { ack: 'received', backups: 2, quorum: 1, delayMs: 0 },
  'received, all of 2': { ack: 'received', backups: 2, quorum: 0, delayMs: 0 },
  'async, 5 ms away': { ...ONE, ack: 'async', delayMs: DELAY_MS },
  'received, 5 ms away': { ...ONE, ack: 'received', delayMs: DELAY_MS },
  'verified, 5 ms away': { ...ONE, ack: 'verified', delayMs: DELAY_MS },
};

/** Microseconds, of all slices together. */
export interface LatencyRow {
  readonly mode: string;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  /** Requests a second of all connections, the median of the slices. */
  readonly perSecond: number;
  /** Median latency of a slice over that of --ack received in the same block; undefined for itself. */
  readonly ratio: Interval | undefined;
}

export interface LossRow {
  readonly ack: AckLevel;
  readonly struck: 'process' | 'host';
  readonly trials: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** Of the worst trial. */
  readonly lostMost: number;
  readonly reachMs: number;
  /** The longest lag that a primary reported within its last moments. */
  readonly lagMs: number;
}

export interface ModesReport {
  readonly bench: 'modes';
  readonly latency: readonly LatencyRow[];
  readonly nullPair: string | undefined;
  readonly loss: readonly LossRow[];
  /** Load average of the machine before and after: at more than the cores, latencies are upper bounds. */
  readonly load: readonly number[];
  readonly provenance: Provenance;
}

interface Slice {
  readonly one: readonly number[];
  readonly perSecond: number;
}

/** One trial of a kill, as it was judged. */
export interface LossTrial {
  readonly loss: Loss;
  readonly lag: Lag | undefined;
}

export function lossRow(
  ack: AckLevel,
  struck: LossRow['struck'],
  trials: readonly LossTrial[],
): LossRow {
  const most = (of: (trial: LossTrial) => number): number => Math.max(0, ...trials.map(of));
  const sum = (of: (loss: Loss) => number): number =>
    trials.reduce((all, { loss }) => all + of(loss), 0);
  return {
    ...{ ack, struck, trials: trials.length },
    acknowledged: sum(({ acknowledged }) => acknowledged),
    lost: sum(({ lost }) => lost),
    lostMost: most(({ loss }) => loss.lost),
    reachMs: most(({ loss }) => loss.reachMs),
    lagMs: most(({ lag }) => lag?.ms ?? 0),
  };
}

/** Rows that break the promise: only --ack async may lose what was acknowledged. */
export function brokenPromises(rows: readonly LossRow[]): readonly LossRow[] {
  return rows.filter(({ ack, lost }) => ack !== 'async' && lost > 0);
}

/** The report in markdown. */
export function tables(report: Pick<ModesReport, 'latency' | 'loss'>): string[] {
  const out: string[] = [];
  const cells = (...words: readonly string[]): void => void out.push(`| ${words.join(' | ')} |`);
  if (report.latency.length > 0) {
    cells('mode', 'p50', 'p99', `requests/s with ${CONNECTIONS}`, 'p50 against received');
    cells('---', '---:', '---:', '---:', '---:');
    for (const { mode, p50, p99, perSecond, ratio } of report.latency)
      cells(
        ...[mode, ms(p50 / 1000), ms(p99 / 1000), perSecond.toFixed(0)],
        ratio === undefined
          ? '1'
          : `${ratio.ratio.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`,
      );
    out.push('');
  }
  if (report.loss.length > 0) {
    cells('`--ack`', 'killed', 'kills', 'acknowledged', 'lost', 'worst kill', 'reach', 'lag told');
    cells('---', '---', '---:', '---:', '---:', '---:', '---:', '---:');
    for (const row of report.loss)
      cells(
        ...[row.ack, row.struck, String(row.trials), String(row.acknowledged), String(row.lost)],
        ...[String(row.lostMost), row.lost === 0 ? '-' : ms(row.reachMs), ms(row.lagMs)],
      );
  }
  return out;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

interface Settings {
  readonly trials: number;
  readonly blocks: number;
  readonly seconds: number;
  readonly detect: string;
  readonly seed: number;
  readonly part: string | undefined;
  readonly json: boolean;
}

async function measureLatency(
  settings: Settings,
  chance: Chance,
): Promise<Pick<ModesReport, 'latency' | 'nullPair'>> {
  const arms: { name: string; pair: ModePair; clients: KvClient[]; slices: Slice[] }[] = [];
  try {
    for (const [name, mode] of Object.entries(LOOPBACK_MODES)) {
      const pair = await ModePair.start(mode, settings.detect);
      const clients: KvClient[] = [];
      arms.push({ name, pair, clients, slices: [] });
      for (let n = 0; n < CONNECTIONS; n += 1) clients.push(await KvClient.reach(pair.port));
      await writeFor(clients, WARM_UP_SECONDS);
      console.error(`${name} is protected`);
    }
    for (let block = 0; block < settings.blocks; block += 1) {
      for (const { pair, clients, slices } of shuffled(arms, chance)) {
        const { latenciesMs: one } = await writeFor(clients.slice(0, 1), settings.seconds);
        const { perSecond } = await writeFor(clients, settings.seconds);
        pair.demandWhole();
        slices.push({ one, perSecond });
      }
      console.error(`block ${block + 1} of ${settings.blocks}`);
    }
  } finally {
    for (const { pair, clients } of arms) {
      for (const client of clients) client.close();
      await pair.close();
    }
  }
  const medians = (name: string): number[] =>
    (arms.find((arm) => arm.name === name)?.slices ?? []).map(({ one }) => median(one) ?? 0);
  const against = (name: string): Interval => compareArms(medians(name), medians(BASE), chance);
  const latency = arms.map(({ name, slices }) => {
    const all = percentilesOf(slices.flatMap(({ one }) => one));
    return {
      ...{ mode: name, requests: all?.count ?? 0 },
      ...{ p50: 1000 * (all?.p50 ?? 0), p99: 1000 * (all?.p99 ?? 0) },
      perSecond: median(slices.map(({ perSecond }) => perSecond)) ?? 0,
      ratio: name === BASE ? undefined : against(name),
    };
  });
  return { latency, nullPair: judgeNullPair(against(NULL_ARM)).text };
}

async function killOnce(
  ack: AckLevel,
  struck: LossRow['struck'],
  settings: Settings,
  chance: Chance,
): Promise<LossTrial> {
  const host = struck === 'host';
  const mode: Mode = { ...ONE, ack, delayMs: host ? DELAY_MS : 0, cuttable: host };
  const pair = await ModePair.start(mode, settings.detect);
  const clients: KvClient[] = [];
  try {
    for (let n = 0; n < CONNECTIONS; n += 1) clients.push(await KvClient.reach(pair.port));
    const setters = clients.map((client, n) => new Setter(`kill:${n}`, client));
    const running = Promise.all(setters.map((one) => one.run()));
    const enough = WRITES_BEFORE * (1 + chance.next());
    const answered = (): number => setters.reduce((sum, one) => sum + one.ackedAt.length, 0);
    while (answered() < enough) {
      pair.demandWhole();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    pair.demandWhole();
    const lag = await pair.lag();
    const struckAt = performance.now();
    pair.kill({ host });
    await running;
    await pair.live();
    const reader = await KvClient.reach(pair.port, 30_000);
    clients.push(reader);
    const held = new Map<string, number>();
    for (const { key } of setters) {
      const reply = await reader.ask('GET', key);
      held.set(key, reply.type === 'bulk' ? Number(reply.text ?? 0) : 0);
    }
    return { loss: lossOf(setters, held, struckAt), lag };
  } finally {
    for (const client of clients) client.close();
    await pair.close();
  }
}

async function measureLoss(settings: Settings, chance: Chance): Promise<LossRow[]> {
  const trials = new Map<string, LossTrial[]>();
  const kinds = ACK_LEVELS.flatMap((ack) => [
    { ack, struck: 'process' as const },
    { ack, struck: 'host' as const },
  ]);
  for (let trial = 0; trial < settings.trials; trial += 1)
    for (const { ack, struck } of shuffled(kinds, chance)) {
      const found = await killOnce(ack, struck, settings, chance);
      const key = `${ack} ${struck}`;
      trials.set(key, [...(trials.get(key) ?? []), found]);
      console.error(`${key}: ${JSON.stringify(found)}`);
    }
  return kinds.map(({ ack, struck }) => lossRow(ack, struck, trials.get(`${ack} ${struck}`) ?? []));
}

function settingsOf(argv: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      trials: { type: 'string', default: '5' },
      blocks: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '0.5' },
      detect: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      part: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    trials: numberOption('trials', values.trials, 1),
    blocks: numberOption('blocks', values.blocks, 3),
    seconds: numberOption('seconds', values.seconds, 0.05),
    detect: values.detect,
    seed: numberOption('seed', values.seed, 0),
    part: values.part,
    json: values.json,
  };
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(130));
  // Each arm ends its processes when this one does.
  process.setMaxListeners(2 * Object.keys(LOOPBACK_MODES).length);
  const settings = settingsOf(argv);
  const chance = new Chance(settings.seed);
  const [before = 0] = loadavg();
  const none = { latency: [], nullPair: undefined };
  const measured = settings.part === 'loss' ? none : await measureLatency(settings, chance);
  const loss = settings.part === 'latency' ? [] : await measureLoss(settings, chance);
  const load = [before, loadavg()[0] ?? 0];
  const provenance = provenanceOf(file, argv);
  const report: ModesReport = { bench: 'modes', ...measured, loss, load, provenance };
  if (settings.json) console.log(JSON.stringify(report));
  else {
    for (const line of tables(report)) console.log(line);
    if (report.nullPair !== undefined) console.log(report.nullPair);
    console.log(
      `load of the machine before and after: ${load.map((n) => n.toFixed(1)).join(', ')}`,
    );
  }
  for (const { ack, struck, lost } of brokenPromises(loss)) {
    console.error(`--ack ${ack} lost ${lost} acknowledged writes with the ${struck}`);
    process.exitCode = 1;
  }
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
