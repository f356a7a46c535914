/**
 * `npm run chaos -- --trials 100 [--seed N] [--story NAME]... [--list] [--json]`
 *
 * Stories of failure with real processes (stories.ts), one after the other, each trial with the next
 * seed. Runs dist/. Prints a line a trial and a summary as JSON; exits 1 when a promise was broken,
 * after printing the seed, the directory that was kept and how to repeat.
 */

import { parseArgs } from 'node:util';
import { lineOf, type Outcome, runStory } from './run-story.ts';
import { STORIES, storyNamed } from './stories.ts';

const { values } = parseArgs({
  options: {
    trials: { type: 'string' },
    seed: { type: 'string', default: '1' },
    story: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

// Children are killed at the exit, which a signal alone would not reach.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(130));

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    process.stderr.write(`hv: ${text} is not a whole number\n`);
    process.exit(2);
  }
  return value;
}

if (values.list) {
  for (const { name, says } of STORIES) console.log(`${name.padEnd(28)} ${says}`);
  process.exit(0);
}
const stories = values.story?.map(storyNamed) ?? STORIES;
const trials = whole(values.trials ?? String(stories.length));
const seed = whole(values.seed);
const outcomes: Outcome[] = [];
const started = performance.now();
for (let n = 0; n < trials; n += 1) {
  const story = stories[n % stories.length];
  if (story === undefined) break;
  const outcome = await runStory(story, { seed: seed + n, keep: true });
  outcomes.push(outcome);
  if (values.json) console.log(JSON.stringify(outcome));
  else console.log(lineOf(outcome));
  if (outcome.failure === undefined) continue;
  console.error(`  ${outcome.failure.text.replaceAll('\n', '\n  ')}`);
  if (outcome.failure.dir !== undefined) console.error(`  kept in ${outcome.failure.dir}`);
  console.error(`  again: npm run chaos -- --story ${outcome.story} --seed ${outcome.seed}`);
}
const failed = outcomes.filter(({ failure }) => failure !== undefined);
const sum = (of: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, outcome) => total + of(outcome), 0);
console.log(
  JSON.stringify({
    trials: outcomes.length,
    failed: failed.length,
    answered: sum(({ judgement }) => judgement?.answered ?? 0),
    unknown: sum(({ judgement }) => judgement?.unknown ?? 0),
    seconds: Math.round((performance.now() - started) / 1000),
    failures: failed.map(({ story, seed: at }) => ({ story, seed: at })),
  }),
);
process.exit(failed.length > 0 ? 1 : 0);
