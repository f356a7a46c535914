/**
 * Stories of failure with real processes. Each gets a trial under load, strikes at it, and ends with
 * the service up; the clients' history is judged by whoever runs it (main.ts, test/e2e/chaos.test.ts).
 * The letters are those of the MIT 6.824 tests of a replicated key-value service (B) and of the
 * failure scenarios in docs/chaos.md (F, G, P).
 */

import type { ClusterOptions } from '../support/cluster.ts';
import { CLIENT_STORIES } from './client-stories.ts';
import { DISASTERS } from './disasters.ts';
import { LINK_STORIES } from './link-stories.ts';
import { PROCESS_STORIES } from './process-stories.ts';
import type { Trial } from './trial.ts';

export interface Story {
  readonly name: string;
  /** A sentence that could be false. */
  readonly says: string;
  readonly cluster?: Partial<ClusterOptions>;
  run(trial: Trial): Promise<void>;
}

export const STORIES: readonly Story[] = [
  ...PROCESS_STORIES,
  ...LINK_STORIES,
  ...CLIENT_STORIES,
  ...DISASTERS,
];

export function storyNamed(name: string): Story {
  const story = STORIES.find((one) => one.name === name);
  if (story === undefined)
    throw new Error(`no story ${name}; there are ${STORIES.map((one) => one.name).join(', ')}`);
  return story;
}
