/**
 * Every event a replica tells programs of: on `--events-fd`, at the admin port's `/events` and in
 * `--log-file`, under the same names. Names are stable; docs/events.md is checked against this table.
 */

import type { Note } from '../protocol/notes.ts';

export interface EventRow {
  /** `warn`: somebody should know; `error`: somebody has to act. */
  readonly level: 'info' | 'warn' | 'error';
  readonly means: string;
}

function row(level: EventRow['level'], means: string): EventRow {
  return { level, means };
}

/** Events by name. */
export const EVENTS: Readonly<Record<string, EventRow>> = {
  started: row('info', 'the process of `hv run` has started its guest'),
  listening: row('info', '`hv backup` listens at `address`'),
  admin: row('info', 'the admin port answers at `address`'),
  recovered: row('info', 'an earlier run was replayed to the end of its log'),
  'resume.empty': row(
    'warn',
    'there was nothing to resume in `log`: the run begins empty; earlier logs are in `aside`',
  ),
  resumed: row('info', 'an earlier run goes on at `lsn`'),
  'primary.live': row('info', 'this replica may run the guest and let outputs out'),
  'backup.joining': row('info', 'a state transfer to `peer` begins'),
  'backup.joined': row('info', '`peer` is in the view: it may take over'),
  'backup.refused': row('warn', '`peer` cannot shadow this guest: `reason`'),
  protected: row('info', 'a backup holds the log: a failover is possible'),
  unprotected: row('error', 'no backup is in the view, any more or yet: the guest runs alone'),
  suspected: row('warn', '`peer` is gone or silent: `reason`'),
  tilted: row('warn', 'this process itself was late: the silence of `peer` means nothing'),
  claimed: row(
    'info',
    'this replica has won the view of `epoch`; `by`: not by its own claim, but in a `switchover` or by its `operator`',
  ),
  'claim.lost': row('warn', 'another replica has won the view'),
  diverged: row('error', 'a replay at `peer` differs from the recording: `report`'),
  fenced: row('error', 'another replica is primary: this one stops, `discarded` outputs with it'),
  'primary.declined': row(
    'warn',
    '`peer` dialled, and this backup cannot shadow its guest: `reason`',
  ),
  following: row('info', 'this backup receives the log of `peer`'),
  synced: row('info', 'this backup is in the view its log has reached'),
  'in.step': row('info', 'this backup has replayed what it has: a takeover takes no time'),
  continuing: row(
    'info',
    'this backup goes on behind `lsn`, which it has: no state is transferred',
  ),
  parted: row(
    'warn',
    'this backup may not be primary now: it keeps its copy until a primary dials: `reason`',
  ),
  polling: row(
    'info',
    'this backup compares its log with those of `peers` before one of them claims',
  ),
  reset: row('warn', 'this backup threw its copy of the log away: `reason`'),
  'tail.replayed': row('info', "the rest of the dead primary's log is replayed"),
  live: row('warn', 'a failover: this replica is primary since `lsnReceived`'),
  'first.output': row('info', 'the first output of this replica has left'),
  'outputs.held': row(
    'error',
    'fewer backups than asked for, and the guest may not run so: its outputs wait for one',
  ),
  'switchover.started': row('info', 'the guest is being handed over to `peer`'),
  'switchover.failed': row(
    'warn',
    'the guest was not handed over to `peer`; this replica is still primary: `reason`',
  ),
  'stopping.alone': row(
    'warn',
    'SIGTERM ends the guest, for it is not handed over: `reason`; its log stays',
  ),
  'handed.over': row('info', '`peer` is primary by agreement: this one ends'),
  exited: row('info', 'the guest has ended with `code`'),
  stopped: row('info', 'a deliberate end with `code`; `confirmed`: every backup knows'),
  checkpoint: row('info', 'a snapshot of `lsn` is on disk'),
  'checkpoint.failed': row(
    'warn',
    'no snapshot is kept, and the guest goes on: `reason`; told once until one is there again',
  ),
  'checkpoint.again': row('info', 'snapshots are kept again, from the one at `lsn` on'),
  'snapshot.unreadable': row(
    'warn',
    'a backup could not be sent a snapshot and gets the log instead: `reason`',
  ),
  'copy.quarantined': row(
    'warn',
    'the end of the copy that no other replica has was cut off behind `lsn` and kept aside',
  ),
  'copy.not-warm': row(
    'warn',
    'a warm or delayed copy got no snapshot at `lsn`: a promotion would replay more',
  ),
  'follower.lost': row(
    'info',
    '`peer`, to which this backup passes its log on, is gone; it comes back by itself',
  ),
  'log.lost': row(
    'error',
    'the log at `path` was deleted or moved away while it is written: `meaning`; told once',
  ),
  'disk.not-shown': row(
    'warn',
    "the copy of the guest's files beside its log is not kept up: `reason`; told once until it is again",
  ),
  'mount.missing': row(
    'error',
    'the guest has a mount at `path` that this process was not given: `meaning`',
  ),
  'mount.refused': row(
    'warn',
    'something in a mount was not done, or is not shown to the guest: `path`, `reason`; the guest gets what the host has',
  ),
  'mount.full': row(
    'error',
    "the host's disk takes nothing for the mount `path` (`reason`): what the guest wrote waits, and it is told the error",
  ),
  'mount.unwritten': row('error', '`acts` on mounts were never taken by the disk: `reason`'),
  'mount.deposed': row('warn', 'another primary acts on the mounts: this one does no more'),
  'log.aside': row('info', 'the log of an earlier run in `dir` was moved to `aside`'),
  'copy.aside': row('info', 'an earlier copy in `dir` was moved to `aside`'),
  'copy.condemned': row(
    'error',
    'the replay of the copy in `dir` differs (`lsn`, `report`): it is kept aside as evidence, and made anew',
  ),
  'copy.unusable': row('warn', 'the copy in `dir` cannot be gone on from: `reason`'),
  'security.reloaded': row('info', 'tokens or certificates were read again and are in force'),
  'security.failed': row(
    'error',
    'tokens or certificates could not be read again, the old ones stay in force: `reason`',
  ),
  'log.sealed': row('info', 'the signed log has ended on purpose: `head` is to be noted elsewhere'),
  'arbiter.unavailable': row(
    'error',
    'no failover is possible until the arbiter answers: `reason`',
  ),
  'console.lost': row('warn', "nobody reads the guest's console any more"),
  'stdin.lost': row('warn', 'the guest waits for input that died with the old primary'),
  'net.listening': row('info', 'a listener of the guest is bound'),
  'net.port-moved': row('warn', 'the port of a listener was taken: it listens elsewhere'),
  'net.listen-retry': row('warn', 'the port of a listener is still taken'),
  'net.accept-failed': row('warn', 'a connection could not be accepted'),
};

/** Event names by note. */
export const EVENT_OF_NOTE: Readonly<Record<Note['type'], string>> = {
  primaryLive: 'primary.live',
  joining: 'backup.joining',
  refused: 'backup.refused',
  backupJoined: 'backup.joined',
  protected: 'protected',
  unprotected: 'unprotected',
  suspected: 'suspected',
  tilted: 'tilted',
  claimed: 'claimed',
  lost: 'claim.lost',
  diverged: 'diverged',
  fenced: 'fenced',
  following: 'following',
  declined: 'primary.declined',
  synced: 'synced',
  reset: 'reset',
  promoted: 'live',
  resumed: 'resumed',
  held: 'outputs.held',
  switchingOver: 'switchover.started',
  switchoverFailed: 'switchover.failed',
  handedOver: 'handed.over',
  continuing: 'continuing',
  parted: 'parted',
  polling: 'polling',
  tailReplayed: 'tail.replayed',
  firstOutput: 'first.output',
  guestExited: 'exited',
  stopped: 'stopped',
};

/** An event that is in no table is trouble nobody has classified. */
export function levelOf(evt: string): EventRow['level'] {
  return EVENTS[evt]?.level ?? 'warn';
}
