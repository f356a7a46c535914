/**
 * Promotion by the word of an operator (`hv promote --force`): for a disaster, or to take back what the guest
 * was told. Where the arbiter answers, the old primary is fenced; where it does not, two may live, and that
 * is said.
 */

import { randomBytes } from 'node:crypto';
import { type Epoch, type Lsn, type Micros, toHex } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { FORCE_ARBITER_MS } from '../base/limits.ts';
import type { Arbiter } from '../ports.ts';
import type { BackupPhase } from '../protocol/backup-copy.ts';
import type { ReplicaId, View } from '../protocol/messages.ts';
import type { BackupReplica } from '../replica/backup.ts';
import type { PassableCopy } from '../replica/log-copy-types.ts';
import { claimByForce } from './forced-view.ts';
import { type LogMoment, lsnAtMoment } from './log-moment.ts';
import type { ForcedFacts } from './promotion.ts';

export interface ForceOptions {
  /** Of the guest: whoever promotes another one by mistake is refused. */
  readonly name: string;
  /** Goes live as of then; undefined: behind all there is, or for a delayed copy, as long ago as its delay. */
  readonly at?: LogMoment | undefined;
}

/** What a forced promotion does, and what it costs. */
export interface ForceReport {
  readonly vm: string;
  readonly name: string;
  readonly replica: ReplicaId;
  readonly epoch: Epoch;
  /** `unreachable`: the old primary is not fenced. */
  readonly arbiter: 'claimed' | 'unreachable';
  /** Why it did not answer. */
  readonly reason?: string;
  /** The guest goes on behind this record. */
  readonly lsn: Lsn;
  /** Of the copy; what lies between is in quarantine. */
  readonly lsnReceived: Lsn;
  /** Outputs up to here have left, as far as was known here. */
  readonly lsnReleased: Lsn;
}

/** What is to be promoted, as it is now. */
export interface ForceFacts {
  readonly phase: BackupPhase;
  readonly primary: boolean;
  readonly copy: PassableCopy | undefined;
  readonly epoch: Epoch;
  /** Newest in its log. */
  readonly view: View | undefined;
}

export interface ForceSubject {
  facts(): ForceFacts;
  /** Of the copy. */
  readonly dir: () => string;
  /** Calls back when what is in the copy can be read from there. */
  readonly written: (done: () => void) => void;
  readonly arbiter: () => Arbiter;
  readonly now: () => Micros;
  /** What a delayed copy goes back to. */
  readonly delay: Micros;
  /** What the promotion will need, whoever decides it: it may win by itself meanwhile. */
  prepare(facts: ForcedFacts): void;
  /** See `BackupReplica.force`. */
  force(view: View): void;
}

export function factsOf(
  replica: Pick<BackupReplica, 'core' | 'passable'>,
): Omit<ForceFacts, 'primary'> {
  const { phase, epoch, view } = replica.core;
  return { phase, epoch, view, copy: replica.passable };
}

/** Resolves when the view is taken. Rejects with HV_E_USAGE when there is nothing to promote, or nothing at `at`. */
export async function forcePromotion(
  options: ForceOptions,
  subject: ForceSubject,
): Promise<ForceReport> {
  const { hello } = demandFacts(subject).copy;
  if (hello.name !== options.name)
    throw new HvError(
      'HV_E_USAGE',
      `not promoted: this replica follows '${hello.name}', not '${options.name}'`,
    );
  const at = await placeToGoLive(subject, options);
  const backups = demandFacts(subject).view?.backups ?? [];
  subject.prepare({ at, late: undefined, backups });
  const { view, facts, report } = await takeView(subject, at);
  subject.prepare(facts);
  subject.force(view);
  return report;
}

/** Why this replica cannot be made primary; undefined: it can. */
export function unforceable({ phase, primary, copy }: ForceFacts): string | undefined {
  if (primary) return 'this replica is primary already';
  if (phase === 'diverged') return 'its replay differs from the log: it must not be promoted';
  if (phase === 'ended') return 'it is about to end, or to become primary by itself';
  if (copy === undefined) return 'it has no log of a guest to go on from';
  return undefined;
}

interface Forced {
  readonly view: View;
  readonly facts: ForcedFacts;
  readonly report: ForceReport;
}

/** Where the guest is to go on; undefined: behind all there is. Rejects as `lsnAtMoment` does. */
async function placeToGoLive(
  subject: ForceSubject,
  { at }: ForceOptions,
): Promise<Lsn | undefined> {
  const { delay } = subject;
  const moment = at ?? (delay > 0 ? ({ type: 'ago', micros: delay } as const) : undefined);
  if (moment === undefined) return undefined;
  await new Promise<void>((resolve) => subject.written(resolve));
  const { history } = demandFacts(subject).copy;
  return await lsnAtMoment(subject.dir(), moment, { now: subject.now(), lsnLast: history.lsnLast });
}

/** Claims the view. Throws HV_E_USAGE when there is nothing to promote. */
async function takeView(subject: ForceSubject, at: Lsn | undefined): Promise<Forced> {
  const { epoch, view: known, copy } = demandFacts(subject);
  const { hello } = copy;
  const token = toHex(randomBytes(16));
  const forced = await claimByForce(subject.arbiter(), {
    vm: hello.vm,
    self: hello.backup,
    epochKnown: epoch,
    token,
    patienceMs: FORCE_ARBITER_MS,
  });
  const { history, lsnReleased } = demandFacts(subject).copy;
  const { view } = forced;
  const former = forced.type === 'claimed' ? forced.former : known;
  const late = forced.type === 'claimed' ? undefined : { view, token: `${token}-late` };
  return {
    view,
    facts: { at, late, backups: former?.backups ?? known?.backups ?? [] },
    report: {
      vm: hello.vm,
      name: hello.name,
      replica: hello.backup,
      epoch: view.epoch,
      ...(forced.type === 'claimed'
        ? { arbiter: 'claimed' }
        : { arbiter: 'unreachable', reason: forced.reason }),
      lsn: at ?? history.lsnLast,
      lsnReceived: history.lsnLast,
      lsnReleased,
    },
  };
}

type Forceable = ForceFacts & { readonly copy: PassableCopy };

function demandFacts(subject: ForceSubject): Forceable {
  const facts = subject.facts();
  const reason = unforceable(facts);
  if (reason !== undefined || facts.copy === undefined)
    throw new HvError('HV_E_USAGE', `not promoted: ${reason ?? 'it has no log'}`);
  return { ...facts, copy: facts.copy };
}
