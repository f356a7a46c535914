/** The settings as a command line of `hv run` or `hv backup`. */

import type { Settings } from '../config/settings.ts';
import type { Plan } from './plan.ts';

export interface ChildGiven {
  readonly role: Exclude<Plan['type'], 'refused'>;
  readonly name: string;
  /** Backups that are there when a run begins. */
  readonly backups: readonly string[];
}

/** Events go to descriptor 3. */
export function childArguments(settings: Settings, given: ChildGiven): readonly string[] {
  const { role, name, backups } = given;
  const value = (option: string, path: string): readonly string[] => {
    const text = settings.text(path);
    return text === undefined ? [] : [`--${option}`, text];
  };
  const flag = (option: string, path: string): readonly string[] =>
    settings.on(path) ? [`--${option}`] : [];
  const common = [
    ...value('listen', 'replica.listen'),
    ...value('dir', 'replica.dir'),
    ...value('log-key-file', 'replica.log-key-file'),
    ...value('sign-key-file', 'replica.sign-key-file'),
    ...value('arbiter', 'protection.arbiter'),
    ...flag('arbiter-colocated', 'protection.arbiter-colocated'),
    ...value('token-file', 'protection.token-file'),
    ...value('tls-ca', 'protection.tls-ca'),
    ...value('tls-cert', 'protection.tls-cert'),
    ...value('tls-key', 'protection.tls-key'),
    ...flag('insecure', 'protection.insecure'),
    ...value('admin', 'admin.address'),
    ...value('admin-token-file', 'admin.token-file'),
    ...['--events-fd', '3'],
  ];
  if (role === 'backup')
    return [
      'backup',
      ...common,
      ...['--as', name],
      // Negative numbers look like options unless they are joined to theirs.
      `--priority=${settings.text('replica.priority') ?? '0'}`,
      ...flag('hidden', 'replica.hidden'),
      ...flag('store-only', 'replica.store-only'),
    ];
  const run = [
    'run',
    ...common,
    ...['--name', name],
    ...value('ack', 'protection.ack'),
    ...value('quorum', 'protection.quorum'),
    ...value('on-backup-loss', 'protection.on-backup-loss'),
    ...value('detect', 'protection.detect'),
  ];
  // Script, arguments and environment of a run that goes on are those of its log.
  if (role === 'resume') return [...run, '--resume'];
  const env = settings.list('guest.env').map((one) => `--env=${one}`);
  const script = settings.text('guest.script') ?? '';
  return [
    ...run,
    ...backups.flatMap((peer) => ['--backup', peer]),
    ...env,
    script,
    ...settings.list('guest.args'),
  ];
}
