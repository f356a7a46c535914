/**
 * Histories from the command line:
 *
 *   npm run sim -- --seeds N [--seed FIRST] [--sabotage NAME] [--machine toy|real] [--jobs THREADS]
 *   npm run sim -- --seed S --trace        one history with its trace
 *   npm run sim -- --nth                   the n-th of everything goes wrong, in every story
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type History, runHistory } from './history.ts';
import { type MachineName, machinesOf, type Range, runMany, type Task } from './many.ts';
import { loopNth, NTH_KINDS, type NthTotals, runNth, STORIES } from './nth.ts';
import { SABOTAGE_NAMES, type Sabotage } from './sabotage.ts';

/** Failures printed with their whole trace; of the rest the first violation. */
const TRACES_MAX = 3;
/** More seeds than these are worth a thread per processor, if it is not said how many. */
const ALONE_SEEDS_MAX = 5_000;

function usage(what: string): never {
  process.stderr.write(`hv: ${what}\n`);
  process.exit(2);
}

function whole(given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    usage('--seed, --seeds and --jobs are whole numbers');
  return value;
}

function sabotageOf(given: string | undefined): Sabotage | undefined {
  if (given === undefined) return undefined;
  const found = SABOTAGE_NAMES.find((name) => name === given);
  return found ?? usage(`unknown sabotage '${given}'; there are ${SABOTAGE_NAMES.join(', ')}`);
}

function machineOf(given: string | undefined): MachineName {
  if (given === undefined || given === 'toy') return 'toy';
  return given === 'real' ? 'real' : usage('--machine is toy or real');
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

/** Prints what came of them; returns how many failed. */
async function run(task: Task, range: Range, jobs: number): Promise<number> {
  let failed = 0;
  const machines = machinesOf(task.machine);
  const started = process.hrtime.bigint();
  const before = process.cpuUsage();
  const totals = await runMany(task, range, {
    jobs,
    onFailure: ({ seed, violation }) => {
      failed += 1;
      if (failed <= TRACES_MAX)
        print(runHistory({ sabotage: task.sabotage, machines, seed, trace: true }));
      else process.stdout.write(`seed ${seed}: ${violation}\n`);
    },
  });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const { histories, events, released, epochs, ends, coverage } = totals;
  for (const line of coverage.lines()) process.stdout.write(`${line}\n`);
  process.stdout.write(
    `${histories} histories in ${seconds.toFixed(1)} s (${Math.round(histories / seconds)}/s, ` +
      `${Math.round(histories / cpuSeconds)} per second of processor), ` +
      `${failed} failed; ${JSON.stringify(ends)}; ` +
      `${events} events, ${released} outputs released, ${epochs} epochs\n`,
  );
  return failed;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      sabotage: { type: 'string' },
      machine: { type: 'string' },
      jobs: { type: 'string' },
      nth: { type: 'boolean' },
      trace: { type: 'boolean' },
    },
  });
  if (values.nth) process.exit(runAllNth() > 0 ? 1 : 0);
  const machine = machineOf(values.machine);
  const sabotage = sabotageOf(values.sabotage);
  const first = whole(values.seed, 1);
  if (values.seed !== undefined && values.seeds === undefined) {
    const machines = machinesOf(machine);
    const history = runHistory({ seed: first, sabotage, machines, trace: true });
    print(history);
    process.exit(history.violations.length > 0 ? 1 : 0);
  }
  const count = whole(values.seeds, 1);
  const jobs = whole(values.jobs, count > ALONE_SEEDS_MAX ? availableParallelism() : 1);
  process.exit((await run({ sabotage, machine }, { first, count }, jobs)) > 0 ? 1 : 0);
}

await main();
