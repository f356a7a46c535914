import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  DEMO_GUESTS,
  demoGuest,
  guestFile,
  isInstalled,
} from '../../../hypervisor/cli/demo/guests.ts';

const dir = mkdtempSync(join(tmpdir(), 'hv-demo-guests-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('every guest of a demo is there, with what it is written with', () => {
  for (const name of Object.keys(DEMO_GUESTS)) expect(existsSync(demoGuest(name).path)).toBe(true);
});

test('guests/README.md names every guest of a demo, with its file', () => {
  const page = readFileSync(guestFile('README.md'), 'utf8');
  for (const [name, { file }] of Object.entries(DEMO_GUESTS)) {
    const [row = ''] = page.split('\n').filter((line) => line.endsWith(` \`${name}\` |`));
    expect(file.startsWith(/\]\((.*?)\)/.exec(row)?.[1] ?? 'no link'), name).toBe(true);
  }
});

test('another name is refused with the names there are', () => {
  for (const name of ['nothing', 'toString'])
    expect(() => demoGuest(name)).toThrow(/no demo called \w+, there are kv, chat, .*poller$/);
});

test('a package is installed where the guest or a folder above it has it', () => {
  const from = join(dir, 'app', 'server.js');
  const folder = join(dir, 'node_modules', '@a', 'b');
  mkdirSync(folder, { recursive: true });
  expect(isInstalled('@a/b', from)).toBe(false);
  writeFileSync(join(folder, 'package.json'), '{}');
  expect(isInstalled('@a/b', from)).toBe(true);
  expect(isInstalled('@a/c', from)).toBe(false);
});
