/** A real pair behind its admin ports: what scrapers, probes and people get, before and after a kill. */

import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { METRICS } from '../../hypervisor/host/metric-table.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

interface Page {
  readonly status: number;
  readonly body: string;
}

function get(address: string, path: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    request(`http://${address}${path}`, { agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

async function adminOf(one: HvProcess): Promise<string> {
  const { address } = await one.event('admin');
  if (address === undefined) throw new Error('an admin event carries an address');
  return address;
}

/** Value of the first sample of `name` whose labels contain `labels`. */
function value(page: string, name: string, labels = ''): number {
  const line = page.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(labels));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

async function scrapeUntil(address: string, isThere: (page: string) => boolean): Promise<string> {
  for (;;) {
    const { body } = await get(address, '/metrics');
    if (isThere(body)) return body;
  }
}

/** Sends `lines` to an echo guest and resolves when all have come back. */
function echo(port: number, lines: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let got = 0;
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      got += bytes.length;
      if (got >= lines * 6) {
        socket.destroy();
        resolve();
      } else if (got % 6 === 0) socket.write('hello\n');
    });
    socket.write('hello\n');
  });
}

test('a pair shows every metric of dashboard and alarms, and the failover with its phases', async () => {
  const backup = await stage.backup('--dir', '.hv/b1', '--log-file', 'backup.log');
  const primary = stage.hv([
    // A machine that is busy with other tests must not pass for a dead primary.
    ...['run', '--backup', backup.address, '--events-fd', '3', '--detect', '60000'],
    ...[join(GUESTS, 'echo.js'), '0'],
  ]);
  await primary.event('protected');
  await backup.process.event('in.step');
  const [, port] = await primary.output(/listening on 127\.0\.0\.1:(\d+)/);
  await echo(Number(port), 20);
  const [one, two] = [await adminOf(primary), await adminOf(backup.process)];
  expect(one).not.toBe(two);

  // Nothing more happens once the outputs of the last connection have left.
  const page = await scrapeUntil(
    one,
    (text) =>
      value(text, 'hv_outputs_released_total') > 20 &&
      value(text, 'hv_output_hold_seconds_count') === value(text, 'hv_outputs_released_total'),
  );
  const listed = [
    ...readFileSync(join(ROOT, 'observability/grafana.json'), 'utf8')
      .concat(readFileSync(join(ROOT, 'observability/alerts.yml'), 'utf8'))
      .matchAll(/\bhv_[a-z_]+\b/g),
  ].map(([name]) => name);
  expect(listed.length).toBeGreaterThan(40);
  // `hv_x_seconds_bucket` is a name of samples, not of a metric with a type of its own.
  for (const name of listed)
    expect(page, name).toMatch(new RegExp(`^(# TYPE ${name} |${name}\\{)`, 'm'));
  for (const { name } of METRICS) expect(page).toContain(`# TYPE ${name} `);
  expect(value(page, 'hv_protected')).toBe(1);
  expect(value(page, 'hv_failover_possible')).toBe(1);
  expect(value(page, 'hv_arbiter_up')).toBe(1);
  expect(value(page, 'hv_ack_rtt_seconds_count')).toBeGreaterThan(20);
  expect(value(page, 'hv_outputs_held')).toBe(0);
  expect(value(page, 'hv_log_entries_total', 'kind="netData"')).toBeGreaterThanOrEqual(20);
  expect(value(page, 'hv_state_transfer_seconds_count')).toBe(1);

  const outputs = value(page, 'hv_outputs_released_total');
  const copy = await scrapeUntil(
    two,
    (text) => value(text, 'hv_outputs_suppressed_total') === outputs,
  );
  expect(value(copy, 'hv_role', 'role="backup"')).toBe(1);
  expect(value(copy, 'hv_replay_entries_per_second')).toBeGreaterThan(0);
  for (const address of [one, two])
    for (const path of ['/healthz', '/readyz'])
      expect(await get(address, path)).toEqual({ status: 200, body: '{"ok":true}\n' });
  const status = JSON.parse((await get(one, '/status')).body);
  expect(status).toMatchObject({
    admin: one,
    protection: { protected: true },
    failover: { possible: true, winner: backup.address },
  });

  const rows = (await stage.hv(['top', '--json']).exited).stdout.trimEnd().split('\n');
  expect(rows.map((row) => JSON.parse(row))).toMatchObject([
    { name: 'echo', role: 'primary', state: 'protected', held: 0, acksPerSecond: 0 },
    { name: 'echo', role: 'backup', state: 'in the view', acksPerSecond: null },
  ]);
  const table = (await stage.hv(['top', '--once']).exited).stdout;
  expect(table).toMatch(/^VM +PID +ROLE .*\necho +\d+ +primary +2 +protected /);
  expect(table).toContain(`echo: failover possible now: ${backup.address} would take over`);
  const watching = stage.hv(['status', '--watch', '--json']);
  await watching.output(/"role":"primary"[\s\S]*"role":"primary"/);
  watching.kill('SIGTERM');

  primary.kill();
  await backup.process.event('live');
  // The port is bound a moment later.
  while (
    !(await echo(Number(port), 1).then(
      () => true,
      () => false,
    ))
  );
  await backup.process.event('first.output');
  const after = (await get(two, '/metrics')).body;
  expect(value(after, 'hv_live', 'role="primary"')).toBe(1);
  expect(value(after, 'hv_protected')).toBe(0);
  expect(value(after, 'hv_failover_possible')).toBe(0);
  const causes = ['closed', 'silent', 'other', 'switchover', 'forced'].map((cause) =>
    value(after, 'hv_failover_total', `cause="${cause}"`),
  );
  expect(causes.reduce((sum, one) => sum + one, 0)).toBe(1);
  for (const phase of ['detect', 'claim', 'tail', 'live'])
    expect(value(after, `hv_failover_${phase}_seconds_count`), phase).toBe(1);
  // On a busy machine the first request may come too late to have waited for the failover.
  expect(value(after, 'hv_failover_first_output_seconds_count')).toBeLessThanOrEqual(1);
  const people = (await stage.hv(['status']).exited).stdout;
  expect(people).toMatch(/state +UNPROTECTED for \d+ s/);
  expect(people).toMatch(/failover +IMPOSSIBLE now: no backup is in the view/);
  expect(people).toMatch(/RTO [\d.]+ ms at the last failover \((closed|silent|other): detect /);
  const logged = readFileSync(join(stage.dir, 'backup.log'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { evt: string; role: string; level: string });
  const told = backup.process.events.map(({ evt }) => evt);
  expect(logged.map(({ evt }) => evt)).toEqual(told.slice(0, logged.length));
  expect(logged.find(({ evt }) => evt === 'live')).toMatchObject({
    role: 'primary',
    level: 'warn',
  });
});

test('a guest that computes without end is seen: metrics, status and health go on answering', async () => {
  const one = stage.hv(['run', '--events-fd', '3', join(GUESTS, 'hostile', 'infinite-loop.js')]);
  await one.event('primary.live');
  const address = await adminOf(one);
  await scrapeUntil(address, (page) => value(page, 'hv_guest_busy_seconds') > 0);
  expect((await get(address, '/healthz')).status).toBe(200);
  expect((await get(address, '/readyz')).status).toBe(200);
});

test('a port asked for by name is a must, the usual one a wish, and none can be had', async () => {
  const first = await stage.backup('--dir', '.hv/b1', '--admin', '127.0.0.1:0');
  const address = await adminOf(first.process);
  const refused = await stage.hv(['backup', '--listen', '127.0.0.1:0', '--admin', address]).exited;
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('HV_E_PORT_IN_USE')]);
  const open = await stage.hv(['backup', '--listen', '127.0.0.1:0', '--admin', '0.0.0.0:0']).exited;
  expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('--admin-token-file')]);
  const silent = await stage.backup('--dir', '.hv/b2', '--admin', 'off');
  const { stdout } = await stage.hv(['status', '--json', '--dir', '.hv/b2']).exited;
  expect(JSON.parse(stdout)).toMatchObject({ admin: null });
  expect(silent.process.events.map(({ evt }) => evt)).not.toContain('admin');
});
