/** `--log-key-file` and `--sign-key-file`: keys of the log at rest, for every command that opens one. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { say } from './print.ts';

interface KeyOptions {
  readonly logKeyFile?: string | undefined;
  readonly signKeyFile?: string | undefined;
}

/** Commands that look at sealed and plain logs together, or read one and write another. */
const MIXED: readonly string[] = ['ls', 'diff', 'fork'];

export function logKeyOption(command: Command): Command {
  return command.option(
    '--log-key-file <file>',
    'the log is sealed with the keys in this file (hv log key new)',
  );
}

export function signKeyOption(command: Command): Command {
  return command.option(
    '--sign-key-file <file>',
    'sign the log with this key where a segment ends (hv log key new --sign)',
  );
}

/** Runs before the command's action: its threads inherit the keys. Rejects with HV_E_LOG_KEY. */
export async function useKeyOptions(command: Command): Promise<void> {
  await useKeyFiles(
    command.opts<KeyOptions>(),
    MIXED.includes(command.name()) ? 'read' : 'refused',
  );
}

/** `plain`: see `LogKeys`. Rejects with HV_E_LOG_KEY. */
export async function useKeyFiles(
  { logKeyFile, signKeyFile }: KeyOptions,
  plain: 'refused' | 'read',
): Promise<void> {
  if (logKeyFile !== undefined) {
    const { readLogKeys, useLogKeys } = await import('../host/log-keys.ts');
    const file = resolve(logKeyFile);
    useLogKeys({ keys: readLogKeys(file), file, plain });
    warnOfReaders(file);
  }
  if (signKeyFile !== undefined) {
    const { readSignKey, useSignKey } = await import('../host/sign-keys.ts');
    const file = resolve(signKeyFile);
    useSignKey(readSignKey(file));
    warnOfReaders(file);
  }
}

/** Secrets that are mounted into a container may have to be readable: it is said, not refused. */
function warnOfReaders(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8);
  say(`warning: other users may read the key file ${path} (mode ${octal}): chmod 600 ${path}`);
}
