/** What went wrong how often: a fault that never strikes proves nothing. */

import type { Note } from '../../hypervisor/protocol/notes.ts';

/** The reason of a hidden backup that parts from its primary. */
const NEVER_IN_A_VIEW = 'it is never in a view';

/** Every kind of fault a history knows. Each is counted when it has an effect, not when it is drawn. */
export const FAULT_KINDS = [
  /** A link is reset; what was under way is lost. */
  'net.loss',
  /** A message comes long after its time, and all behind it. */
  'net.delay',
  /** A heartbeat is lost, comes twice, or is overtaken. */
  'net.beatLost',
  'net.beatTwice',
  'net.beatLate',
  /** A message is held back by a cut one way, both ways, or around a whole host. */
  'net.oneWay',
  'net.partition',
  'net.isolated',
  /** One end is gone and the other does not know. */
  'net.halfOpen',
  /** A message of an earlier epoch arrives. */
  'net.stale',
  /** A call of the guest to somebody else is answered, or is lost with its primary. */
  'net.callAnswered',
  'net.callLost',
  'disk.slow',
  'disk.failedSync',
  'disk.failedWrite',
  'disk.full',
  /** A crash leaves a torn batch at the end of a log. */
  'disk.torn',
  /** A crash leaves less than was appended. */
  'disk.lostTail',
  /** The wall clock of a host jumps. */
  'clock.jumpBack',
  'clock.jumpAhead',
  'clock.slowTimer',
  /** Monotonic clocks that gain or lose against each other. */
  'clock.drift',
  'process.kill',
  'process.killAll',
  'process.hostLost',
  'process.pause',
  /** Goes on from its own log. */
  'process.resume',
  /** A backup process starts again, empty, under its old name. */
  'process.restart',
  'memory.flip',
  'arbiter.slow',
  'arbiter.lostAnswer',
  'arbiter.lostQuestion',
  'arbiter.down',
  'arbiter.unclear',
  'arbiter.twice',
  /** A planned switchover is done, or given up. */
  'view.handedOver',
  'view.keptOn',
  /** Backups compare their logs before one of them claims. */
  'view.polled',
  /** With too few backups the guest stands still. */
  'rule.held',
  /** An output has left under each rule but the default. */
  'rule.async',
  'rule.replayed',
  'rule.verified',
  'rule.durable',
  'rule.quorum',
  'rule.stop',
  /** A backup that is never in a view loses its primary; one that ran nothing becomes primary. */
  'backup.hiddenParted',
  'backup.coldPromoted',
  /** A replica joins by a snapshot; its log is trimmed to one; a run or a copy goes on from one. */
  'snapshot.joined',
  'snapshot.trimmed',
  'snapshot.resumed',
  'snapshot.reopened',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Which kind a note tells of, if any. */
export function noteKind(note: Note): FaultKind | undefined {
  if (note.type === 'handedOver') return 'view.handedOver';
  if (note.type === 'switchoverFailed') return 'view.keptOn';
  if (note.type === 'polling') return 'view.polled';
  if (note.type === 'held') return 'rule.held';
  if (note.type === 'parted' && note.reason === NEVER_IN_A_VIEW) return 'backup.hiddenParted';
  return undefined;
}

export class Coverage {
  readonly #counts = new Map<FaultKind, number>();

  count(kind: FaultKind, times = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + times);
  }

  /** As plain data: it crosses threads. */
  counts(): readonly (readonly [FaultKind, number])[] {
    return [...this.#counts];
  }

  of(kind: FaultKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Takes the counts of another history in. */
  add(other: Coverage): void {
    for (const [kind, count] of other.#counts) this.#counts.set(kind, this.of(kind) + count);
  }

  /** Kinds that have not happened. */
  missing(): readonly FaultKind[] {
    return FAULT_KINDS.filter((kind) => this.of(kind) === 0);
  }

  /** For people: every kind with its count. */
  lines(): readonly string[] {
    return FAULT_KINDS.map((kind) => `${kind.padEnd(22)} ${this.of(kind)}`);
  }
}
