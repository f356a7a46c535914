/**
 * How long a failover takes: kills or freezes the primary of a protected pair under load, again and
 * again, and gives the percentiles of each phase and of what clients saw.
 *
 *   node dist/bench/failover.js [--kills 20] [--stops 5] [--clients 8] [--detect lan] [--settle 3]
 *                               [--seed 1] [--json]
 *
 * --settle: seconds of load before each blow. A replica that has just joined is allowed more silence,
 * and the gaps in its heartbeats while it loaded its machine are remembered for a while.
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PHASES } from '../hypervisor/cli/demo/failover-report.ts';
import { type Blow, runTrials, type Trial } from './failover-trials.ts';
import { numberOption, type Provenance, provenanceOf } from './provenance.ts';
import { type Percentiles, percentilesOf } from './statistics.ts';

/** What the gap of a client is called beside the phases. */
export const GAP = 'client gap';

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
  /** Requests that were answered and checked meanwhile: none lost, doubled or wrong. */
  readonly answered: number;
  /** Backups a primary gave up although nobody had touched them. */
  readonly backupsDropped: number;
  readonly provenance: Provenance;
}

export const BLOWS: Readonly<Record<Blow, string>> = {
  kill: 'kill -9',
  stop: 'SIGSTOP, woken when the backup is live',
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
      `  ${''.padEnd(14)}${['p50', 'p90', 'p99', 'max'].map((p) => p.padStart(9)).join('')}`,
    );
    for (const [phase, ms] of Object.entries(figures.phasesMs)) {
      const numbers = [ms.p50, ms.p90, ms.p99, ms.max];
      const cells = numbers.map((value) => value.toFixed(1).padStart(9)).join('');
      out.push(`  ${phase.padEnd(14)}${cells}   (${ms.count} trials)`);
    }
  }
  return [
    ...out,
    `${result.answered} replies checked: none lost, none doubled, none wrong`,
    `${result.backupsDropped} backups dropped without a blow`,
  ];
}

async function main(file: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      kills: { type: 'string', default: '20' },
      stops: { type: 'string', default: '5' },
      clients: { type: 'string', default: '8' },
      detect: { type: 'string', default: 'lan' },
      settle: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const clients = numberOption('clients', values.clients, 1);
  const settleSeconds = numberOption('settle', values.settle, 0);
  const { trials, verdict } = await runTrials({
    kills: numberOption('kills', values.kills, 0),
    stops: numberOption('stops', values.stops, 0),
    clients,
    detect: values.detect,
    settleSeconds,
    seed: numberOption('seed', values.seed, 0),
    onTrial: ({ blow, phasesMs, gapMs }) =>
      console.error(`${blow}: ${JSON.stringify(phasesMs)} gap ${gapMs?.toFixed(1) ?? '-'} ms`),
  });
  const blows: Partial<Record<Blow, BlowFigures>> = {};
  for (const blow of ['kill', 'stop'] as const) {
    const figures = summarize(trials.filter((trial) => trial.blow === blow));
    if (figures !== undefined) blows[blow] = figures;
  }
  const result: FailoverReport = {
    bench: 'failover',
    detect: values.detect,
    settleSeconds,
    clients,
    blows,
    answered: verdict.answered,
    backupsDropped: verdict.backupsDropped,
    provenance: provenanceOf(file, argv),
  };
  if (values.json) console.log(JSON.stringify({ ...result, trials }));
  else for (const line of lines(result)) console.log(line);
}

const file = fileURLToPath(import.meta.url);
if (process.argv[1] === file) await main(file, process.argv.slice(2));
