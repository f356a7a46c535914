/**
 * Which run is the guest's: a view names replicas of a run by its vm id, and a host without a log knows
 * only the guest's name. So `hv up` keeps one more entry at the arbiter, under the name: who began the
 * run, and its vm id as soon as that is known. It changes by compare-and-set as views do, so that of two
 * hosts that would begin a run one does.
 */

import { randomBytes } from 'node:crypto';
import { asEpoch, toHex } from '../../../log-format/index.ts';
import type { Arbiter, ArbiterAnswer } from '../../ports.ts';
import type { View } from '../../protocol/messages.ts';

export interface Registration {
  /** Address of the replica that began the run. */
  readonly by: string;
  /** Undefined: it had not begun when this was written. */
  readonly vm: string | undefined;
  /** Counts changes of the entry. */
  readonly version: number;
}

/** No vm id has a colon: they are made from names of guests. */
export function registrationKey(name: string): string {
  return `up:${name}`;
}

export type Lookup<T> =
  | { readonly type: 'found'; readonly value: T | undefined }
  | { readonly type: 'unavailable'; readonly reason: string };

export async function readRegistration(
  arbiter: Arbiter,
  name: string,
): Promise<Lookup<Registration>> {
  const answer = await readView(arbiter, registrationKey(name));
  if (answer.type === 'unavailable' || answer.value === undefined)
    return answer.type === 'unavailable' ? answer : { type: 'found', value: undefined };
  return { type: 'found', value: registrationOf(answer.value) };
}

/** Writes an entry behind `before`. `lost`: somebody else has changed it. */
export async function register(
  arbiter: Arbiter,
  name: string,
  entry: {
    readonly before: Registration | undefined;
    readonly by: string;
    readonly vm: string | undefined;
  },
): Promise<'won' | 'lost' | { readonly reason: string }> {
  const { before, by, vm } = entry;
  const expect = asEpoch(before?.version ?? 0);
  const next: View = {
    epoch: asEpoch(expect + 1),
    primary: by,
    backups: vm === undefined ? [] : [vm],
  };
  const token = toHex(randomBytes(16));
  const claim = { vm: registrationKey(name), expect, next, token };
  const answer = await new Promise<ArbiterAnswer>((done) => arbiter.claim(claim, done));
  switch (answer.type) {
    case 'won':
      return 'won';
    case 'unavailable':
      return { reason: answer.reason };
    default:
      return 'lost';
  }
}

export async function readView(arbiter: Arbiter, vm: string): Promise<Lookup<View>> {
  const answer = await new Promise<ArbiterAnswer>((done) => arbiter.read(vm, done));
  if (answer.type === 'unavailable') return answer;
  return { type: 'found', value: answer.view };
}

function registrationOf({ epoch, primary, backups }: View): Registration {
  return { by: primary, vm: backups[0], version: epoch };
}
