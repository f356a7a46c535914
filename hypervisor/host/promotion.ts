/**
 * What a backup that has won the view becomes primary with. A copy whose machine has followed the log hands
 * both over as they are. One of which nothing runs (cold), or which is to go live at an earlier record, is
 * read back from the disk first: the newest snapshot, the log behind it.
 */

import type { Lsn } from '../../log-format/index.ts';
import { asLsn } from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import type { History } from '../protocol/history.ts';
import type { ReplicaId, View } from '../protocol/messages.ts';
import type { Handover } from '../replica/handover.ts';
import type { Estate } from '../replica/hooks.ts';
import type { CopyDirectory } from './copy-directory.ts';
import { cutCopy } from './cut-copy.ts';
import type { LogPosition } from './log-cursor.ts';
import type { MountOption } from './mount-option.ts';
import type { Quarantine } from './quarantine.ts';
import { RemoteMachine } from './remote-machine.ts';
import type { SecurityMaterial } from './tls.ts';
import type { PrimarySettings } from './worker-protocol.ts';

/** What an operator's word adds to a promotion. */
export interface ForcedFacts {
  /** Goes live behind this record, which ends a batch; undefined: behind the last one. */
  readonly at: Lsn | undefined;
  /** The arbiter has not been asked, or has not answered. */
  readonly late: { readonly view: View; readonly token: string } | undefined;
  /** Backups of the primary before: they are to follow this one. */
  readonly backups: readonly ReplicaId[];
}

/** All is the caller's. */
export interface Promotion {
  readonly handover: Handover;
  readonly machine: RemoteMachine;
  /** Where the log goes on. */
  readonly position: LogPosition;
  /** What was cut off. */
  readonly quarantine: Quarantine | undefined;
}

/**
 * Rejects with HV_E_INTERNAL when the copy's store has failed, with the codes of `restoreCopy` and `cutCopy`,
 * or with what ended the machine.
 */
export async function promotionOf(
  directory: CopyDirectory,
  handover: Handover,
  { machine }: Estate,
  at: Lsn | undefined,
): Promise<Promotion> {
  directory.quiet();
  const store = defined(directory.store, 'a winner has its store');
  const position = await new Promise<LogPosition | undefined>((resolve) =>
    store.log.handover(resolve),
  );
  if (position === undefined)
    throw new HvError('HV_E_INTERNAL', 'the copy of the log cannot go on');
  if (machine !== undefined && (at === undefined || at >= handover.lsnReceived)) {
    assert(machine instanceof RemoteMachine, 'machines of this host are remote');
    return { handover, machine, position, quarantine: undefined };
  }
  machine?.dispose();
  if (at === undefined || at >= handover.lsnReceived)
    return { ...(await revived(directory, handover)), position, quarantine: undefined };
  const cut = await cutCopy(directory.dir, at);
  const left = cutBack(handover, cut.lsnLast);
  return { ...(await revived(directory, left)), ...cut };
}

/** The machine where the log ends. */
async function revived(
  directory: CopyDirectory,
  handover: Handover,
): Promise<Pick<Promotion, 'handover' | 'machine'>> {
  const { lsnReceived: lsn, lsnReleased } = handover;
  const { machine, restored } = await directory.restore({ lsn, lsnReleased });
  const { lsnReplayed, timeLast, tail, held } = restored;
  const state = { lsnReplayed, timeLast, tail, held, machine: restored.machine, groups: [] };
  return { machine, handover: { ...handover, ...state } };
}

/** As if no record behind `lsn` had come. What has left because of one has left all the same. */
function cutBack(handover: Handover, lsn: Lsn): Handover {
  const { history, lsnReleased } = handover;
  return {
    ...handover,
    history: historyTo(history, lsn),
    lsnReceived: lsn,
    lsnReleased: asLsn(Math.min(lsnReleased, lsn)),
  };
}

function historyTo({ epochs, lsnFirst }: History, lsnLast: Lsn): History {
  return { epochs: epochs.filter(({ firstLsn }) => firstLsn <= lsnLast), lsnFirst, lsnLast };
}

/** As the dead primary had them, by its hello. */
export function settingsAfter(
  { id, hello: former }: Handover,
  given: {
    readonly arbiter: string | undefined;
    readonly security: SecurityMaterial;
    readonly mounts: readonly MountOption[];
    readonly forced: ForcedFacts | undefined;
  },
): PrimarySettings {
  const hello = defined(former, 'who was promoted followed a primary');
  return {
    id,
    arbiter: given.arbiter ?? hello.arbiter,
    late: given.forced?.late,
    detectMs: hello.detectMs,
    ownLog: hello.rule.level === 'durable' ? 'durable' : 'written',
    rule: hello.rule,
    spares: hello.spares,
    checkpoint: { type: 'auto' },
    keep: { type: 'all' },
    recordOutputs: false,
    movesPorts: false,
    mounts: given.mounts,
    // A takeover never waits for a directory.
    mountsMayMiss: true,
    security: given.security,
  };
}

/** What a promotion failed of, as an error of the world. */
export function worldError(error: unknown): HvError {
  if (error instanceof HvError) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new HvError('HV_E_INTERNAL', text);
}
