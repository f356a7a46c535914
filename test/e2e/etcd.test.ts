import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arbiterKey } from '../../hypervisor/host/arbiter-answers.ts';
import { ETCD_URL, EtcdArbiter } from '../../hypervisor/host/etcd-arbiter.ts';
import { parseServerUrl } from '../../hypervisor/host/server-urls.ts';
import {
  type ArbiterUnderTest,
  arbiterConformance,
  claimView,
  newVm,
  readView,
  viewOf,
} from '../support/arbiter-conformance.ts';
import { checkRace, raceForEpochs } from '../support/claim-race.ts';
import { EtcdCluster, hasEtcd } from '../support/etcd-cluster.ts';
import { GUESTS, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { longTest } from '../support/long.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { hasOpenssl, makeCertificate } from '../support/test-certificate.ts';
import { requireTools } from '../support/tools.ts';

const canRun = requireTools(hasEtcd, 'etcd is not installed (Debian: etcd-server)');

function client(url: string, timeoutMs?: number): EtcdArbiter {
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  return new EtcdArbiter(parseServerUrl(url, ETCD_URL), options);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

describe.skipIf(!canRun)('a real etcd of three', () => {
  let cluster: EtcdCluster;
  beforeAll(async () => {
    cluster = await EtcdCluster.start(3);
  }, 60_000);
  afterAll(() => cluster?.stop());

  arbiterConformance('etcd:', async (): Promise<ArbiterUnderTest> => {
    const silent = await LossyProxy.to(1);
    silent.mode = 'swallow';
    return {
      arbiter: () => client(cluster.url),
      unreachable: {
        'nobody listens': async () =>
          client(`etcd://127.0.0.1:${await freePort()},127.0.0.1:${await freePort()}`),
        'nobody answers': () => client(`etcd://127.0.0.1:${silent.port}`, 300),
        'no host of that name': () => client('etcd://no-such-host.invalid'),
      },
      restart: () => cluster.restartAll(),
      stop: () => silent.stop(),
    };
  });

  /** The primary of each epoch, from etcd's own history of the key. */
  async function keptIn(vm: string): Promise<Map<number, string>> {
    const kept = new Map<number, string>();
    const key = base64(`/hv/views/${arbiterKey(vm)}`);
    for (let revision: number | undefined; ; ) {
      const asked = { key, ...(revision === undefined ? {} : { revision: String(revision) }) };
      const { kvs } = (await cluster.ask('/v3/kv/range', asked)) as {
        kvs?: { value: string; mod_revision: string; version: string }[];
      };
      const one = kvs?.[0];
      if (one === undefined) return kept;
      const { epoch, view } = JSON.parse(Buffer.from(one.value, 'base64').toString());
      expect(Number(epoch)).toBe(view.epoch);
      // Each epoch was put exactly once: its number counts the writes of the key.
      expect(Number(one.version)).toBe(view.epoch);
      kept.set(view.epoch, view.primary);
      revision = Number(one.mod_revision) - 1;
    }
  }

  test('kill -9 of two leaders in the middle of claims: no epoch is won twice, none is lost', async () => {
    const vm = newVm();
    let faults = 0;
    const killLeader = async (): Promise<void> => {
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await cluster.ready();
      cluster.revive(leader);
      await cluster.ready(leader);
      faults += 1;
    };
    let breaking = Promise.resolve();
    // Some know all members; who knows only one meets answers that do not come.
    const urls = [cluster.url, cluster.url, ...cluster.hosts.map((host) => `etcd://${host}`)];
    const clients = urls.map((url) => ({
      arbiter: client(url, 1_000),
      members: url === cluster.url ? cluster.hosts.length : 1,
    }));
    const race = await raceForEpochs(vm, clients, {
      isOver: (epoch) => faults === 2 && epoch >= 100,
      won: (epoch) => {
        if (epoch === 20 || epoch === 60) breaking = breaking.then(killLeader);
      },
    });
    await breaking;
    expect(race.repeated).toBeGreaterThan(0);
    const kept = await keptIn(vm);
    checkRace(race, kept);
  });

  test('a claim whose answer is lost has won, and its retry is told so', async () => {
    const vm = newVm();
    const proxy = await LossyProxy.to(Number(cluster.hosts[0]?.split(':')[1]));
    const arbiter = client(`etcd://127.0.0.1:${proxy.port}`);
    const token = randomUUID();
    proxy.mode = 'loseAnswers';
    expect(await claimView(arbiter, vm, 0, { token })).toMatchObject({ type: 'unavailable' });
    expect(proxy.lost).toBeGreaterThan(0);
    expect(await readView(client(cluster.url), vm)).toMatchObject({ view: viewOf(1) });
    proxy.mode = 'pass';
    expect(await claimView(arbiter, vm, 0, { token })).toEqual({ type: 'won', view: viewOf(1) });
    expect(await claimView(arbiter, vm, 0)).toMatchObject({ type: 'lost' });
    proxy.stop();
  });

  test('with several members a lost answer is found at the next one, without a retry', async () => {
    const vm = newVm();
    const proxy = await LossyProxy.to(Number(cluster.hosts[0]?.split(':')[1]));
    const arbiter = client(`etcd://127.0.0.1:${proxy.port},${cluster.hosts[1]}`);
    for (const [epoch, mode] of (['loseAnswers', 'swallow'] as const).entries()) {
      proxy.mode = mode;
      expect(await claimView(arbiter, vm, epoch)).toEqual({ type: 'won', view: viewOf(epoch + 1) });
    }
    proxy.stop();
  });

  longTest(
    'a value that hv did not write is not taken for a view, and not overwritten',
    async () => {
      const vm = newVm();
      const arbiter = client(cluster.url);
      const key = base64(`/hv/views/${arbiterKey(vm)}`);
      await claimView(arbiter, vm, 0);
      const pretty = JSON.stringify({ epoch: 1, view: viewOf(1), token: 't' }, null, 2);
      for (const text of ['', 'null', '{"epoch":1}', pretty]) {
        const value = base64(text);
        await cluster.ask('/v3/kv/put', { key, value });
        const answers = [await readView(arbiter, vm), await claimView(arbiter, vm, 1)];
        for (const answer of answers)
          expect({ text, answer }).toMatchObject({
            answer: { type: 'unavailable', reason: expect.stringContaining('damaged') },
          });
        const { kvs } = (await cluster.ask('/v3/kv/range', { key })) as {
          kvs: { value?: string }[];
        };
        expect(kvs[0]?.value ?? '').toBe(value);
      }
    },
  );

  longTest(
    'hosts of two clusters in one URL are refused: both would give every epoch',
    async () => {
      const other = await EtcdCluster.start(1);
      const vm = newVm();
      // The first is silent, so that the second is asked, and later the other way round.
      const proxy = await LossyProxy.to(Number(cluster.hosts[0]?.split(':')[1]));
      const arbiter = client(`etcd://127.0.0.1:${proxy.port},${other.hosts[0]}`, 500);
      expect(await claimView(arbiter, vm, 0)).toMatchObject({ type: 'won' });
      proxy.mode = 'swallow';
      const answer = await readView(arbiter, vm);
      expect(answer).toMatchObject({ type: 'unavailable' });
      proxy.stop();
      expect(await readView(arbiter, vm)).toMatchObject({
        reason: expect.stringContaining('belongs to another etcd cluster'),
      });
      await other.stop();
    },
  );

  test('a failover whose etcd loses its leader at the same moment loses nothing acknowledged', async () => {
    const stage = new Stage();
    try {
      const backup = await stage.backup('--dir', 'b1');
      const port = await freePort();
      const options = ['--arbiter', cluster.url, '--backup', backup.address, '--events-fd', '3'];
      const primary = stage.hv([
        'run',
        ...options,
        '--name',
        'kv',
        join(GUESTS, 'kv.js'),
        `${port}`,
      ]);
      await primary.event('protected');
      const kv = await KvClient.reach(port);
      let acknowledged = 0;
      const writing = (async () => {
        for (let n = 1; ; n++) {
          await kv.ask('APPEND', 'list', `${n},`);
          acknowledged = n;
        }
      })().catch(() => undefined);
      while (acknowledged < 100) await new Promise((resolve) => setImmediate(resolve));
      const leader = await cluster.leader();
      const killed = cluster.kill(leader);
      primary.kill('SIGKILL');
      await Promise.all([killed, writing, backup.process.event('live')]);
      const after = await KvClient.reach(port);
      const reply = await after.ask('GET', 'list');
      const list = String(reply.type === 'bulk' ? reply.text : '')
        .split(',')
        .slice(0, -1)
        .map(Number);
      expect(list.length).toBeGreaterThanOrEqual(acknowledged);
      expect(list.length).toBeLessThanOrEqual(acknowledged + 1);
      expect(list).toEqual(list.map((_, index) => index + 1));
      after.close();
      cluster.revive(leader);
    } finally {
      await stage.close();
    }
    await cluster.ready();
  });
});

describe.skipIf(!canRun)('an etcd that does not let everybody in', () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'hv-etcd-auth-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('is asked with a user and a password, who log in again when the cluster forgot them', async () => {
    const cluster = await EtcdCluster.start(1);
    const as = (login: string, query = ''): EtcdArbiter =>
      client(`etcd://${login}${cluster.hosts[0]}${query}`);
    for (const [path, body] of [
      ['user/add', { name: 'root', password: 'r' }],
      ['role/add', { name: 'root' }],
      ['user/grant', { user: 'root', role: 'root' }],
      ['user/add', { name: 'hv', password: 'p@ss' }],
      ['role/add', { name: 'views' }],
      ['user/grant', { user: 'hv', role: 'views' }],
      [
        'role/grant',
        { name: 'views', perm: { permType: 'READWRITE', ...keysBelow('/hv/views/') } },
      ],
      ['enable', {}],
    ] as const)
      await cluster.ask(`/v3/auth/${path}`, body);
    const vm = newVm();
    expect(await claimView(as(''), vm, 0)).toMatchObject({
      reason: expect.stringContaining('user name is empty'),
    });
    expect(await claimView(as('hv:wrong@'), vm, 0)).toMatchObject({
      reason: expect.stringContaining('authentication failed'),
    });
    const arbiter = as('hv:p%40ss@');
    expect(await claimView(arbiter, vm, 0)).toEqual({ type: 'won', view: viewOf(1) });
    writeFileSync(join(dir, 'secret'), 'p@ss\n');
    const byFile = as('hv@', `?password-file=${join(dir, 'secret')}`);
    expect(await readView(byFile, vm)).toEqual({ type: 'current', view: viewOf(1) });
    // Tokens of logins are in the memory of the members only.
    await cluster.restartAll();
    expect(await claimView(arbiter, vm, 1)).toEqual({ type: 'won', view: viewOf(2) });
    await cluster.stop();
  });

  const canEncrypt = requireTools(hasOpenssl, 'openssl is not installed');
  test.skipIf(!canEncrypt)(
    'is asked over TLS with a client certificate, and by nobody without',
    async () => {
      const { cert, key } = makeCertificate(dir);
      const cluster = await EtcdCluster.start(1, { cert, key });
      const host = cluster.hosts[0];
      const vm = newVm();
      const full = client(`etcds://${host}?ca=${cert}&cert=${cert}&key=${key}`);
      expect(await claimView(full, vm, 0)).toEqual({ type: 'won', view: viewOf(1) });
      for (const url of [
        `etcd://${host}`,
        `etcds://${host}`,
        `etcds://${host}?ca=${cert}`,
        `etcds://${host}?ca=${cert}&cert=/no/such/file&key=${key}`,
      ])
        expect({ url, answer: await claimView(client(url), vm, 1) }).toMatchObject({
          answer: { type: 'unavailable' },
        });
      expect(await readView(full, vm)).toEqual({ type: 'current', view: viewOf(1) });
      await cluster.stop();
    },
  );
});

/** The range of all keys with a prefix. */
function keysBelow(prefix: string): { key: string; range_end: string } {
  const last = prefix.charCodeAt(prefix.length - 1);
  const end = prefix.slice(0, -1) + String.fromCharCode(last + 1);
  return { key: base64(prefix), range_end: base64(end) };
}
