/** Options of `hv run` and `hv backup` about who protects whom, and when outputs may leave. */

import type { Command } from 'commander';
import { asMicros, type Micros } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { BACKUPS_MAX, DELAY_MICROS_MAX, DETECT_MS } from '../base/limits.ts';
import type { MemberKind } from '../host/backup-options.ts';
import { parseSpan } from '../host/log-moment.ts';
import { ACK_LEVELS, type AckLevel, type AckRule } from '../protocol/ack-level.ts';
import { detectMs, repeatable, usage } from './options.ts';

/** Preferences beyond this are no preference any more. */
const PRIORITY_MAX = 1_000;

export interface ProtectionOptions {
  readonly backup: readonly string[];
  readonly spare: readonly string[];
  readonly arbiter?: string;
  readonly arbiterColocated?: boolean;
  readonly listen?: string;
  readonly detect: number;
  readonly ack: AckLevel;
  readonly quorum: number;
  readonly onBackupLoss: AckRule['onLoss'];
}

export interface MemberOptions {
  readonly priority: number;
  readonly hidden?: boolean;
  readonly storeOnly?: boolean;
  readonly snapshots?: boolean;
  readonly delay?: Micros;
  readonly join?: string;
  readonly from: readonly string[];
}

/** Backups, and when outputs may leave. */
export function protectionOptions(command: Command): Command {
  return command
    .addOption(
      repeatable(command, {
        flags: '-b, --backup <host:port>',
        means: "replicate to this backup (repeatable); 'local' starts one on this machine",
      }),
    )
    .addOption(
      repeatable(command, {
        flags: '--spare <host:port>',
        means: 'an idle backup that is recruited when one is lost (repeatable)',
      }),
    )
    .option(
      '--arbiter <url>',
      'who decides the view: http://host:port (hv arbiter), etcd://h1,h2,h3, pg://user@host/database, or file:DIR, a directory both hosts share',
    )
    .option('--arbiter-colocated', 'allow one that dies with the host of a replica')
    .option('-l, --listen <host:port>', 'let fresh backups join here (hv backup --join)')
    .addOption(
      command
        .createOption(
          '--detect <how>',
          `silence that makes a peer suspect: ${detectWords()}, or any number of milliseconds`,
        )
        .argParser(detectMs)
        .default(DETECT_MS.lan, 'lan'),
    )
    .option(
      '--ack <when>',
      'outputs leave when the backups have the log: received, replayed, verified (same outputs), durable (on disk, here too), or async (at once); without a backup when the kernel, or with durable the disk, has it',
      ackLevel,
      'received',
    )
    .addOption(
      command
        .createOption('--quorum <k>', 'how many backups must have it: a number, or all')
        .argParser(quorum)
        .default(0, 'all'),
    )
    .option(
      '--on-backup-loss <what>',
      'with fewer backups than that: continue, or stop (outputs wait until one is back)',
      onBackupLoss,
      'continue',
    );
}

/** What kind of backup this is. */
export function memberOptions(command: Command): Command {
  return command
    .option('--priority <n>', 'preferred for a takeover: more comes first', priority, 0)
    .option('--hidden', 'follow the log, but never count and never take over')
    .option('--store-only', 'keep the log and run nothing until it is needed (cold)')
    .option(
      '--snapshots',
      'with --store-only: keep snapshots too, so that a takeover replays little (warm)',
    )
    .option(
      '--delay <time>',
      'hidden and warm, and hv promote --force goes back this far (10m): takes back what the guest was told',
      delay,
    )
    .addOption(
      repeatable(command, {
        flags: '--from <host:port>',
        means:
          'follow this backup instead of a primary, never in a view (repeatable: the next one is asked when one is lost)',
      }),
    );
}

/** The same options again, for a process that goes on as the same kind of backup. */
export function memberArguments(options: MemberOptions): readonly string[] {
  const { priority, hidden, storeOnly, snapshots, delay: span, from } = options;
  return [
    ...(span === undefined ? [] : ['--delay', `${span / 1_000_000}s`]),
    ...(priority === 0 ? [] : ['--priority', String(priority)]),
    ...(hidden === true ? ['--hidden'] : []),
    ...(storeOnly === true ? ['--store-only'] : []),
    ...(snapshots === true ? ['--snapshots'] : []),
    ...from.flatMap((address) => ['--from', address]),
  ];
}

/** Throws HV_E_USAGE where options ask for what does not go together. */
export function memberOf(options: MemberOptions): MemberKind {
  const { priority, hidden = false, storeOnly = false, snapshots = false, from } = options;
  const { delay: span = asMicros(0) } = options;
  if (snapshots && !storeOnly && span === 0)
    throw new HvError(
      'HV_E_USAGE',
      '--snapshots goes with --store-only: a backup that runs the guest keeps snapshots anyway',
    );
  if (options.join !== undefined && from.length > 0)
    throw new HvError('HV_E_USAGE', '--join asks a primary and --from a backup: pass one of them');
  const isHidden = hidden || span > 0 || from.length > 0;
  if (isHidden && priority !== 0)
    throw new HvError(
      'HV_E_USAGE',
      '--priority has no meaning for a backup that never takes over by itself (--hidden, --delay, --from)',
    );
  return {
    priority,
    hidden: isHidden,
    chained: from.length > 0,
    cold: storeOnly || span > 0,
    warm: snapshots || span > 0,
    delay: span,
  };
}

/** Each with what it stands for. */
function detectWords(): string {
  return Object.entries(DETECT_MS)
    .map(([name, ms]) => `${name} (${ms} ms)`)
    .join(', ');
}

function delay(text: string): Micros {
  const micros = parseSpan(text);
  if (micros === undefined || micros <= 0 || micros > DELAY_MICROS_MAX)
    throw usage('--delay', text, 'a time up to 30d such as 30s, 10m or 2h');
  return micros;
}

export function ruleOf(options: ProtectionOptions): AckRule {
  const { ack: level, quorum: wanted, onBackupLoss: onLoss, backup, listen } = options;
  if (wanted > backup.length && listen === undefined)
    throw new HvError(
      'HV_E_USAGE',
      `--quorum ${wanted} needs ${wanted} backups, and ${backup.length} are named; name more with --backup, or let them join with --listen`,
    );
  if (level === 'async' && (wanted > 0 || onLoss === 'stop'))
    throw new HvError(
      'HV_E_USAGE',
      '--ack async waits for no backup: --quorum and --on-backup-loss stop have no meaning with it',
    );
  return { level, quorum: wanted, onLoss };
}

function ackLevel(text: string): AckLevel {
  const found = ACK_LEVELS.find((level) => level === text);
  if (found === undefined) throw usage('--ack', text, ACK_LEVELS.join(', '));
  return found;
}

function quorum(text: string): number {
  if (text === 'all') return 0;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > BACKUPS_MAX)
    throw usage('--quorum', text, `all, or a number from 1 to ${BACKUPS_MAX}`);
  return value;
}

function onBackupLoss(text: string): AckRule['onLoss'] {
  if (text === 'continue' || text === 'stop') return text;
  throw usage('--on-backup-loss', text, 'continue or stop');
}

function priority(text: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) <= PRIORITY_MAX))
    throw usage('--priority', text, `a whole number from -${PRIORITY_MAX} to ${PRIORITY_MAX}`);
  return value;
}
