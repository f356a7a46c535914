/**
 * Commits of the guest on their way between machine and protocol: an output asks, an interrupt answers.
 * Which of them have no answer yet is the machine's own state, so every replica knows it.
 */

import { INTERRUPT, type Lsn, type Millis } from '../../log-format/index.ts';
import type { HeldOutput, HostInterrupt, MachinePort, Output, TurnsResult } from '../ports.ts';
import { type AckLevel, needsReplay } from '../protocol/ack-level.ts';
import type { PrimaryEvent } from '../protocol/primary-events.ts';

type CommitEvent = PrimaryEvent<Output> & { readonly type: 'commit' };

/** What the turns of a live guest have asked for. */
export function commitsOf({ outputs }: TurnsResult, now: Millis): readonly CommitEvent[] {
  return outputs.flatMap(({ output, lsn }) =>
    output.device === 'commit'
      ? [{ type: 'commit', now, lsn, id: output.id, level: output.level }]
      : [],
  );
}

/**
 * What the guest asked for in an earlier life, of a primary that goes on with it. How safe a record is
 * on replicas of another view is not known, so it waits for all there is: `lsn`, the last record.
 */
export function pendingCommits(
  machine: MachinePort,
  lsn: Lsn,
  now: Millis,
): readonly CommitEvent[] {
  return machine.pendingCommits().map(({ id, level }) => ({ type: 'commit', now, lsn, id, level }));
}

/** The answer. */
export function committed(id: number): HostInterrupt {
  return { kind: INTERRUPT.committed, id, num: 0, payload: undefined };
}

/** It asks the protocol for something; the others leave, or are held until they may. */
export function leaves({ output }: HeldOutput): boolean {
  return output.device !== 'commit';
}

/** Somebody waits until backups have run a group, which they do once they have its end. */
export function awaitsReplay(level: AckLevel, machine: MachinePort): boolean {
  return needsReplay(level) || machine.pendingCommits().some((commit) => needsReplay(commit.level));
}
