/**
 * Histories from the command line:
 *
 *   npm run sim -- --seeds N [--seed FIRST] [--sabotage NAME] [--machine toy|real]
 *   npm run sim -- --seed S --trace        one history with its trace
 *   npm run sim -- --nth                   the n-th of everything goes wrong, in every story
 */

import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { type History, type HistoryOptions, runHistory } from './history.ts';
import { loopNth, NTH_KINDS, type NthTotals, runNth, STORIES } from './nth.ts';
import { RealMachines } from './real-machine.ts';
import { SABOTAGE_NAMES, type Sabotage } from './sabotage.ts';
import type { MachineKind } from './sim-machine.ts';
import { COMMITTING_TOY } from './toy-machine.ts';

/** Failures printed with their whole trace; of the rest the first violation. */
const TRACES_MAX = 3;

function usage(what: string): never {
  process.stderr.write(`hv: ${what}\n`);
  process.exit(2);
}

function whole(given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isSafeInteger(value) || value < 1) usage('--seed and --seeds are whole numbers');
  return value;
}

function sabotageOf(given: string | undefined): Sabotage | undefined {
  if (given === undefined) return undefined;
  const found = SABOTAGE_NAMES.find((name) => name === given);
  return found ?? usage(`unknown sabotage '${given}'; there are ${SABOTAGE_NAMES.join(', ')}`);
}

function machinesOf(given: string | undefined): MachineKind {
  if (given === undefined || given === 'toy') return COMMITTING_TOY;
  return given === 'real' ? new RealMachines() : usage('--machine is toy or real');
}

function print(history: History): void {
  process.stdout.write(`seed ${history.seed}: ${history.end}\n`);
  for (const line of history.trace) process.stdout.write(`  ${line}\n`);
  for (const violation of history.violations) process.stdout.write(`  => ${violation}\n`);
}

function runAllNth(): number {
  const totals: NthTotals = { runs: 0, reached: new Map(), failures: [] };
  for (const story of Object.keys(STORIES)) {
    for (const kind of NTH_KINDS) {
      for (const persistent of [false, true])
        loopNth({ story, kind, persistent }, { stride: 1 }, totals);
    }
  }
  for (const [what, n] of totals.reached) process.stdout.write(`${what} <= ${n}\n`);
  for (const { options, violations } of totals.failures.slice(0, TRACES_MAX)) {
    process.stdout.write(`${JSON.stringify(options)}\n`);
    print(runNth({ ...options, trace: true }).history);
    process.stdout.write(`  ${violations.length} violations\n`);
  }
  process.stdout.write(`${totals.runs} runs, ${totals.failures.length} failed\n`);
  return totals.failures.length;
}

function runMany(
  options: Omit<HistoryOptions, 'seed'>,
  range: { readonly first: number; readonly count: number },
): number {
  const { first, count } = range;
  const totals = { events: 0, released: 0, epochs: 0, failed: 0 };
  const coverage = new Coverage();
  const ends: Record<string, number> = {};
  const started = process.hrtime.bigint();
  const { user } = process.cpuUsage();
  for (let seed = first; seed < first + count; seed++) {
    const history = runHistory({ ...options, seed });
    totals.events += history.events;
    totals.released += history.released;
    totals.epochs += history.epochs;
    coverage.add(history.coverage);
    options.machines?.recycle?.();
    ends[history.end] = (ends[history.end] ?? 0) + 1;
    if (history.violations.length === 0) continue;
    totals.failed += 1;
    if (totals.failed <= TRACES_MAX) print(runHistory({ ...options, seed, trace: true }));
    else process.stdout.write(`seed ${seed}: ${history.violations[0]}\n`);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const cpuSeconds = (process.cpuUsage().user - user) / 1e6;
  for (const line of coverage.lines()) process.stdout.write(`${line}\n`);
  process.stdout.write(
    `${count} histories in ${seconds.toFixed(1)} s (${Math.round(count / seconds)}/s, ` +
      `${Math.round(count / cpuSeconds)} per second of processor), ` +
      `${totals.failed} failed; ${JSON.stringify(ends)}; ` +
      `${totals.events} events, ${totals.released} outputs released, ${totals.epochs} epochs\n`,
  );
  return totals.failed;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      sabotage: { type: 'string' },
      machine: { type: 'string' },
      nth: { type: 'boolean' },
      trace: { type: 'boolean' },
    },
  });
  if (values.nth) process.exit(runAllNth() > 0 ? 1 : 0);
  const machines = machinesOf(values.machine);
  const sabotage = sabotageOf(values.sabotage);
  const first = whole(values.seed, 1);
  if (values.seed !== undefined && values.seeds === undefined) {
    const history = runHistory({ seed: first, sabotage, machines, trace: true });
    print(history);
    process.exit(history.violations.length > 0 ? 1 : 0);
  }
  const count = whole(values.seeds, 1);
  process.exit(runMany({ sabotage, machines }, { first, count }) > 0 ? 1 : 0);
}

main();
