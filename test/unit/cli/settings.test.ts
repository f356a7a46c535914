import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CONFIG_LINES_MAX } from '../../../hypervisor/base/tool-limits.ts';
import { settingOptions, sourcesOf } from '../../../hypervisor/cli/config/options.ts';
import { settingLines, settingsJson } from '../../../hypervisor/cli/config/print-settings.ts';
import { flagOf, pathOf, SETTINGS, variableOf } from '../../../hypervisor/cli/config/schema.ts';
import { resolveSettings, type Settings } from '../../../hypervisor/cli/config/settings.ts';
import { parseToml } from '../../../hypervisor/cli/config/toml-file.ts';

let dir = '';
let file = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-settings-'));
  file = join(dir, 'hv.toml');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function settings(
  text: string,
  given: { readonly args?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Settings {
  writeFileSync(file, text);
  const command = settingOptions(new Command().exitOverride());
  command.parse([...(given.args ?? []), '--config', file], { from: 'user' });
  return resolveSettings({ ...sourcesOf(command), env: given.env ?? {} });
}

const said = (text: string, given: Parameters<typeof settings>[1] = {}): string => {
  try {
    settings(text, given);
  } catch (error) {
    return (error as Error).message.replaceAll(file, 'F');
  }
  return 'nothing';
};

describe('a setting', () => {
  test('is taken from the flag, else the variable, else the file, else the default', () => {
    const text = '[replica]\npriority = 2\n';
    const env = { HV_PRIORITY: '3' };
    const priority = (given: Parameters<typeof settings>[1], file = text) => {
      const found = settings(file, given).all.find(({ setting }) => setting.key === 'priority');
      return [found?.value, found?.origin.replace(dir, '')];
    };
    expect(priority({ args: ['--priority', '4'], env })).toEqual([4, '--priority']);
    expect(priority({ env })).toEqual([3, 'HV_PRIORITY']);
    expect(priority({})).toEqual([2, '/hv.toml:2']);
    expect(priority({}, '')).toEqual([0, 'default']);
    expect(priority({ env: { HV_PRIORITY: '' } }, '')).toEqual([0, 'default']);
  });

  test('has a variable, a flag and a path that no other one has', () => {
    for (const name of [variableOf, flagOf, pathOf])
      expect(new Set(SETTINGS.map(name)).size).toBe(SETTINGS.length);
  });

  test('that is a path in the file is one beside the file, and not beside whoever reads it', () => {
    const text =
      '[guest]\nscript = "s/app.js"\n[replica]\ndir = "/var/hv"\n[protection]\narbiter = "file:views"\n';
    const found = settings(text);
    expect(found.text('guest.script')).toBe(join(dir, 's/app.js'));
    expect(found.text('replica.dir')).toBe('/var/hv');
    expect(found.text('protection.arbiter')).toBe(`file:${join(dir, 'views')}`);
    expect(settings(text, { args: ['--dir', 'here'] }).text('replica.dir')).toBe('here');
    const url = '[protection]\narbiter = "etcd://a,b,c"\n';
    expect(settings(url).text('protection.arbiter')).toBe('etcd://a,b,c');
  });

  test('that is a list is repeated as a flag, and JSON or comma-separated as a variable', () => {
    const args = ['--peer', 'a:1', '--peer', 'b:2'];
    expect(settings('', { args }).list('replica.peers')).toEqual(['a:1', 'b:2']);
    const peers = (HV_PEERS: string) => settings('', { env: { HV_PEERS } }).list('replica.peers');
    expect(peers('a:1, b:2')).toEqual(['a:1', 'b:2']);
    expect(peers('["a:1"]')).toEqual(['a:1']);
    expect(settings('', { env: { HV_ARGS: '["a, b"]' } }).list('guest.args')).toEqual(['a, b']);
  });

  test('of a word may be a number', () => {
    const found = settings('[protection]\nquorum = 2\ndetect = 40\n');
    expect([found.text('protection.quorum'), found.text('protection.detect')]).toEqual(['2', '40']);
  });
});

describe('a mistake in hv.toml is named with its line', () => {
  test.each([
    ['[guest]\n\nscrip = "a"\n', /^F:3: there is no guest\.scrip; \[guest\] has script, name/],
    ['[guest]\nlisten = "a:1"\n', /^F:2: there is no guest\.listen; it is replica\.listen$/],
    ['# x\n[gest]\nname = "a"\n', /^F:2: there is no \[gest\]; there are \[guest\], \[replica\]/],
    ['[empty]\n', /^F:1: there is no \[empty\]/],
    ['name = "a"\n', /^F:1: there is no \[name\]/],
    ['guest = 3\n', /^F:1: \[guest\] is a section, not a value$/],
    ['guest.args = [\n "a",\n 3,\n]\n', /^F:1: guest\.args has 3; each entry is an argument$/],
    ['[guest]\nname = "a"\nargs = [\n 3,\n]\n', /^F:3: guest\.args has 3/],
    ['[guest]\nname = """\nx y"""\n', /^F:2: guest\.name takes text: a name, not "x y"$/],
    ['[replica]\nhidden = "yes"\n', /^F:2: replica\.hidden takes true or false, not "yes"$/],
    ['[replica]\npriority = 1.5\n', /^F:2: replica\.priority takes a whole number, not 1\.5$/],
    ['[replica]\npeers = "a:1"\n', /^F:2: replica\.peers takes a list of texts \(host:port\)/],
    ['[replica]\npeers = ["a"]\n', /^F:2: replica\.peers has "a"; each entry is host:port$/],
    ['[replica]\ndir = 1979-05-27\n', /^F:2: replica\.dir takes text: a path, not a date$/],
    ['[replica]\ndir = { a = 1 }\n', /^F:2: replica\.dir takes text: a path, not a table$/],
    ['[protection]\nack = "maybe"\n', /^F:2: protection\.ack takes text: async, .*not "maybe"$/],
    ['[admin]\naddress = "7701"\n', /^F:2: admin\.address takes text: off, auto or host:port, not/],
    ['[protection]\nquorum = 0\n', /^F:2: protection\.quorum takes all or a number, not 0$/],
    ['[guest]\nname = \n', /^F:2: Invalid TOML document/],
    ['[guest]\nname = "a"\nname = "b"\n', /^F:3: Invalid TOML document/],
  ])('%j', (text, message) => {
    expect(said(text)).toMatch(message);
  });

  test.each(['\n'.repeat(CONFIG_LINES_MAX), `# ${'x'.repeat(70_000)}`])(
    'and a file that is no page of settings is not read at all',
    (text) => {
      expect(() => parseToml(text, 'F')).toThrow('has more than');
    },
  );
});

test('a mistake in a flag or a variable is named with it', () => {
  expect(said('', { args: ['--priority', 'x'] })).toBe('--priority takes a whole number, not "x"');
  expect(said('', { env: { HV_HIDDEN: 'yes' } })).toBe('HV_HIDDEN takes true or false, not "yes"');
  expect(said('', { env: { HV_PEERS: '[1' } })).toBe(
    'HV_PEERS takes a list of texts (host:port), not "[1"',
  );
});

test('a file that was named and is missing is an error, and one that was not is none', () => {
  const sources = { flags: new Map(), env: {} };
  mkdirSync(join(dir, 'empty'));
  const missing = join(dir, 'empty', 'hv.toml');
  expect(() => resolveSettings({ ...sources, config: missing })).toThrow('cannot be read');
  expect(() =>
    resolveSettings({ ...sources, config: undefined, env: { HV_CONFIG: missing } }),
  ).toThrow('cannot be read');
  expect(resolveSettings({ ...sources, config: undefined }).file).toBeUndefined();
});

test('what is printed has every setting once, with its value and where it was said', () => {
  const found = settings('[guest]\nname = "kv"\n');
  const lines = settingLines(found);
  expect(lines).toHaveLength(SETTINGS.length);
  expect(lines[1]).toMatch(/^guest\.name +"kv" +\/.*hv\.toml:2$/);
  expect(lines[0]).toMatch(/^guest\.script +- +default$/);
  const { settings: json } = settingsJson(found) as { settings: Record<string, unknown> };
  expect(Object.keys(json)).toEqual(SETTINGS.map(pathOf));
  expect(json['guest.name']).toEqual({ value: 'kv', origin: `${file}:2` });
  expect(json['guest.script']).toEqual({ value: null, origin: 'default' });
});
