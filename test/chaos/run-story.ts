/** Runs one story with one seed and says what became of it; the same for programs and for tests. */

import type { Story } from './stories.ts';
import { type Judgement, Trial } from './trial.ts';

export interface Outcome {
  readonly story: string;
  readonly seed: number;
  readonly ms: number;
  readonly judgement: Judgement | undefined;
  /** What went wrong, and the directory with the logs, the history and what every replica said. */
  readonly failure: { readonly text: string; readonly dir: string | undefined } | undefined;
}

export async function runStory(
  story: Story,
  options: { readonly seed: number; readonly keep: boolean },
): Promise<Outcome> {
  const { seed, keep } = options;
  const started = performance.now();
  const done = (failure: Outcome['failure'], judgement?: Judgement): Outcome => ({
    ...{ story: story.name, seed, ms: Math.round(performance.now() - started) },
    ...{ judgement, failure },
  });
  let trial: Trial | undefined;
  try {
    trial = await Trial.start({ ...story.cluster, seed });
    await story.run(trial);
    const judgement = await trial.judge();
    await trial.close();
    return done(undefined, judgement);
  } catch (error) {
    const dir = await trial?.close({ keep });
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return done({ text, dir: keep ? dir : undefined });
  }
}

/** One line for people. */
export function lineOf({ story, seed, ms, judgement, failure }: Outcome): string {
  const head = `${failure === undefined ? 'ok  ' : 'FAIL'} ${story.padEnd(28)} seed ${seed}`;
  const counts =
    judgement === undefined
      ? ''
      : `: ${judgement.answered} answered, ${judgement.unknown} unknown, ${judgement.keys} keys, ` +
        `worst wait ${Math.round(Math.max(0, ...judgement.gapsMs))} ms`;
  return `${head}  ${(ms / 1000).toFixed(1)} s${counts}`;
}
