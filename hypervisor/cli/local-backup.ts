/**
 * `--backup local`: a backup as a process of its own on this machine. It outlives a `kill -9` of the
 * primary (that is its purpose) and ends with a deliberate stop. Its console is a file, so that a
 * takeover never repeats on the primary's terminal what that has shown already.
 */

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { HvError } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';

export interface LocalBackup {
  /** `host:port` where it listens. */
  readonly address: string;
  /** Ends it: only for a primary that never came up. */
  kill(): void;
}

/** Rejects with HV_E_BACKUP_UNREACHABLE when the process does not come up. */
export async function startLocalBackup(dir: string): Promise<LocalBackup> {
  const home = join(dir, 'backup-local');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const output = openSync(join(home, 'console.txt'), 'a', 0o600);
  const entry = process.argv[1] ?? '';
  const child = spawn(
    process.execPath,
    [entry, 'backup', '--listen', '127.0.0.1:0', '--dir', home, '--events-fd', '3'],
    { detached: true, stdio: ['ignore', output, output, 'pipe'] },
  );
  closeSync(output);
  const events = child.stdio[3] as Readable;
  const address = await firstAddress(events, child);
  child.unref();
  (events as Readable & { unref?(): void }).unref?.();
  return { address, kill: () => child.kill('SIGKILL') };
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
