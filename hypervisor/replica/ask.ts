/** Puts a question of a protocol core to the arbiter. */

import type { Arbiter, ArbiterAnswer } from '../ports.ts';
import type { Question } from '../protocol/views.ts';

export function ask(
  arbiter: Arbiter,
  question: Question,
  done: (token: string, answer: ArbiterAnswer) => void,
): void {
  const { token } = question;
  const answered = (answer: ArbiterAnswer): void => done(token, answer);
  if (question.type === 'claim') arbiter.claim(question.claim, answered);
  else arbiter.read(question.vm, answered);
}
