/**
 * `--backup local`: a backup as a process of its own on this machine. It outlives a `kill -9` of the
 * primary (that is its purpose) and ends with a deliberate stop. Its console is a file, so that a
 * takeover never repeats on the primary's terminal what that has shown already.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { HvError } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { lockCopies } from '../host/log-lock.ts';
import { type MountOption, mountArguments } from '../host/mount-option.ts';
import type { SecurityOptions } from '../host/tls.ts';
import { type AdminOptions, adminArgumentsBeside } from './admin-options.ts';
import { keyArguments } from './key-arguments.ts';
import { hangArguments } from './limit-options.ts';
import { securityArguments } from './security-options.ts';

export interface LocalBackup {
  /** `host:port` where it listens. */
  readonly address: string;
  readonly pid: number;
  /** File with what it says, and what the guest says after a takeover. */
  readonly console: string;
  /** Ends it: only for a primary that never came up. */
  kill(): void;
}

/**
 * Rejects with HV_E_BACKUP_UNREACHABLE when the process does not come up, and with HV_E_NAME_IN_USE while that of
 * an earlier run of the guest is there.
 */
export async function startLocalBackup(
  dir: string,
  options: {
    /** Of the guest: others may have their local backups in the same directory. */
    readonly name: string;
    readonly hangLimitMs: number;
    readonly security: SecurityOptions;
    /** Of the primary. */
    readonly admin: AdminOptions;
    readonly mounts?: readonly MountOption[];
  },
): Promise<LocalBackup> {
  const home = join(dir, 'backup-local');
  // Only looked at: the process takes it itself, and could not say as well why not.
  lockCopies(home, options.name).release();
  const console = join(home, 'console.txt');
  const output = openSync(console, 'a', 0o600);
  const entry = process.argv[1] ?? '';
  const child = spawn(process.execPath, [entry, ...localBackupArguments(home, options)], {
    detached: true,
    stdio: ['ignore', output, output, 'pipe'],
  });
  closeSync(output);
  const events = child.stdio[3] as Readable;
  const address = await firstAddress(events, child);
  child.unref();
  (events as Readable & { unref?(): void }).unref?.();
  return { address, pid: child.pid ?? 0, console, kill: () => child.kill('SIGKILL') };
}

/** Events go to descriptor 3. `home`: where its copy of the log goes. */
export function localBackupArguments(
  home: string,
  { name, hangLimitMs, security, admin, mounts }: Parameters<typeof startLocalBackup>[1],
): readonly string[] {
  return [
    ...['backup', '--listen', '127.0.0.1:0', '--dir', home, '--as', name, '--events-fd', '3'],
    ...adminArgumentsBeside(admin),
    ...keyArguments(),
    ...securityArguments(security),
    ...hangArguments(hangLimitMs),
    ...mountArguments(mounts),
  ];
}

function firstAddress(events: Readable, child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new HvError('HV_E_BACKUP_UNREACHABLE', `the local backup did not start: ${why}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`it said nothing within ${HANDSHAKE_TIMEOUT_MS} ms`);
    }, HANDSHAKE_TIMEOUT_MS);
    child.once('exit', (code) => fail(`it exited with ${code}`));
    createInterface({ input: events }).on('line', (line) => {
      const event = JSON.parse(line) as { evt: string; address?: string };
      if (event.evt !== 'listening' || event.address === undefined) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve(event.address);
    });
  });
}
