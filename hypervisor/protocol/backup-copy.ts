/**
 * One life of a copy of the log on a backup, as its protocol core sees it: from the hello that began or
 * continued it to the next one.
 */

import { asEpoch, asLsn, type Epoch, type Lsn, type Millis } from '../../log-format/index.ts';
import type { BackupEffect, Hello } from './backup-events.ts';
import { Candidacy } from './candidacy.ts';
import type { Standing } from './election.ts';
import { FaultDetector } from './fault-detector.ts';
import { commonLsn, type History } from './history.ts';
import type { Message, View } from './messages.ts';

export type BackupPhase = 'idle' | 'following' | 'deciding' | 'parted' | 'diverged' | 'ended';

/** Why a log has its end. */
export interface Stop {
  readonly code: number;
  readonly reason: string;
}

export interface Copy {
  readonly hello: Hello;
  readonly link: number;
  readonly candidacy: Candidacy;
  readonly detector: FaultDetector;
  /** The newest view in the log that is later than the hello: older ones may have been left behind. */
  view: View | undefined;
  /** Of what is received. */
  history: History;
  lsnReceived: Lsn;
  lsnReplayed: Lsn;
  lsnDurable: Lsn;
  outputsCrc: number;
  stop: Stop | undefined;
  divergence: { readonly lsn: Lsn; readonly report: string } | undefined;
}

/** What a hello finds, and what becomes of it (see the `open` effect). */
export interface Meeting {
  readonly from: Lsn;
  readonly how: 'fresh' | 'keep' | 'reopen';
  readonly history: History;
}

/** A log without a record. */
const NO_HISTORY: History = { epochs: [], lsnFirst: asLsn(1), lsnLast: asLsn(0) };

/** `old`: the copy at work. `standing`: what the disk has, asked only where there is none at work. */
export function meet(
  hello: Hello,
  old: Copy | undefined,
  standing: (hello: Hello) => History | undefined,
): Meeting {
  const history = old === undefined ? standing(hello) : old.history;
  const from = history === undefined ? asLsn(0) : commonLsn(history, hello);
  const lacks = history === undefined || from === 0 || from < history.lsnFirst - 1;
  if (lacks) return { from: asLsn(0), how: 'fresh', history: NO_HISTORY };
  const whole = old !== undefined && from === old.lsnReceived;
  const epochs = history.epochs.filter(({ firstLsn }) => firstLsn <= from);
  const { lsnFirst } = history;
  return { from, how: whole ? 'keep' : 'reopen', history: { epochs, lsnFirst, lsnLast: from } };
}

export function newCopy(
  hello: Hello,
  { from, how, history }: Meeting,
  given: {
    readonly link: number;
    readonly now: Millis;
    readonly newToken: () => string;
    readonly old: Copy | undefined;
  },
): Copy {
  const detector = new FaultDetector(hello.detectMs);
  detector.start(given.now);
  const kept = how === 'keep' ? given.old : undefined;
  return {
    hello,
    link: given.link,
    candidacy: new Candidacy({
      vm: hello.vm,
      self: hello.backup,
      rule: hello.rule,
      newToken: given.newToken,
    }),
    detector,
    view: undefined,
    history,
    lsnReceived: from,
    lsnReplayed: kept?.lsnReplayed ?? asLsn(0),
    lsnDurable: kept?.lsnDurable ?? asLsn(0),
    outputsCrc: kept?.outputsCrc ?? 0,
    stop: kept?.stop,
    divergence: undefined,
  };
}

/** Named in the newest view of its log: a death of the primary makes it claim. */
export function isSynced(copy: Copy | undefined): boolean {
  return copy?.view?.backups.includes(copy.hello.backup) ?? false;
}

/** The one backup of the newest view of its log: without it there is nobody. */
export function isSole(copy: Copy): boolean {
  return isSynced(copy) && copy.view?.backups.length === 1;
}

/** The arbiter has made this replica primary without being asked by it: a planned switchover. */
export function succeeds(copy: Copy, view: View | undefined): boolean {
  if (!isSynced(copy) || view?.primary !== copy.hello.backup) return false;
  return view.epoch === (copy.view?.epoch ?? 0) + 1;
}

/** What a replica has when a hello comes. */
export interface Known {
  readonly phase: BackupPhase;
  readonly copy: Copy | undefined;
  readonly epoch: Epoch;
}

/**
 * Why the sender of `hello` is not followed: the replica has a better one (not `isDue`), or cannot (`refuses`).
 * `reason` undefined: it is.
 */
export function obstacle(
  hello: Hello,
  known: Known,
  refuses: (hello: Hello) => string | undefined,
): { readonly isDue: boolean; readonly reason: string | undefined } {
  if (outdates(hello, known)) return { isDue: true, reason: refuses(hello) };
  const { copy, epoch } = known;
  const reason =
    copy !== undefined && !sameRun(copy.hello, hello)
      ? `is a backup of '${copy.hello.name}' already, and every guest needs its own`
      : `follows a primary of epoch ${epoch} already`;
  return { isDue: false, reason };
}

/**
 * A hello makes a replica leave its primary, so it must come from a later reign than any in which the
 * copy could still win: a primary never dials a backup that a view or an open claim of its own names.
 * `epoch`: the highest ever heard of.
 */
export function outdates(hello: Hello, { phase, copy, epoch }: Known): boolean {
  if (phase === 'ended' || phase === 'diverged') return false;
  if (copy === undefined) return hello.epoch >= epoch;
  // Epochs of two guests have no order. What it follows, or may win, is not given up for another guest.
  if (!sameRun(copy.hello, hello)) return phase === 'parted';
  // It knows that it has lost: whoever rules by now rules later than any view it could win. One that no
  // view names wins none: the primary it had, or one that passes its log on, may come back as it is.
  if (phase === 'parted')
    return hello.epoch >= epoch && (!isSynced(copy) || hello.epoch > (copy.view?.epoch ?? 0));
  if (isSynced(copy)) return hello.epoch > epoch;
  const claimed = copy.candidacy.claimed ?? asEpoch(0);
  if (hello.epoch <= claimed) return false;
  const again = hello.primary === copy.hello.primary && hello.epoch === epoch;
  return again || hello.epoch > epoch;
}

/**
 * A later view of the same primary that names this replica: the primary died before the view record
 * arrived. Its outputs have waited for this replica's acks since before it claimed that view, so this
 * copy lacks nothing that has left but by a quorum of others.
 */
export function tookIn({ hello }: Copy, view: View): boolean {
  return (
    view.backups.includes(hello.backup) &&
    view.primary === hello.primary &&
    view.epoch > hello.epoch
  );
}

export function ackOf(copy: Copy, epoch: Epoch): Message {
  const { lsnReceived, lsnReplayed, lsnDurable, outputsCrc } = copy;
  return { type: 'ack', epoch, lsnReceived, lsnReplayed, lsnDurable, outputsCrc };
}

/** Where nothing has come behind a snapshot, its last record is of the epoch of who has sent it. */
export function standingOf({ hello, history, lsnReceived }: Copy): Standing {
  const newest = history.epochs.at(-1)?.epoch ?? hello.epoch;
  return { logEpoch: lsnReceived === 0 ? asEpoch(0) : newest, lsnReceived };
}

/**
 * What to answer to a poll. Whoever gets an answer other than `follows` may count on it: this replica
 * acknowledges nothing more to the primary it had.
 */
export function answered(
  poll: Message & { readonly type: 'poll' },
  link: number,
  { phase, copy, epoch }: Known,
): readonly BackupEffect[] {
  const close: BackupEffect = { type: 'close', link, reason: 'a poll is one question' };
  if (copy === undefined || copy.hello.vm !== poll.vm || phase === 'ended') return [close];
  const follows = phase === 'following';
  const replica = copy.hello.backup;
  const message: Message = { type: 'position', epoch, replica, follows, ...standingOf(copy) };
  return [{ type: 'send', link, message }, close];
}

/** The replay differs from here on. */
export function differed(
  copy: Copy,
  { lsn, report }: { readonly lsn: Lsn; readonly report: string },
): BackupEffect {
  copy.divergence = { lsn, report };
  return { type: 'note', note: { type: 'diverged', peer: copy.hello.backup, lsn, report } };
}

/** `by`: who has made it primary; undefined: its own claim. */
export function won(
  { link }: Copy,
  view: View,
  by: 'switchover' | 'operator' | undefined,
): readonly BackupEffect[] {
  return [
    { type: 'close', link, reason: 'this replica is primary' },
    { type: 'note', note: { type: 'claimed', view, ...(by && { by }) } },
    { type: 'promote', view },
  ];
}

/** Batches will come from behind `lsn`: where that is not what the copy has, it begins anew. */
export function restart(
  copy: Copy,
  { lsn, files }: Message & { readonly type: 'transfer' },
): readonly BackupEffect[] {
  // It says how far it is: of a guest that waits for it nothing more may come to be acknowledged.
  if (files.length === 0 && lsn === copy.lsnReceived) return lsn > 0 ? [{ type: 'ack' }] : [];
  copy.lsnReceived = asLsn(0);
  copy.history = NO_HISTORY;
  const { hello } = copy;
  if (files.length > 0) return [{ type: 'join', hello, lsn, files }];
  return [{ type: 'open', hello, from: asLsn(0), how: 'fresh' }];
}

/** To a primary that may not be dead: it hears of the later epoch, and has to ask the arbiter. */
export function deposed({ epoch }: View): Message {
  return { type: 'refuse', epoch, reason: 'its operator made it primary' };
}

/** What of a primary's messages goes to the copy as it is. */
export function passedOn(message: Message): readonly BackupEffect[] {
  switch (message.type) {
    case 'frames':
      return [{ type: 'intake', bytes: message.bytes }];
    case 'batch':
      return [
        { type: 'append', batch: message.batch },
        { type: 'forget', lsn: message.lsnReleased },
      ];
    case 'released':
      return [{ type: 'forget', lsn: message.lsnReleased }];
    case 'snapshot':
      return [message];
    case 'sync':
      return [{ type: 'sync' }];
    default:
      return [];
  }
}

/** The log of one run of one guest. */
export function sameRun(left: Hello, right: Hello): boolean {
  return left.vm === right.vm && left.imageHash === right.imageHash;
}
