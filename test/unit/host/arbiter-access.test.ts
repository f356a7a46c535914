import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { arbiterObstacle } from '../../../hypervisor/host/arbiter-access.ts';

const DIR = mkdtempSync(join(tmpdir(), 'hv-access-'));
afterAll(() => rmSync(DIR, { recursive: true }));
const at = (name: string): string => join(DIR, name);
mkdirSync(at('views'));
writeFileSync(at('token'), 'abcdefghijklmnopqrstuvwxyz0123456789\n');
writeFileSync(at('short'), 'abc\n');

describe('a host with all that an arbiter asks for has no obstacle', () => {
  test.each([
    `file:${at('views')}`,
    'http://127.0.0.1:1',
    `http://127.0.0.1:1?token-file=${at('token')}`,
    'etcd://127.0.0.1:1',
    `etcd://127.0.0.1:1?password-file=${at('token')}`,
    'pg://u@127.0.0.1:1/d',
  ])('%s', (url) => {
    expect(arbiterObstacle(url)).toBeUndefined();
  });
});

describe('a host that lacks something says what, and what that means', () => {
  test.each([
    `file:${at('nowhere')}`,
    `file:${at('token')}/views`,
    `http://127.0.0.1:1?token-file=${at('nowhere')}`,
    `http://127.0.0.1:1?token-file=${at('short')}`,
    `etcds://127.0.0.1:1?ca=${at('nowhere')}`,
    `pg://u@127.0.0.1:1/d?password-file=${at('nowhere')}`,
  ])('%s', (url) => {
    const words = arbiterObstacle(url);
    expect(words).toContain('could never take over');
    expect(words).toContain(DIR);
  });

  test('a password in the URL is not shown', () => {
    const url = `pg://u:secret@127.0.0.1:1/d?sslmode=verify-full&sslrootcert=${at('nowhere')}`;
    expect(arbiterObstacle(url)).not.toContain('secret');
  });
});

test('a URL nobody knows is one of whoever wrote it', () => {
  expect(arbiterObstacle('gopher://x')).toContain('there is no arbiter');
});
