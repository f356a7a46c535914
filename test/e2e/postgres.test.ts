import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PG_URL, PgArbiter } from '../../hypervisor/host/pg-arbiter.ts';
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
import { GUESTS, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { longTest } from '../support/long.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { hasPostgres, PostgresServer } from '../support/postgres-server.ts';
import { hasOpenssl } from '../support/test-certificate.ts';
import { requireTools } from '../support/tools.ts';

const canRun = requireTools(
  hasPostgres,
  'PostgreSQL is not installed, or root has no user postgres (Debian: postgresql)',
);

function client(url: string, timeoutMs?: number): PgArbiter {
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  return new PgArbiter(parseServerUrl(url, PG_URL), options);
}

describe.skipIf(!canRun)('a real PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server?.stop());

  test('the table is made by the first claims, also by several at once, and not by a read', async () => {
    const vm = newVm();
    const arbiter = client(server.url);
    expect(await readView(arbiter, vm)).toEqual({ type: 'current', view: undefined });
    expect(server.sql("SELECT to_regclass('hv_views') IS NULL")).toBe('t');
    const clients = Array.from({ length: 6 }, () => client(server.url));
    const answers = await Promise.all(clients.map((one) => claimView(one, vm, 0)));
    expect(answers.map(({ type }) => type).sort()).toEqual([...Array(5).fill('lost'), 'won']);
    expect(server.sql('SELECT vm, epoch FROM hv_views')).toBe(`${vm}|1`);
  });

  arbiterConformance('pg:', async (): Promise<ArbiterUnderTest> => {
    const silent = await LossyProxy.to(server.port);
    silent.mode = 'swallow';
    return {
      arbiter: () => client(server.url),
      unreachable: {
        'nobody listens': async () => client(server.urlOf('127.0.0.1', await freePort())),
        'nobody answers': () => client(server.urlOf('127.0.0.1', silent.port), 300),
        'no host of that name': () => client(server.urlOf('no-such-host.invalid', 5432)),
        'a wrong password': () => client(`pg://hv:wrong@127.0.0.1:${server.port}/postgres`),
        'no such database': () => client(server.url.replace(/postgres$/, 'missing')),
      },
      restart: async () => {
        await server.kill();
        await server.revive();
      },
      stop: () => silent.stop(),
    };
  });

  test('kill -9 of the server in the middle of claims: no epoch is won twice, none is lost', async () => {
    const vm = newVm();
    server.sql(`CREATE TABLE history (epoch bigint, stored text);
      CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO history VALUES (NEW.epoch, NEW.stored); RETURN NEW; END $$;
      CREATE TRIGGER keep AFTER INSERT OR UPDATE ON hv_views
        FOR EACH ROW WHEN (NEW.vm = '${vm}') EXECUTE FUNCTION keep()`);
    let faults = 0;
    const restart = async (): Promise<void> => {
      await server.kill();
      await server.revive();
      faults += 1;
    };
    let breaking = Promise.resolve();
    const clients = Array.from({ length: 4 }, () => ({
      arbiter: client(server.url, 1_000),
      members: 1,
    }));
    const race = await raceForEpochs(vm, clients, {
      isOver: (epoch) => faults === 1 && epoch >= 100,
      won: (epoch) => {
        if (epoch === 30) breaking = breaking.then(restart);
      },
    });
    await breaking;
    expect(race.repeated).toBeGreaterThan(0);
    const rows = server.sql('SELECT epoch, stored FROM history ORDER BY epoch').split('\n');
    const kept = new Map(
      rows.map((row) => [
        Number(row.split('|')[0]),
        JSON.parse(row.slice(row.indexOf('|') + 1)).view.primary as string,
      ]),
    );
    expect(rows).toHaveLength(kept.size);
    checkRace(race, kept);
    server.sql('DROP TRIGGER keep ON hv_views; DROP FUNCTION keep; DROP TABLE history');
  });

  test('a claim whose answer is lost has won, and its retry is told so', async () => {
    const vm = newVm();
    const proxy = await LossyProxy.to(server.port);
    const arbiter = client(server.urlOf('127.0.0.1', proxy.port), 2_000);
    const token = randomUUID();
    await readView(arbiter, vm);
    // The answer to the claim is lost, and then the server is away: it cannot be asked again at once.
    proxy.mode = 'loseAnswers';
    expect(await claimView(arbiter, vm, 0, { token })).toMatchObject({ type: 'unavailable' });
    expect(await readView(client(server.url), vm)).toMatchObject({ view: viewOf(1) });
    proxy.mode = 'pass';
    expect(await claimView(arbiter, vm, 0, { token })).toEqual({ type: 'won', view: viewOf(1) });
    expect(await claimView(arbiter, vm, 0)).toMatchObject({ type: 'lost' });
    proxy.stop();
  });

  test('a server that has fallen silent is asked again on a new connection', async () => {
    const vm = newVm();
    const proxy = await LossyProxy.to(server.port);
    const arbiter = client(server.urlOf('127.0.0.1', proxy.port));
    expect(await claimView(arbiter, vm, 0)).toMatchObject({ type: 'won' });
    proxy.mode = 'swallow';
    const claim = claimView(arbiter, vm, 1);
    // Heard and swallowed: this connection will never answer, the next one does.
    await proxy.swallowed;
    proxy.mode = 'passNew';
    expect(await claim).toEqual({ type: 'won', view: viewOf(2) });
    proxy.stop();
  });

  longTest(
    'who waits for a lock of somebody else is answered, and leaves nothing behind',
    async () => {
      const vm = newVm();
      await claimView(client(server.url), vm, 0);
      const psql = spawn('psql', [server.dsn, '-AtXq'], { stdio: ['pipe', 'pipe', 'inherit'] });
      psql.stdin.write(`BEGIN; SELECT 'held' FROM hv_views WHERE vm = '${vm}' FOR UPDATE;\n`);
      await once(psql.stdout, 'data');
      expect(await claimView(client(server.url, 300), vm, 1)).toMatchObject({
        type: 'unavailable',
      });
      // It is gone from the server too, in the end, rather than wait there for ever.
      const waiting = "application_name = 'hv' AND wait_event_type = 'Lock'";
      const count = `SELECT count(*) FROM pg_stat_activity WHERE ${waiting}`;
      while (server.sql(count) !== '0') await new Promise((resolve) => setImmediate(resolve));
      psql.stdin.end('COMMIT;\n');
      await once(psql, 'exit');
      expect(await readView(client(server.url), vm)).toEqual({ type: 'current', view: viewOf(1) });
    },
  );

  longTest(
    'a role without durable commits has its claims committed durably all the same',
    async () => {
      const vm = newVm();
      server.sql('ALTER ROLE hv SET synchronous_commit = off');
      server.sql(`CREATE TABLE modes (mode text);
      CREATE FUNCTION note_mode() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO modes VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
      CREATE CONSTRAINT TRIGGER mode AFTER INSERT OR UPDATE ON hv_views DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION note_mode()`);
      const arbiter = client(server.url);
      for (const epoch of [0, 1]) await claimView(arbiter, vm, epoch);
      // Deferred: this is the mode in which the transaction was committed.
      expect(server.sql('SELECT mode FROM modes')).toBe('on\non');
      server.sql('DROP TRIGGER mode ON hv_views; DROP FUNCTION note_mode; DROP TABLE modes');
      server.sql('ALTER ROLE hv RESET synchronous_commit');
    },
  );

  longTest('a row that hv did not write is not taken for a view', async () => {
    const vm = newVm();
    const arbiter = client(server.url);
    await claimView(arbiter, vm, 0);
    for (const change of ["stored = '{}'", 'epoch = 7', "stored = ''"]) {
      server.sql(`UPDATE hv_views SET ${change} WHERE vm = '${vm}'`);
      expect(await readView(arbiter, vm)).toMatchObject({
        reason: expect.stringContaining('is damaged'),
      });
    }
  });

  test('a server that forgets in a crash, one that may not be written and a standby decide nothing', async () => {
    const vm = newVm();
    await claimView(client(server.url), vm, 0);
    // Takes effect at once: every session is told before it is asked again.
    const set = (setting: string): void => {
      server.sql(`ALTER SYSTEM ${setting}`);
      server.sql('SELECT pg_reload_conf()');
      const shows = setting.startsWith('SET') ? 'off' : 'on';
      while (server.sql('SHOW fsync') !== shows) server.sql('SELECT pg_sleep(0.01)');
    };
    set('SET fsync = off');
    expect(await claimView(client(server.url), vm, 1)).toMatchObject({
      reason: expect.stringContaining('its fsync is off'),
    });
    set('RESET fsync');
    server.sql('ALTER ROLE hv SET default_transaction_read_only = on');
    expect(await claimView(client(server.url), vm, 1)).toMatchObject({
      reason: expect.stringContaining('read-only'),
    });
    server.sql('BEGIN READ WRITE; ALTER ROLE hv RESET ALL; COMMIT');
    await server.kill();
    await server.revive({ standby: true });
    const standby = { reason: expect.stringContaining('this is a standby, which shows old views') };
    expect(await readView(client(server.url), vm)).toMatchObject(standby);
    await server.kill();
    await server.revive();
    expect(await readView(client(server.url), vm)).toEqual({ type: 'current', view: viewOf(1) });
  });

  const canEncrypt = requireTools(hasOpenssl, 'openssl is not installed');
  test.skipIf(!canEncrypt)(
    'it is asked over TLS where the URL says so, and knows the server',
    async () => {
      const vm = newVm();
      const ca = server.encrypt();
      const withOptions = (options: string): PgArbiter => client(`${server.url}?${options}`);
      const sessions =
        "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'hv'";
      server.sql(`SELECT pg_terminate_backend(pid) ${sessions}`);
      const verified = withOptions(`sslmode=verify-full&sslrootcert=${ca}`);
      expect(await claimView(verified, vm, 0)).toMatchObject({ type: 'won' });
      expect(server.sql(`SELECT ssl ${sessions}`)).toBe('t');
      expect(await readView(withOptions('sslmode=require'), vm)).toMatchObject({ type: 'current' });
      expect(await readView(withOptions('sslmode=verify-full'), vm)).toMatchObject({
        reason: expect.stringContaining('self-signed certificate'),
      });
      const missing = 'sslmode=verify-full&sslrootcert=/no/such/file';
      expect(await readView(withOptions(missing), vm)).toMatchObject({
        reason: expect.stringContaining('/no/such/file'),
      });
    },
  );

  test('while it is away the service goes on, status says so, and a failover waits for it', async () => {
    const stage = new Stage();
    try {
      const backup = await stage.backup('--dir', '.hv/b1');
      const port = await freePort();
      const options = ['--arbiter', server.url, '--backup', backup.address, '--events-fd', '3'];
      const kv = join(GUESTS, 'kv.js');
      const primary = stage.hv(['run', ...options, '--name', 'kv', kv, `${port}`]);
      await primary.event('protected');
      const before = await KvClient.reach(port);
      await server.kill();
      for (const one of [primary, backup.process]) await one.event('arbiter.unavailable');
      expect(await before.ask('INCR', 'n')).toMatchObject({ value: 1 });
      const { stdout } = await stage.hv(['status']).exited;
      expect(stdout.match(/arbiter +UNREACHABLE for .* a failover now would wait/g)).toHaveLength(
        2,
      );
      primary.kill('SIGKILL');
      await backup.process.event('suspected');
      const told = backup.process.events.length;
      await backup.process.event('arbiter.unavailable', told);
      expect(backup.process.events.some(({ evt }) => evt === 'claimed')).toBe(false);
      await server.revive();
      await backup.process.event('live');
      const after = await KvClient.reach(port);
      expect(await after.ask('INCR', 'n')).toMatchObject({ value: 2 });
      // Who has taken over goes on asking.
      const status = async (): Promise<string> => (await stage.hv(['status']).exited).stdout;
      while (!/arbiter +answered/.test(await status()))
        expect(backup.process.child.exitCode).toBeNull();
      after.close();
      // The password is in no file but the ones people wrote themselves, and on no console.
      for (const text of [primary.stderr, backup.process.stderr, backup.process.stdout])
        expect(text).not.toContain('p%40ss');
    } finally {
      await stage.close();
    }
  });
});
