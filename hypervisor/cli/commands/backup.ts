/** `hv backup`: shadows a primary and takes over when it dies. */

import type { Command } from 'commander';
import { safeName } from '../../host/directories.ts';
import type { MountOption } from '../../host/mount-option.ts';
import { type AdminOptions, adminOptions } from '../admin-options.ts';
import { logKeyOption, signKeyOption } from '../key-options.ts';
import { descriptor, hangLimitOption, mountsOption } from '../options.ts';
import { type MemberOptions, memberOptions } from '../protection-options.ts';
import { type SecurityFlags, securityOptions } from '../security-options.ts';

interface BackupOptions extends MemberOptions, SecurityFlags, AdminOptions {
  readonly listen: string;
  readonly join?: string;
  readonly seek?: string;
  readonly as: string;
  readonly rejoin: boolean;
  readonly dir?: string;
  readonly arbiter?: string;
  readonly arbiterColocated?: boolean;
  readonly hangLimit: number;
  readonly mount?: readonly MountOption[];
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export function registerBackup(program: Command): void {
  const command = program.command('backup');
  memberOptions(command)
    .description('shadow a primary: keep its log, replay it, take over when it dies')
    .option('-l, --listen <host:port>', 'where the primary connects', '127.0.0.1:7700')
    .option('-j, --join <host:port>', 'ask this running primary to take us as its backup')
    // What `hv run` and `hv backup` start when another replica is primary; people use --join.
    .addOption(command.createOption('--seek <vm>', 'find the primary at the arbiter').hideHelp())
    // Names its sockets and its lock: guests of one host may share a directory.
    .addOption(
      command
        .createOption('--as <name>', 'its name among the backups of --dir')
        .default('backup')
        .argParser(safeName)
        .hideHelp(),
    )
    .option(
      '--no-rejoin',
      'once primary: end, instead of going on as a backup, when another one is',
    )
    .option('--dir <path>', 'where the copies of logs go (default: .hv/backup-<port>)')
    .option('--arbiter <url>', "use this arbiter instead of the primary's")
    .option('--arbiter-colocated', 'allow one that dies with the host of a replica');
  securityOptions(command)
    .addOption(hangLimitOption(program))
    .addOption(mountsOption(program))
    .option(
      '--events-fd <fd>',
      'write lifecycle events as JSON lines to this descriptor',
      descriptor,
    )
    .option('-v, --verbose', 'more lines on stderr');
  signKeyOption(logKeyOption(adminOptions(command))).action(async (options: BackupOptions) => {
    const { runBackup } = await import('../backup-process.ts');
    await runBackup(options);
  });
}
