/** `--token-file`, `--tls-ca`, `--tls-cert`, `--tls-key` and `--insecure`, alike in every command with links. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { HvError } from '../base/errors.ts';
import type { SecurityOptions } from '../host/tls.ts';

/** As commander hands them over. */
export interface SecurityFlags {
  readonly tokenFile?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecure?: true;
}

export function securityOptions(command: Command): Command {
  return command
    .option(
      '--token-file <file>',
      'replicas know each other by the token in this file (hv token new; also HV_TOKEN_FILE)',
    )
    .option('--tls-ca <file>', 'replicas know each other by certificates of this authority')
    .option('--tls-cert <file>', 'certificate of this replica (hv cert new)')
    .option('--tls-key <file>', 'its private key')
    .option('--insecure', 'take and make links to other hosts without any authentication');
}

/** What the flags ask for, and if they ask for nothing, the environment. Throws HV_E_USAGE. */
export function securityOf(flags: SecurityFlags, env: NodeJS.ProcessEnv): SecurityOptions {
  const { tokenFile, tlsCa, tlsCert, tlsKey, insecure } = flags;
  const tls = [tlsCa, tlsCert, tlsKey].filter((path) => path !== undefined);
  const ways = [tokenFile !== undefined, tls.length > 0, insecure === true];
  if (ways.filter(Boolean).length > 1)
    throw new HvError('HV_E_USAGE', '--token-file, --tls-* and --insecure exclude each other');
  if (insecure === true) return { mode: 'plain', insecure };
  if (tls.length > 0) {
    if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined)
      throw new HvError('HV_E_USAGE', '--tls-ca, --tls-cert and --tls-key are given together');
    return {
      mode: 'certificates',
      ca: resolve(tlsCa),
      cert: resolve(tlsCert),
      key: resolve(tlsKey),
    };
  }
  const file = tokenFile ?? env.HV_TOKEN_FILE;
  if (file === undefined || file === '') return { mode: 'plain', insecure: false };
  return { mode: 'token', tokenFile: resolve(file) };
}

/** The flags again, for a process that shall have the same security. */
export function securityArguments(options: SecurityOptions): readonly string[] {
  switch (options.mode) {
    case 'plain':
      return options.insecure ? ['--insecure'] : [];
    case 'token':
      return ['--token-file', options.tokenFile];
    case 'certificates':
      return [
        ...['--tls-ca', options.ca],
        ...['--tls-cert', options.cert],
        ...['--tls-key', options.key],
      ];
  }
}
