/** What is installed and what is written about it, against the programs themselves. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EXIT } from '../../hypervisor/base/errors.ts';
import { registerArbiter } from '../../hypervisor/cli/commands/arbiter.ts';
import { registerUp } from '../../hypervisor/cli/commands/up.ts';
import {
  flagOf,
  pathOf,
  SECTIONS,
  SETTINGS,
  variableOf,
} from '../../hypervisor/cli/config/schema.ts';
import { resolveSettings } from '../../hypervisor/cli/config/settings.ts';
import { requireTools } from '../support/tools.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const document = text('docs/operations-hosts.md');
const canVerify = requireTools(
  spawnSync('systemd-analyze', ['--version']).status === 0,
  'systemd-analyze is not installed (Debian: systemd)',
);
const UNITS = ['hv@.service', 'hv-arbiter.service'] as const;

/** Directives by section, each with all its values. */
function parse(unit: string): Map<string, Map<string, string[]>> {
  const sections = new Map<string, Map<string, string[]>>();
  let keys = new Map<string, string[]>();
  for (const line of unit.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const section = /^\[(\w+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      keys = new Map();
      sections.set(section, keys);
      continue;
    }
    const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    expect(key, line).not.toBe('');
    keys.set(key, [...(keys.get(key) ?? []), value]);
  }
  return sections;
}

/** Of systemd.unit(5), systemd.service(5), systemd.exec(5) and systemd.kill(5), as far as we use them. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  Unit: ['Description', 'Wants', 'After', 'StartLimitIntervalSec'],
  Install: ['WantedBy'],
  Service: [
    ...['Type', 'ExecStart', 'ExecReload', 'Restart', 'RestartSec', 'RestartPreventExitStatus'],
    ...['TimeoutStopSec', 'KillMode', 'DynamicUser', 'StateDirectory', 'StateDirectoryMode'],
    ...['WorkingDirectory', 'UMask', 'Environment', 'EnvironmentFile', 'LoadCredential'],
    ...['LimitNOFILE', 'OOMScoreAdjust', 'NoNewPrivileges', 'CapabilityBoundingSet'],
    ...['PrivateUsers', 'PrivateTmp', 'PrivateDevices', 'ProtectSystem', 'ProtectHome'],
    ...['ProtectKernelTunables', 'ProtectKernelModules', 'ProtectKernelLogs', 'ProtectProc'],
    ...['ProtectControlGroups', 'ProtectClock', 'ProtectHostname', 'ProcSubset'],
    ...['RestrictNamespaces', 'RestrictRealtime', 'RestrictSUIDSGID', 'RestrictAddressFamilies'],
    ...['LockPersonality', 'SystemCallArchitectures', 'SystemCallFilter', 'SystemCallErrorNumber'],
  ],
};

describe.each(UNITS)('contrib/systemd/%s', (name) => {
  const unit = text(`contrib/systemd/${name}`);
  const sections = parse(unit);
  const service = sections.get('Service') ?? new Map<string, string[]>();
  const all = (key: string): readonly string[] => service.get(key) ?? [];

  test('has sections and directives that systemd knows, and no other', () => {
    for (const [section, keys] of sections)
      for (const key of keys.keys()) expect(KNOWN[section], `${section}.${key}`).toContain(key);
  });

  test('never forbids memory that is written and executed: no engine would run', () => {
    expect(unit).not.toContain('MemoryDenyWriteExecute');
  });

  test('starts hv with a command and options that it has', () => {
    const [path, command = '', ...words] = all('ExecStart')[0]?.split(' ') ?? [];
    expect(path).toBe('/usr/local/bin/hv');
    const program = new Command();
    registerUp(program);
    registerArbiter(program);
    const found = program.commands.find((one) => one.name() === command);
    const known = found?.options.map(({ long }) => long);
    for (const word of words.filter((one) => one.startsWith('--'))) expect(known).toContain(word);
  });

  test('starts hv again for ever, but not where only a person can help', () => {
    expect(all('Restart')).toEqual(['always']);
    expect(sections.get('Unit')?.get('StartLimitIntervalSec')).toEqual(['0']);
    const statuses = all('RestartPreventExitStatus')[0]?.split(' ').map(Number) ?? [];
    expect(statuses).toContain(EXIT.usage);
    expect(statuses).toContain(EXIT.logDamaged);
    for (const again of [EXIT.ok, EXIT.fenced, EXIT.cannotProtect, EXIT.limit, EXIT.internal])
      expect(statuses).not.toContain(again);
  });

  test('has paths and variables that the document and hv know', () => {
    for (const credential of all('LoadCredential')) {
      const [id, path = ''] = credential.split(':');
      expect(path).toBe(`/etc/hv/${id}`);
      expect(document).toContain(String(id));
    }
    const variables = [...SETTINGS.map(variableOf), 'HV_ARBITER_LISTEN'];
    for (const one of all('Environment')) expect(variables).toContain(one.split('=')[0]);
    const [state = ''] = all('StateDirectory');
    expect(all('WorkingDirectory')).toEqual([`%S/${state}`]);
    expect(document).toContain(`/var/lib/${state.replace('%i', '<guest>')}`);
    expect(document).toContain(`contrib/systemd/${name}`);
  });

  test.skipIf(!canVerify)('passes systemd-analyze verify', () => {
    const dir = mkdtempSync(join(tmpdir(), 'hv-units-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const verify = (file: string, changed: string): string => {
      const path = join(dir, file);
      // It wants the program to be there.
      writeFileSync(path, changed.replace('/usr/local/bin/hv', process.execPath));
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], {
        encoding: 'utf8',
      });
      return stdout + stderr;
    };
    expect(verify(name, unit)).toBe('');
    expect(
      verify(`x${name}`, unit.replace('KillMode', 'KilMode').replace('UMask', 'UMusk')),
    ).toMatch(/Unknown key/);
  });
});

test('the replica is told to stop once: by hv up, and not by systemd too', () => {
  expect(text('contrib/systemd/hv@.service')).toMatch(/^KillMode=mixed$/m);
});

describe('docs/operations-hosts.md', () => {
  test('has every setting with its variable, flag and default, in order, and no other', () => {
    const rows = document
      .split('\n')
      .filter((line) => new RegExp(`^\\| \`(?:${SECTIONS.join('|')})\\.`).test(line));
    const cells = rows.map((row) => row.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
    expect(cells).toEqual(
      SETTINGS.map((setting) => {
        const { takes, standard, means } = setting;
        return [
          `\`${pathOf(setting)}\``,
          `\`${variableOf(setting)}\``,
          `\`--${flagOf(setting)}\``,
          takes,
          standard === undefined ? '' : `\`${JSON.stringify(standard)}\``,
          means,
        ];
      }),
    );
  });

  test('shows a file that is read without a complaint', () => {
    const [, toml = ''] = /```toml\n([\s\S]*?)```/.exec(document) ?? [];
    const dir = mkdtempSync(join(tmpdir(), 'hv-toml-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const config = join(dir, 'shop.toml');
    writeFileSync(config, toml);
    const settings = resolveSettings({ config, flags: new Map(), env: {} });
    expect(settings.list('replica.peers')).toContain(settings.text('replica.listen'));
  });

  test('names only files and pages that exist', () => {
    for (const [, page = ''] of document.matchAll(/\]\(([\w-]+\.md)\)/g))
      expect(() => text(`docs/${page}`), page).not.toThrow();
  });
});

test('the units are part of the package', () => {
  const { files } = JSON.parse(text('package.json')) as { readonly files: readonly string[] };
  expect(files).toContain('contrib');
});
