/**
 * `npm run fuzz -- --seeds 10000 [--from N] [--seed N] [--cold-every N] [--show] [--plant] [--json]`
 *
 * Random programs under random schedules: recorded, replayed, replayed as a backup, compared bit by
 * bit. `--plant` puts a bug into one of the machines, to see it found. Runs dist/. Exits 1 when any two runs differ, after printing the shrunk case and the place.
 */

import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { WORKER_STACK_MIB } from '../../hypervisor/base/limits.ts';
import type { FuzzNews, FuzzRequest } from './worker.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    'cold-every': { type: 'string', default: '200' },
    plant: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const PROGRESS_EVERY = 1000;

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    process.stderr.write(`hv: ${text} is not a whole number\n`);
    process.exit(2);
  }
  return value;
}

const request: FuzzRequest = {
  from: whole(values.seed ?? values.from),
  count: values.seed === undefined ? whole(values.seeds) : 1,
  coldEvery: whole(values['cold-every']),
  planted: values.plant,
  show: values.show,
};
const totals = {
  programs: 0,
  turns: 0,
  records: 0,
  midTurns: 0,
  outputBytes: 0,
  threw: 0,
  diverged: 0,
};
const started = process.hrtime.bigint();

function say(line: string): void {
  if (!values.json) process.stdout.write(`${line}\n`);
}

function summary(): string {
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const { programs, turns, records, midTurns, outputBytes, threw, diverged } = totals;
  return (
    `${programs} programs in ${seconds.toFixed(1)} s (${Math.round(programs / seconds)}/s): ` +
    `${turns} turns, ${records} records, ${midTurns} mid-turn, ${outputBytes} bytes of console; ` +
    `${threw} threw at top level (${((100 * threw) / programs).toFixed(1)} %), ${diverged} diverged`
  );
}

function hear(news: FuzzNews): void {
  if (news.type === 'program') say(`// seed ${news.seed}\n${news.text}`);
  if (news.type === 'failed') {
    const { seed, divergence, shrunk, shrunkDivergence } = news;
    process.stdout.write(
      `seed ${seed} DIVERGED\n${divergence}\nshrunk to\n${shrunk.program}\n` +
        `schedule ${JSON.stringify(shrunk.schedule)}\n${shrunkDivergence}\n`,
    );
  }
  if (news.type !== 'ran') return;
  const { outcome } = news;
  totals.programs += 1;
  totals.turns += outcome.turns;
  totals.records += outcome.records;
  totals.midTurns += outcome.midTurns;
  totals.outputBytes += outcome.outputBytes;
  if (outcome.threwAtTop) totals.threw += 1;
  if (outcome.divergence !== undefined) totals.diverged += 1;
  if (totals.programs % PROGRESS_EVERY === 0) say(summary());
}

const worker = new Worker(new URL('./worker.js', import.meta.url), {
  workerData: request,
  resourceLimits: { stackSizeMb: WORKER_STACK_MIB, maxOldGenerationSizeMb: 1024 },
});
worker.on('message', hear);
worker.on('error', (error) => {
  process.stderr.write(`hv: the fuzzer itself failed: ${error.stack}\n`);
  process.exit(125);
});
worker.on('exit', () => {
  if (values.json) process.stdout.write(`${JSON.stringify(totals)}\n`);
  else if (totals.programs % PROGRESS_EVERY !== 0) say(summary());
  process.exitCode = totals.diverged > 0 ? 1 : 0;
});
