import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { KvClient } from '../support/kv-client.ts';
import { longTest } from '../support/long.ts';
import { childOf, rolesOf, UpPair } from '../support/up-pair.ts';

async function pairOf(names: readonly string[], settings?: string): Promise<UpPair> {
  const pair = await UpPair.prepare(names, settings);
  onTestFinished(() => pair.close());
  return pair;
}

/** Both up, the first one primary, the other one in its view. */
async function protectedPair() {
  const pair = await pairOf(['a', 'b']);
  const [hostA, hostB] = pair.hosts;
  const b = pair.start(hostB);
  await pair.event(b, 'listening');
  const a = pair.start(hostA);
  await pair.event(a, 'protected');
  await pair.event(b, 'in.step');
  return { pair, hostA, hostB, a, b };
}

describe('hv up', { timeout: 180_000 }, () => {
  test('a primary that is killed comes back as the backup of who took over, by itself', async () => {
    const { pair, hostA, a, b } = await protectedPair();
    expect([rolesOf(a), rolesOf(b)]).toEqual([['begin'], ['backup']]);
    const before = await KvClient.reach(pair.port);
    expect(await before.ask('SET', 'k', '1')).toMatchObject({ text: 'OK' });
    await pair.kill(a);
    await pair.event(b, 'live');
    const after = await KvClient.reach(pair.port);
    expect(await after.ask('GET', 'k')).toMatchObject({ text: '1' });
    expect(await after.ask('SET', 'k', '2')).toMatchObject({ text: 'OK' });

    const again = pair.start(hostA);
    await pair.event(again, 'in.step');
    expect(rolesOf(again)).toEqual(['backup']);
    await pair.event(b, 'protected');

    await pair.kill(b);
    await pair.event(again, 'live');
    expect(await (await KvClient.reach(pair.port)).ask('GET', 'k')).toMatchObject({ text: '2' });
  });

  longTest('both go on where they were when both were down, whoever is there first', async () => {
    const { pair, hostA, hostB, a, b } = await protectedPair();
    const client = await KvClient.reach(pair.port);
    expect(await client.ask('SET', 'k', '1')).toMatchObject({ text: 'OK' });
    // So that it does not take over in between.
    await pair.freeze(b);
    await Promise.all([pair.kill(a), pair.kill(b)]);
    const runs = () => readdirSync(join(pair.stage.dir, 'views')).length;
    const before = runs();

    const second = pair.start(hostB);
    await pair.event(second, 'listening');
    const first = pair.start(hostA);
    await pair.event(first, 'protected');
    expect([rolesOf(first), rolesOf(second)]).toEqual([['resume'], ['backup']]);
    expect(await (await KvClient.reach(pair.port)).ask('GET', 'k')).toMatchObject({ text: '1' });
    expect(runs()).toBe(before);
  });

  longTest(
    'a replica that is killed alone is started again as what it should be then',
    async () => {
      const { pair, a, b } = await protectedPair();
      // The supervisor looks only when the other one has taken over: before, it might be primary again.
      a.kill('SIGSTOP');
      await a.untilStopped();
      process.kill(childOf(a) ?? 0, 'SIGKILL');
      await pair.event(b, 'live');
      a.kill('SIGCONT');
      await pair.event(a, 'in.step');
      expect(rolesOf(a)).toEqual(['begin', 'backup']);
      expect(a.over).toBe(false);
    },
  );

  test('a second hv up of the same replica is refused and touches nothing', async () => {
    const { pair, hostA, a } = await protectedPair();
    const second = await pair.exit(pair.start(hostA));
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`process ${a.pid} is hv up of kv`);
    expect(second.stderr).toContain('[HV_E_NAME_IN_USE]');
    expect(a.over).toBe(false);
  });

  test('a stop on purpose ends both with its status', async () => {
    const { pair, a, b } = await protectedPair();
    a.kill('SIGINT');
    const ends = await Promise.all([pair.exit(a), pair.exit(b)]);
    expect(ends.map(({ code }) => code)).toEqual([130, 130]);
    expect([rolesOf(a), rolesOf(b)]).toEqual([['begin'], ['backup']]);
  });

  longTest(
    'a host without a log and without a part in the beginning waits and begins nothing',
    async () => {
      const pair = await pairOf(['a', 'b'], '');
      const b = pair.start(pair.hosts[1]);
      await b.output(/no primary to follow: no run of the guest has begun anywhere/);
      expect(rolesOf(b)).toEqual(['backup']);
      b.kill('SIGTERM');
      expect((await pair.exit(b)).code).toBe(0);
      expect(readdirSync(join(pair.stage.dir, 'views'))).toEqual([]);
    },
  );

  longTest('the first host begins without the others and takes them when they come', async () => {
    const pair = await pairOf(['a', 'b'], '');
    const a = pair.start(pair.hosts[0], '--wait-for-backups', '0s');
    await pair.event(a, 'primary.live');
    const b = pair.start(pair.hosts[1]);
    await pair.event(a, 'protected');
    await pair.event(b, 'in.step');
    // What the guest writes is all that is on standard output, and hv's lines are on standard error.
    expect(a.stdout).toBe(`kv: listening on 127.0.0.1:${pair.port}\n`);
    expect(a.stderr).toMatch(/^hv: up: this host begins the run/);
  });

  longTest('--bootstrap beside a log of the guest is refused', async () => {
    const { pair, hostA, a } = await protectedPair();
    await pair.kill(a);
    const end = await pair.exit(pair.start(hostA, '--bootstrap'));
    expect(end.code).toBe(2);
    expect(end.stderr).toContain('the log of the guest is here');
  });
});
