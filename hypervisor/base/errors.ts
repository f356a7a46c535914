/**
 * The catalogue of errors of the world: what went wrong outside our code, what it means for the
 * user's data and what to do. `hv help CODE` prints a row; docs/errors.md is generated from here.
 */

/** Process exit statuses of hv itself; `hv run` otherwise exits with the guest's own code. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  diverged: 120,
  fenced: 121,
  logDamaged: 122,
  cannotProtect: 123,
  limit: 124,
  internal: 125,
} as const;

export type HvErrorCode =
  | 'HV_E_USAGE'
  | 'HV_E_CONFIG'
  | 'HV_E_NAME_IN_USE'
  | 'HV_E_DIRECTORY'
  | 'HV_E_MOUNT'
  | 'HV_E_LOG_NOT_FOUND'
  | 'HV_E_PORT_IN_USE'
  | 'HV_E_DIVERGED'
  | 'HV_E_ENGINE_MISMATCH'
  | 'HV_E_GUEST_CHANGED'
  | 'HV_E_GUEST_ENDED'
  | 'HV_E_FENCED'
  | 'HV_E_LOG_DAMAGED'
  | 'HV_E_LOG_VERSION'
  | 'HV_E_LOG_KEY'
  | 'HV_E_LOG_SIGNATURE'
  | 'HV_E_LOG_WRITE'
  | 'HV_E_CHECKPOINT_WRITE'
  | 'HV_E_EXPORT_WRITE'
  | 'HV_E_NO_ARBITER'
  | 'HV_E_BACKUP_UNREACHABLE'
  | 'HV_E_BACKUP_REFUSED'
  | 'HV_E_JOIN'
  | 'HV_E_LINK_AUTH'
  | 'HV_E_NOT_HANDED_OVER'
  | 'HV_E_NOT_JOINED'
  | 'HV_E_DRILL'
  | 'HV_E_ARBITER'
  | 'HV_E_VIEWS_IN_USE'
  | 'HV_E_VIEWS_DAMAGED'
  | 'HV_E_VIEWS_WRITE'
  | 'HV_E_ARBITER_COLOCATED'
  | 'HV_E_PLAIN_LINK'
  | 'HV_E_SECURITY_FILE'
  | 'HV_E_GUEST_HUNG'
  | 'HV_E_CPU_LIMIT'
  | 'HV_E_INTERNAL';

export interface CatalogueRow {
  /** Exit status of a command that ends with this error. */
  readonly exit: number;
  /** What it means for the user's data. */
  readonly means: string;
  readonly fix: string;
}

export const CATALOGUE: Readonly<Record<HvErrorCode, CatalogueRow>> = {
  HV_E_USAGE: {
    exit: EXIT.usage,
    means: 'The command line asks for something that cannot be done. No guest was started.',
    fix: 'See `hv help` or `hv <command> --help`.',
  },
  HV_E_CONFIG: {
    exit: EXIT.usage,
    means:
      'A setting in hv.toml, a variable or an option is not one hv knows. Nothing was started.',
    fix: 'Correct the place named. `hv config` prints every setting and where it was said.',
  },
  HV_E_NAME_IN_USE: {
    exit: EXIT.usage,
    means:
      'Another hypervisor uses this name or directory right now. Nothing of its was touched, and nothing was started.',
    fix: 'Pass another --name (hv run) or --dir (hv backup), or stop the other one.',
  },
  HV_E_DIRECTORY: {
    exit: EXIT.usage,
    means: 'There is no place for logs or views. Nothing was started and nothing written.',
    fix: 'Pass another --dir, one that exists or can be made and is writable.',
  },
  HV_E_MOUNT: {
    exit: EXIT.usage,
    means:
      'A directory of the host that the guest shall have cannot be given to it. Nothing was started, and nothing in the directory was changed.',
    fix: 'Pass --mount host:guest[:ro] with a directory that exists, holds no more than the limits say, and is the one the run has had before.',
  },
  HV_E_LOG_NOT_FOUND: {
    exit: EXIT.usage,
    means: 'There is no log at this path. Nothing was changed.',
    fix: 'Pass a log directory such as .hv/<name>, or one .hvlog file.',
  },
  HV_E_PORT_IN_USE: {
    exit: EXIT.usage,
    means: 'The address hv should listen on is taken by another process. Nothing was started.',
    fix: 'Choose another --listen address, or stop the process that holds it.',
  },
  HV_E_DIVERGED: {
    exit: EXIT.diverged,
    means: 'A replay did not produce what the log says was produced. The log itself is intact.',
    fix: 'Replay with the hv version that recorded it; keep the log and report it. If one host differs again and again, test its memory.',
  },
  HV_E_ENGINE_MISMATCH: {
    exit: EXIT.diverged,
    means: 'The log was recorded by another engine, helper or machine version than this hv has.',
    fix: 'Replay it with the hv version named in the log header (`hv log stat`).',
  },
  HV_E_GUEST_CHANGED: {
    exit: EXIT.diverged,
    means: 'The script given is not the one in the log. Replaying it would not be a replay.',
    fix: 'Leave the script out and give the --name: the log carries the recorded one. `hv fork --script` goes on with new code.',
  },
  HV_E_GUEST_ENDED: {
    exit: EXIT.usage,
    means:
      'The recorded guest has ended by itself, so its run cannot be continued. The log is untouched.',
    fix: 'Start it anew without --resume, or go on from an earlier place: hv fork <log> --at <lsn>.',
  },
  HV_E_FENCED: {
    exit: EXIT.fenced,
    means:
      'Another replica is primary in a later epoch. This one stopped; outputs it still held were discarded here, and the new primary produces them itself.',
    fix: 'Nothing to repair. Start this host again as a backup: hv backup --join <new primary>.',
  },
  HV_E_LOG_DAMAGED: {
    exit: EXIT.logDamaged,
    means:
      'Bytes of the log changed after they were written, or parts of it are gone. Nothing beyond that place is used.',
    fix: 'Use the copy on the other replica, or go on from a place before the damage with `hv fork`; `hv log verify` names the file and offset.',
  },
  HV_E_LOG_VERSION: {
    exit: EXIT.logDamaged,
    means:
      'The log has a version this hv does not know, or one it reads but no longer writes. The log is untouched.',
    fix: 'Newer than this hv: use a newer one. Older, and to be continued: hv fork <log> --at end goes on with its guest.',
  },
  HV_E_LOG_KEY: {
    exit: EXIT.usage,
    means:
      'The key does not fit the log: the log is sealed and no key, or another one, was given, or a key was given for a log that is not sealed. Nothing was read beyond its first bytes and nothing changed.',
    fix: 'Pass the key it was sealed with (--log-key-file; a key file may hold several keys), or leave the option out for a log in plain. A lost key cannot be replaced.',
  },
  HV_E_LOG_SIGNATURE: {
    exit: EXIT.logDamaged,
    means:
      'The log is not what was signed, or does not hold what was noted elsewhere: something was cut off, exchanged or written anew, or the key is not the one that signed.',
    fix: 'Check that the public key is the one of the host that recorded; then compare with the copy on another replica.',
  },
  HV_E_LOG_WRITE: {
    exit: EXIT.limit,
    means:
      'The log could not be written, so nothing more may happen that it should hold. What was written before is intact.',
    fix: 'Free space, or check the permissions and the disk; a torn end is cut when it is opened again.',
  },
  HV_E_CHECKPOINT_WRITE: {
    exit: EXIT.limit,
    means:
      'A snapshot beside the log was not written or deleted. The log and all earlier snapshots are as they were; to resume or to jump takes longer.',
    fix: 'Free space, or check the permissions and the disk; a running guest tries again by itself, after 10 seconds and then ever longer, ten minutes at most.',
  },
  HV_E_EXPORT_WRITE: {
    exit: EXIT.limit,
    means:
      'The export could not be written to its end, and the unfinished file was removed. The log was only read.',
    fix: 'Free space, or name another file with --output.',
  },
  HV_E_NO_ARBITER: {
    exit: EXIT.cannotProtect,
    means:
      'The backup is on another host and nobody decides who is primary when the link breaks. Nothing was started.',
    fix: 'Pass --arbiter: http://host:port of an `hv arbiter` on a third host, etcd://h1,h2,h3, pg://user@host/database, or file:DIR on a directory both hosts share.',
  },
  HV_E_BACKUP_UNREACHABLE: {
    exit: EXIT.cannotProtect,
    means: 'No backup answered, so the guest would run unprotected. It was not started.',
    fix: 'Start one with `hv backup --listen host:port`, or drop --backup.',
  },
  HV_E_BACKUP_REFUSED: {
    exit: EXIT.cannotProtect,
    means: 'The backup answered but cannot shadow this guest. It was not started.',
    fix: 'See the reason: run the same hv version on both hosts, give every guest its own backup, and one that runs the guest where --ack waits for its replay.',
  },
  HV_E_JOIN: {
    exit: EXIT.cannotProtect,
    means: 'This backup holds nothing and protects nobody. The primary was not disturbed.',
    fix: 'The message has the reason. --join takes the address that the primary, and no backup, was given with --listen; the primary then connects to the --listen address of this backup.',
  },
  HV_E_LINK_AUTH: {
    exit: EXIT.cannotProtect,
    means:
      'The other replica is there, but the two do not know each other: they need the same token, or certificates of one authority. Nothing was sent to it, and what this command should start was not started.',
    fix: 'Give both the same --token-file, or --tls-ca, --tls-cert and --tls-key of one authority.',
  },
  HV_E_NOT_HANDED_OVER: {
    exit: EXIT.cannotProtect,
    means:
      'Nothing was lost and nothing sent twice. Unless the message says that its replica has ended, the guest goes on where it is, with the backups it had.',
    fix: 'The message has the reason. `hv status` shows the backups and how far they are; `hv protect <name> <host:port>` adds one that listens.',
  },
  HV_E_NOT_JOINED: {
    exit: EXIT.cannotProtect,
    means:
      'The guest goes on, with the backups it had; the one that was asked for does not protect it.',
    fix: 'The message has the reason. `hv backup --listen <host:port>` starts one, with the same --token-file or --tls-* as the primary; `hv status` shows who protects the guest.',
  },
  HV_E_DRILL: {
    exit: EXIT.cannotProtect,
    means:
      'The guest was handed over without a loss, and what should have followed did not: a real failover would meet the same.',
    fix: 'Look at what the message names, on the host it names; `hv status` and `hv doctor` help. Then drill again.',
  },
  HV_E_ARBITER: {
    exit: EXIT.cannotProtect,
    means: 'The arbiter could not be read or written, so no view could be decided.',
    fix: 'The message has the reason. Check that the arbiter is there, may be written and is the same one on all hosts.',
  },
  HV_E_ARBITER_COLOCATED: {
    exit: EXIT.cannotProtect,
    means:
      'The arbiter would die with the host of a replica, or another host would ask another one: then no backup could take over, or two would. Nothing was started.',
    fix: 'Put the arbiter on a third host, an etcd on three. If losing that host may stop the service: --arbiter-colocated.',
  },
  HV_E_VIEWS_IN_USE: {
    exit: EXIT.usage,
    means: 'Another arbiter keeps its views in this directory. They were not touched.',
    fix: 'Pass another --data, or stop the other one. Two arbiters never share a directory.',
  },
  HV_E_VIEWS_DAMAGED: {
    exit: EXIT.logDamaged,
    means:
      'Views that were in force are not readable any more. The arbiter does not start, because it could give an epoch to two primaries. Guests go on; nobody is promoted.',
    fix: 'Restore the file from a copy of after the last change of a view. Without one, start an arbiter on an empty --data and start the guests anew with it.',
  },
  HV_E_VIEWS_WRITE: {
    exit: EXIT.limit,
    means:
      'A view could not be written to disk, so nobody was told that it is in force, and the arbiter stopped. All views before it are intact.',
    fix: 'Free space, or check the permissions and the disk, and start the arbiter again: claimants ask until it answers.',
  },
  HV_E_PLAIN_LINK: {
    exit: EXIT.usage,
    means:
      'Links to other hosts carry all inputs of the guest and the right to take it over, so they need authentication. Nothing was started and nothing sent.',
    fix: 'Give every replica the same --token-file (hv token new), or certificates (hv cert new) with --tls-ca, --tls-cert and --tls-key. --insecure does without, on a network that nobody else reaches.',
  },
  HV_E_SECURITY_FILE: {
    exit: EXIT.usage,
    means:
      'A token or certificate file cannot be used. At a start nothing was started; at a reload the earlier ones stay in force.',
    fix: 'Make tokens with `hv token new` and certificates with `hv cert new`; keep secret files readable by their owner only (chmod 600).',
  },
  HV_E_GUEST_HUNG: {
    exit: EXIT.limit,
    means:
      'The guest was in a built-in that cannot be interrupted and was stopped by force. The log is complete up to the turn before. A backup that takes over meets the same turn and ends the same way.',
    fix: 'See the input of the last turn with `hv log cat` and bound the size of what the guest works on, or raise --hang-limit.',
  },
  HV_E_CPU_LIMIT: {
    exit: EXIT.limit,
    means:
      'The guest used the ticks that --cpu allows one turn, or with /s all turns within one second of its clock. It was stopped at that tick, on every replica and in every replay of its log.',
    fix: 'Raise --cpu, break a long turn up with setImmediate, or find what computes so much: `hv log cat` shows the input of the last turn.',
  },
  HV_E_INTERNAL: {
    exit: EXIT.internal,
    means: 'A bug in hv. The replica stopped rather than go on with a wrong state.',
    fix: 'A backup takes over by itself. Keep the log and report it.',
  },
};

/** An error of the world, with a code of the catalogue. `message` has no final full stop. */
export class HvError extends Error {
  override readonly name = 'HvError';
  readonly code: HvErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: HvErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get exitStatus(): number {
    return CATALOGUE[this.code].exit;
  }
}
