import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  type SecurityFlags,
  securityArguments,
  securityOf,
  securityOptions,
} from '../../../hypervisor/cli/security-options.ts';
import { statusLines } from '../../../hypervisor/cli/status-report.ts';
import type { SecurityOptions } from '../../../hypervisor/host/tls.ts';

function asked(args: readonly string[], env: NodeJS.ProcessEnv = {}): SecurityOptions {
  const command = securityOptions(new Command());
  command.parse(args, { from: 'user' });
  return securityOf(command.opts<SecurityFlags>(), env);
}

const FILES = ['--tls-ca', '/t/ca', '--tls-cert', '/t/cert', '--tls-key', '/t/key'];

describe('the options of security', () => {
  test('are plain and local when nothing is said', () => {
    expect(asked([])).toEqual({ mode: 'plain', insecure: false });
    expect(asked([], { HV_TOKEN_FILE: '' })).toEqual({ mode: 'plain', insecure: false });
  });

  test('say more than the environment', () => {
    const env = { HV_TOKEN_FILE: '/e/token' };
    expect(asked([], env)).toEqual({ mode: 'token', tokenFile: '/e/token' });
    expect(asked(['--token-file', '/o/token'], env)).toMatchObject({ tokenFile: '/o/token' });
    expect(asked(FILES, env)).toMatchObject({ mode: 'certificates', cert: '/t/cert' });
    expect(asked(['--insecure'], env)).toEqual({ mode: 'plain', insecure: true });
  });

  test.each([[[]], [['--insecure']], [['--token-file', '/t/token']], [FILES]])(
    'are the same for a process that is started with them again: %j',
    (args) => {
      expect(asked(securityArguments(asked(args)))).toEqual(asked(args));
    },
  );

  test.each([
    [['--insecure', '--token-file', 't']],
    [['--insecure', ...FILES]],
    [['--token-file', 't', ...FILES]],
    [FILES.slice(0, 4)],
    [FILES.slice(2)],
  ])('are refused when they contradict each other or are half given: %j', (args) => {
    expect(() => asked(args)).toThrow(expect.objectContaining({ code: 'HV_E_USAGE' }));
  });
});

test('hv status names who was turned away, and is silent where nobody was', () => {
  const links = (badToken: number) => ({ links: { reasons: { badToken, slow: 0 } } });
  const common = { name: 'guest', role: 'backup', pid: 3 };
  expect(statusLines({ ...common, ...links(1200) }).at(-1)).toBe(
    '  refused      at the link port: badToken 1,200',
  );
  expect(statusLines({ ...common, ...links(0) })).toEqual(statusLines(common));
});
