/**
 * What a primary starts from when the guest has run before: on a backup that has won the view, or in
 * an earlier life of the same log. Plain data: it crosses from the backup's thread to the machine's.
 * The log store and the machine are handed over beside it.
 */

import type { Epoch, Lsn, Micros } from '../../log-format/index.ts';
import type { HeldOutput, ReplayGroup, TurnsResult } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { History } from '../protocol/history.ts';
import type { ReplicaId, View } from '../protocol/messages.ts';

/** Where the machine stands after its last replayed group. */
export type MachineState = Pick<TurnsResult, 'alarmAt' | 'immediatesLeft' | 'halted'>;

/** A machine that has not run a turn. */
export const NOTHING_RAN: MachineState = {
  alarmAt: undefined,
  immediatesLeft: false,
  halted: undefined,
};

export interface Handover {
  readonly vm: string;
  readonly name: string;
  /** This replica's name in views. */
  readonly id: ReplicaId;
  /** The view won, whose record is not in the log yet; undefined: it is to be claimed. */
  readonly view: View | undefined;
  /** What a dead primary said about itself: arbiter, hashes, timeouts. */
  readonly hello: Hello | undefined;
  /** Newest view in the log: what a claim follows. */
  readonly epochLast: Epoch;
  readonly formerIds: readonly ReplicaId[];
  /** Of the log's header. */
  readonly startedAt: Micros;
  /** Of the log, without the view won. */
  readonly history: History;
  /** Newest time in the log: the guest's clock goes on from here. */
  readonly timeLast: Micros;
  readonly lsnReceived: Lsn;
  readonly lsnReplayed: Lsn;
  /** Outputs up to here have left, as far as the dead primary reported. */
  readonly lsnReleased: Lsn;
  /** Complete groups not replayed yet, oldest first. */
  readonly groups: readonly ReplayGroup[];
  /** The group whose `end` never came. */
  readonly tail: ReplayGroup | undefined;
  /** Outputs replayed and not known to have left, oldest first. */
  readonly held: readonly HeldOutput[];
  /** Undefined if nothing has been replayed yet. */
  readonly machine: MachineState | undefined;
}
