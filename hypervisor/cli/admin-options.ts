/** Options of the admin port, as `hv run` and `hv backup` take them. */

import type { Command } from 'commander';
import { ADMIN_PORT } from '../base/limits.ts';
import { formatAddress, type HostPort, parseAddress } from '../host/addresses.ts';

/** Where the port is. `auto`: at the usual place, or if that is taken at a free one. */
export type AdminPlace = 'auto' | 'off' | HostPort;

export interface AdminOptions {
  readonly admin: AdminPlace;
  readonly adminTokenFile?: string;
  readonly logFile?: string;
}

export const LOOPBACK = '127.0.0.1';

/** `off`, `auto`, or `host:port`; the port may be left out. */
export function adminPlace(text: string): AdminPlace {
  if (text === 'off' || text === 'auto') return text;
  return parseAddress(text, { what: '--admin', portDefault: ADMIN_PORT });
}

export function adminOptions(command: Command): Command {
  return command
    .addOption(
      command
        .createOption(
          '--admin <host:port>',
          `where metrics, health and status answer over HTTP; off: nowhere; auto: at ${LOOPBACK}:${ADMIN_PORT}, or a free port if that is taken`,
        )
        .argParser(adminPlace)
        .default('auto', 'auto'),
    )
    .option('--admin-token-file <path>', 'who asks the admin port needs the token in this file')
    .option('--log-file <path>', "append hv's own events to this file, as JSON lines");
}

/** The options again, for a process that takes the place of this one. */
export function adminArguments({ admin, adminTokenFile, logFile }: AdminOptions): string[] {
  return [
    ...['--admin', typeof admin === 'string' ? admin : formatAddress(admin)],
    ...(adminTokenFile === undefined ? [] : ['--admin-token-file', adminTokenFile]),
    ...(logFile === undefined ? [] : ['--log-file', logFile]),
  ];
}

/** For a second replica that this process starts: elsewhere, but no more open than its own. */
export function adminArgumentsBeside({ admin, adminTokenFile }: AdminOptions): string[] {
  return adminArguments({
    admin: admin === 'off' ? 'off' : 'auto',
    ...(adminTokenFile === undefined ? {} : { adminTokenFile }),
  });
}
