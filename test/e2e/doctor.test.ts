import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeNewToken } from '../../hypervisor/host/token-file.ts';
import { HV_VERSION } from '../../hypervisor/host/version.ts';
import { Stage } from '../support/hv-process.ts';
import { freePort } from '../support/kv-client.ts';
import { longTest } from '../support/long.ts';

interface Report {
  readonly able: boolean;
  readonly verdict: string;
  readonly findings: readonly {
    readonly check: string;
    readonly state: string;
    readonly text: string;
  }[];
}

function stage(): Stage {
  const made = new Stage();
  onTestFinished(() => made.close());
  mkdirSync(join(made.dir, 'views'));
  writeNewToken(join(made.dir, 'token'));
  return made;
}

async function doctor(on: Stage, ...options: readonly string[]) {
  const listen = `127.0.0.1:${await freePort()}`;
  const common = ['--listen', listen, '--arbiter', 'file:views', '--json'];
  const { code, stdout } = await on.hv(['doctor', ...common, ...options]).exited;
  const report = JSON.parse(stdout) as Report;
  const state = (check: string) => report.findings.find((one) => one.check === check);
  return { code, report, state };
}

describe('hv doctor', { timeout: 120_000 }, () => {
  test('says of a peer that is idle which hv it runs, and leaves it idle', async () => {
    const on = stage();
    const { process, address } = await on.backup('--token-file', 'token');
    const found = await doctor(on, '--peer', address, '--token-file', 'token');
    expect(found.state(`peer ${address}`)).toMatchObject({
      state: 'ok',
      text: expect.stringContaining(`hv ${HV_VERSION}`) as string,
    });
    expect(found.report).toMatchObject({ able: true });
    expect(found.code).toBe(0);
    expect(process.events.map(({ evt }) => evt)).toEqual(['listening', 'admin']);
  });

  longTest('says no to a peer with another token, without one, and that is not there', async () => {
    const on = stage();
    const { address } = await on.backup('--token-file', 'token');
    writeNewToken(join(on.dir, 'other'));
    const other = await doctor(on, '--peer', address, '--token-file', 'other');
    expect(other.code).toBe(123);
    expect(other.state(`peer ${address}`)?.text).toMatch(/takes no link: .*our token/);
    const plain = await doctor(on, '--peer', address);
    expect(plain.state(`peer ${address}`)?.state).toBe('fail');
    const gone = `127.0.0.1:${await freePort()}`;
    const missing = await doctor(on, '--peer', gone);
    expect(missing.report.verdict).toMatch(/^NO failover: peer .*ECONNREFUSED/);
  });

  test('says no to a token that others may read, an arbiter that is away and a directory that is a file', async () => {
    const on = stage();
    const peer = ['--peer', '127.0.0.1:1'];
    chmodSync(join(on.dir, 'token'), 0o644);
    const token = await doctor(on, ...peer, '--token-file', 'token');
    expect(token.state('authentication')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('mode 0644') as string,
    });
    const arbiter = await doctor(on, ...peer, '--arbiter', 'file:nowhere');
    expect(arbiter.state('arbiter')?.text).toContain('does not exist or is not mounted');
    writeFileSync(join(on.dir, 'file'), '');
    const dir = await doctor(on, ...peer, '--dir', 'file');
    expect(dir.state('log directory')?.state).toBe('fail');
  });

  longTest('prints for people one line each, what to do below, and the verdict last', async () => {
    const on = stage();
    const { code, stdout } = await on.hv(['doctor', '--peer', '10.255.255.1:7700']).exited;
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(123);
    expect(lines.at(-1)).toMatch(/^NO failover: authentication: /);
    for (const line of lines.slice(0, -1))
      expect(line).toMatch(/^(?:ok {4}|warn {2}|fail {2}| {6})\S/);
  });
});
