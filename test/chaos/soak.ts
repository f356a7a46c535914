/**
 * `npm run soak -- --hours 8 [--seed N] [--disk MIB]`
 *
 * Stories of failure and runs of failovers in an order by chance, for hours. Runs dist/. A line a
 * minute; a failure is printed with its seed and its directory, which is kept, as long as what is kept
 * stays below --disk: then only the text is. Ends at the hour, or after ten failures; exits 1 after any.
 */

import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Blow, planOf, runPart } from '../../bench/failover-trials.ts';
import { Chance } from '../../hypervisor/cli/demo/chance.ts';
import { bytesBelow } from './disk-use.ts';
import { runStory } from './run-story.ts';
import { STORIES } from './stories.ts';

const FAILURES_MAX = 10;
const MIB = 1024 * 1024;
/** Every so manieth turn is a run of failovers in place of a story. */
const FAILOVERS_ONE_IN = 6;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    disk: { type: 'string', default: '2048' },
  },
});

function number(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) {
    process.stderr.write(`hv: --${name} takes a number, not ${text}\n`);
    process.exit(2);
  }
  return value;
}

const endAt = performance.now() + 3_600_000 * number('hours', values.hours);
const diskBytesMax = MIB * number('disk', values.disk);
const seed = Math.floor(number('seed', values.seed));
const chance = new Chance(seed);
const kept: string[] = [];
const totals = { stories: 0, failovers: 0, answered: 0, unknown: 0, failed: 0 };
const started = performance.now();

/** Keeps what was left of a failure, unless there is too much of such already. */
function keep(dir: string): void {
  kept.push(dir);
  if (kept.reduce((sum, one) => sum + bytesBelow(one), 0) <= diskBytesMax) return;
  kept.pop();
  rmSync(dir, { recursive: true, force: true });
  console.log(`  ${dir} is not kept: --disk is used up`);
}

function failed(text: string, dir: string | undefined, again: string): void {
  totals.failed += 1;
  console.log(`FAIL ${text}\n  again: ${again}`);
  if (dir !== undefined) keep(dir);
}

async function failovers(at: number): Promise<void> {
  const counts: Record<Blow, number> = { kill: 6, stop: 2, blackhole: 2 };
  const [blows = []] = planOf(counts, { partSize: 10, seed: at });
  try {
    const part = await runPart({
      ...{ blows, clients: 8, paceMs: 20, detect: 'lan', settleMs: 700, seed: at },
      onTrial: () => undefined,
    });
    totals.failovers += part.trials.length;
    totals.answered += part.answered;
    totals.unknown += part.unknown;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const dir = /kept in (\S+)$/.exec(text)?.[1];
    failed(text, dir, `npm run soak -- --seed ${seed}`);
  }
}

async function story(at: number): Promise<void> {
  const one = STORIES[chance.below(STORIES.length)];
  if (one === undefined) return;
  const { failure, judgement } = await runStory(one, { seed: at, keep: true });
  totals.stories += 1;
  totals.answered += judgement?.answered ?? 0;
  totals.unknown += judgement?.unknown ?? 0;
  if (failure === undefined) return;
  const again = `npm run chaos -- --story ${one.name} --seed ${at}`;
  failed(`${one.name}: ${failure.text}`, failure.dir, again);
}

function status(): string {
  const minutes = Math.round((performance.now() - started) / 60_000);
  const { stories, failovers: blows, answered, unknown, failed: bad } = totals;
  return (
    `${minutes} min: ${stories} stories, ${blows} failovers, ${answered} answered, ` +
    `${unknown} cut off, ${bad} failed`
  );
}

for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(130));
console.log(`soak with seed ${seed}`);
const minute = setInterval(() => console.log(status()), 60_000);
while (performance.now() < endAt && totals.failed < FAILURES_MAX) {
  const at = chance.below(1_000_000);
  if (chance.below(FAILOVERS_ONE_IN) === 0) await failovers(at);
  else await story(at);
}
clearInterval(minute);
console.log(JSON.stringify({ seed, ...totals, kept }));
process.exit(totals.failed > 0 ? 1 : 0);
