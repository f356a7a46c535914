/**
 * A few stories of failure under load (test/chaos/stories.ts), each answer judged by the
 * linearizability checker. `npm run chaos` runs all of them, as often as asked for.
 */

import { describe, expect, test } from 'vitest';
import { runStory } from '../chaos/run-story.ts';
import { STORIES, storyNamed } from '../chaos/stories.ts';
import { LONG } from '../support/long.ts';

/** One of each kind: they start some thirty processes. */
const IN_THE_GATE = LONG
  ? ['kill-primary', 'freeze-primary', 'blackhole', 'corrupt', 'arbiter-away']
  : ['kill-primary', 'blackhole'];

describe('under load', () => {
  test.each(IN_THE_GATE.map((name) => [storyNamed(name).says, name]))('%s', async (_says, name) => {
    const { failure, judgement } = await runStory(storyNamed(name), { seed: 1, keep: false });
    expect(failure).toBeUndefined();
    expect(judgement?.answered).toBeGreaterThan(100);
  });
});

test('every story has a name of its own and says something', () => {
  expect(new Set(STORIES.map(({ name }) => name)).size).toBe(STORIES.length);
  expect(STORIES.filter(({ says }) => says.length < 20)).toEqual([]);
  expect(() => storyNamed('happy-end')).toThrow('no story happy-end');
});
