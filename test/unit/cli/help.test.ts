import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { adminArgumentsBeside } from '../../../hypervisor/cli/admin-options.ts';
import { registerBackup } from '../../../hypervisor/cli/commands/backup.ts';
import { registerCert } from '../../../hypervisor/cli/commands/cert.ts';
import { registerInspect } from '../../../hypervisor/cli/commands/inspect.ts';
import { registerReplay } from '../../../hypervisor/cli/commands/replay.ts';
import { registerRun } from '../../../hypervisor/cli/commands/run.ts';
import { localBackupArguments } from '../../../hypervisor/cli/local-backup.ts';
import { showTop } from '../../../hypervisor/cli/top.ts';

function helpOf(register: (program: Command) => void): string {
  const program = new Command('hv').enablePositionalOptions();
  register(program);
  const [command] = program.commands;
  const texts = [command, ...(command?.commands ?? [])].map((one) => one?.helpInformation() ?? '');
  return texts.join('\n').replace(/\s+/g, ' ');
}

describe('the help of a command', () => {
  it.each([
    ['run', registerRun],
    ['backup', registerBackup],
    ['replay', registerReplay],
    ['inspect', registerInspect],
    ['cert', registerCert],
  ])('of hv %s shows no default that is not a word of the command line', (_name, register) => {
    expect(helpOf(register)).not.toMatch(/default: (\[|\{|null|undefined)/);
  });

  it('of hv run says what is meant where an option is left out', () => {
    const help = helpOf(registerRun);
    expect(help).toContain('a number, or all (default: all)');
    expect(help).toContain(
      'lan (150 ms), wan (1000 ms), or any number of milliseconds (default: lan)',
    );
    expect(help).toContain('let only these variables in (repeatable) (default: all)');
  });

  it('tells that only the usual admin port gives way to another one', () => {
    for (const register of [registerRun, registerBackup])
      expect(helpOf(register)).toContain(
        'off: nowhere; auto: at 127.0.0.1:7701, or a free port if that is taken (default: auto)',
      );
  });
});

describe('the backup of --backup local', () => {
  const given = {
    name: 'kv',
    hangLimitMs: 30_000,
    security: { mode: 'plain', insecure: false },
  } as const;

  it('has no admin port where the primary has none', () => {
    const args = localBackupArguments('home', { ...given, admin: { admin: 'off' } });
    expect(args[args.indexOf('--admin') + 1]).toBe('off');
  });

  it('takes another admin port than the primary, behind the same token', () => {
    const admin = { admin: { host: '10.0.0.1', port: 9000 }, adminTokenFile: 'token' } as const;
    expect(adminArgumentsBeside(admin)).toEqual([
      ...['--admin', 'auto', '--admin-token-file', 'token'],
    ]);
  });
});

describe('hv top', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hv-top-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('of a directory that is not there is refused', async () => {
    const missing = join(dir, 'nowhere');
    await expect(showTop({ dir: missing, once: true, json: true })).rejects.toMatchObject({
      code: 'HV_E_USAGE',
      message: `no replica runs below ${missing}: there is no such directory`,
    });
  });
});
