/**
 * How long a failover takes: kills or freezes the primary of a protected pair under load, or cuts it
 * off, again and again, and gives the percentiles of each phase and of what clients saw.
 *
 *   node dist/bench/failover.js [--kills 20] [--stops 5] [--blackholes 5] [--clients 8] [--pace 20]
 *                               [--detect lan] [--settle 0.7] [--part 20] [--state FILE] [--seed 1] [--json]
 *
 * --settle: seconds of load before each blow. A replica that has just joined is allowed more silence,
 * and the gaps in its heartbeats while it loaded its machine are remembered for a while.
 * --part: failovers of one pair, before a new one is started; each fresh backup replays what there is.
 * --state: a file of finished parts, one a line. A run that was ended goes on behind them.
 */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PHASES } from '../hypervisor/cli/demo/failover-report.ts';
import { type Blow, type Part, planOf, runPart, type Trial } from './failover-trials.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { type Percentiles, percentilesOf } from './statistics.ts';

/** What the gap of a client is called beside the phases. */
export const GAP = 'client gap';
/** And the time without redundancy, from the end of the failover on. */
export const PROTECTED = 'protected again';

export interface BlowFigures {
  readonly trials: number;
  /** Milliseconds since the blow, by the words for each phase; the gap is each trial's worst. */
  readonly phasesMs: Readonly<Record<string, Percentiles>>;
}

export interface FailoverReport {
  readonly bench: 'failover';
  readonly detect: string;
  readonly settleSeconds: number;
  readonly clients: number;
  /** Of the blows that were struck. */
  readonly blows: Readonly<Partial<Record<Blow, BlowFigures>>>;
  /** Requests that were answered and checked meanwhile: none lost, none doubled, all linearizable. */
  readonly answered: number;
  /** Requests that a blow cut off: each was done once or not at all. */
  readonly unknown?: number;
  /** Backups a primary gave up although nobody had touched them. */
  readonly backupsDropped: number;
  readonly provenance: Provenance;
}

export const BLOWS: Readonly<Record<Blow, string>> = {
  kill: 'kill -9',
  stop: 'SIGSTOP, woken when the backup is live',
  blackhole: 'link cut without a word, both ways',
};

/** Percentiles of each phase over the trials that had it; undefined without trials. */
export function summarize(trials: readonly Trial[]): BlowFigures | undefined {
  if (trials.length === 0) return undefined;
  const phasesMs: Record<string, Percentiles> = {};
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ...PHASES.map(
      ([phase, words]) => [words, trials.flatMap((trial) => trial.phasesMs[phase] ?? [])] as const,
    ),
    [GAP, trials.flatMap(({ gapMs }) => gapMs ?? [])],
    [PROTECTED, trials.map(({ protectedMs }) => protectedMs)],
  ];
  for (const [words, samples] of rows) {
    const percentiles = percentilesOf(samples);
    if (percentiles !== undefined) phasesMs[words] = percentiles;
  }
  return { trials: trials.length, phasesMs };
}

function lines(result: FailoverReport): string[] {
  const out: string[] = [];
  for (const [blow, title] of Object.entries(BLOWS)) {
    const figures = result.blows[blow as Blow];
    if (figures === undefined) continue;
    out.push(`${figures.trials} x ${title}, milliseconds after it`);
    out.push(
      `  ${''.padEnd(16)}${['p50', 'p90', 'p99', 'max'].map((p) => p.padStart(9)).join('')}`,
    );
    for (const [phase, ms] of Object.entries(figures.phasesMs)) {
      const numbers = [ms.p50, ms.p90, ms.p99, ms.max];
      const cells = numbers.map((value) => value.toFixed(1).padStart(9)).join('');
      out.push(`  ${phase.padEnd(16)}${cells}   (${ms.count} trials)`);
    }
  }
  return [
    ...out,
    `${result.answered} replies checked: none lost, none doubled, all linearizable; ${result.unknown} were cut off`,
    `${result.backupsDropped} backups dropped without a blow`,
  ];
}

/** A finished part as the state file has it. */
interface Saved extends Part {
  readonly number: number;
  readonly plan: string;
}

/** Parts of the same plan that an earlier run has finished. */
function savedParts(file: string | undefined, plan: string): Map<number, Part> {
  const parts = new Map<number, Part>();
  if (file === undefined || !existsSync(file)) return parts;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // The last line may be cut: that part is run again.
    if (!line.endsWith('}')) continue;
    const saved = JSON.parse(line) as Saved;
    if (saved.plan === plan) parts.set(saved.number, saved);
  }
  return parts;
}

interface Settings {
  readonly counts: Readonly<Record<Blow, number>>;
  readonly clients: number;
  readonly paceMs: number;
  readonly detect: string;
  readonly settleSeconds: number;
  readonly partSize: number;
  readonly seed: number;
  readonly state: string | undefined;
  readonly json: boolean;
}

function settingsOf(argv: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      kills: { type: 'string', default: '20' },
      stops: { type: 'string', default: '5' },
      blackholes: { type: 'string', default: '5' },
      clients: { type: 'string', default: '8' },
      pace: { type: 'string', default: '20' },
      detect: { type: 'string', default: 'lan' },
      settle: { type: 'string', default: '0.7' },
      part: { type: 'string', default: '20' },
      state: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    counts: {
      kill: numberOption('kills', values.kills, 0),
      stop: numberOption('stops', values.stops, 0),
      blackhole: numberOption('blackholes', values.blackholes, 0),
    },
    clients: numberOption('clients', values.clients, 1),
    paceMs: numberOption('pace', values.pace, 0),
    detect: values.detect,
    settleSeconds: numberOption('settle', values.settle, 0),
    partSize: numberOption('part', values.part, 1),
    seed: numberOption('seed', values.seed, 0),
    state: values.state,
    json: values.json,
  };
}

async function runParts(settings: Settings): Promise<Part[]> {
  const { state, json: _, ...rest } = settings;
  const plan = JSON.stringify(rest);
  const { counts, partSize, seed, detect, clients, paceMs, settleSeconds } = settings;
  const saved = savedParts(state, plan);
  const parts: Part[] = [];
  const plans = planOf(counts, { partSize, seed });
  const total = plans.flat().length;
  for (const [number, blows] of plans.entries()) {
    const part =
      saved.get(number) ??
      (await runPart({
        ...{ blows, clients, paceMs, detect, settleMs: 1000 * settleSeconds },
        seed: 1000 * seed + number,
        onTrial: ({ blow, winner, phasesMs, gapMs, protectedMs }) =>
          console.error(
            `${blow}: ${winner} ${JSON.stringify(phasesMs)} gap ${gapMs?.toFixed(1) ?? '-'} ms, ` +
              `protected again after ${protectedMs.toFixed(0)} ms`,
          ),
      }));
    parts.push(part);
    if (saved.has(number)) continue;
    const line: Saved = { number, plan, ...part };
    if (state !== undefined) appendFileSync(state, `${JSON.stringify(line)}\n`);
    const done = parts.reduce((sum, { trials }) => sum + trials.length, 0);
    const seconds = parts.reduce((sum, one) => sum + one.seconds, 0);
    console.error(
      `part ${number + 1} of ${plans.length}: ${done} of ${total} failovers, ` +
        `${((60 * done) / seconds).toFixed(1)} a minute, ${part.answered} answered, ` +
        `${part.unknown} cut off: none lost, none doubled, linearizable`,
    );
  }
  return parts;
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(130));
  const settings = settingsOf(argv);
  const parts = await runParts(settings);
  const trials = parts.flatMap((part) => part.trials);
  const sum = (of: (part: Part) => number): number => parts.reduce((all, one) => all + of(one), 0);
  const blows: Partial<Record<Blow, BlowFigures>> = {};
  for (const blow of Object.keys(BLOWS) as Blow[]) {
    const figures = summarize(trials.filter((trial) => trial.blow === blow));
    if (figures !== undefined) blows[blow] = figures;
  }
  const result: FailoverReport = {
    bench: 'failover',
    detect: settings.detect,
    settleSeconds: settings.settleSeconds,
    clients: settings.clients,
    blows,
    answered: sum(({ answered }) => answered),
    unknown: sum(({ unknown }) => unknown),
    backupsDropped: sum(({ backupsDropped }) => backupsDropped),
    provenance: provenanceOf(file, argv),
  };
  if (settings.json) console.log(JSON.stringify({ ...result, trials }));
  else for (const line of lines(result)) console.log(line);
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
