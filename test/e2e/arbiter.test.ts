/** `hv arbiter` as a process: its life and death, and a failover that it decides. */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpArbiter } from '../../hypervisor/host/http-arbiter.ts';
import type { ArbiterAnswer } from '../../hypervisor/ports.ts';
import { claimView, readView, viewOf } from '../support/arbiter-conformance.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

/** Starts one and waits for its address. */
async function arbiter(...args: readonly string[]) {
  const process = stage.hv(['arbiter', '--listen', '127.0.0.1:0', '--data', 'views', ...args]);
  const [, address = ''] = await process.output(/arbiter listening on (\S+),/);
  return { process, address, url: `http://${address}` };
}

function client(address: string): HttpArbiter {
  return new HttpArbiter({ origin: `http://${address}`, tokenFile: undefined });
}

describe('hv arbiter', () => {
  test('keeps every answer through kill -9 at any moment', async () => {
    let known = 0;
    let open: { readonly expect: number; readonly token: string } | undefined;
    const winners = new Map<number, string>();
    const note = (answer: ArbiterAnswer, token: string): void => {
      if (answer.type !== 'won') return;
      expect(winners.get(answer.view.epoch) ?? token).toBe(token);
      winners.set(answer.view.epoch, token);
      known = Math.max(known, answer.view.epoch);
    };
    for (let life = 0; life < 6; life++) {
      const { process, address } = await arbiter();
      const asking = client(address);
      const current = await readView(asking, 'kv');
      if (current.type !== 'current') throw new Error(JSON.stringify(current));
      expect(current.view?.epoch ?? 0).toBeGreaterThanOrEqual(known);
      if (open !== undefined) {
        const next = viewOf(open.expect + 1, open.token);
        note(await claimView(asking, 'kv', open.expect, { token: open.token, next }), open.token);
        known = Math.max(known, current.view?.epoch ?? 0);
        open = undefined;
      }
      // In the middle of the stream of claims, a little later in each life.
      for (let nth = 0; open === undefined; nth++) {
        const token = `${life}-${nth}`;
        const expected: number = known;
        const claim = claimView(asking, 'kv', expected, {
          token,
          next: viewOf(expected + 1, token),
        });
        if (nth === 3 + life) process.kill('SIGKILL');
        const answer = await claim;
        note(answer, token);
        if (answer.type === 'unavailable') open = { expect: expected, token };
      }
      await process.exited;
    }
    expect(winners.size).toBeGreaterThan(20);
    const { address } = await arbiter();
    const last = await readView(client(address), 'kv');
    expect(last).toMatchObject({ type: 'current' });
    if (last.type !== 'current' || last.view === undefined) throw new Error('no view');
    expect(winners.get(last.view.epoch) ?? open?.token).toBe(last.view.primary);
  });

  test('ends on SIGTERM with status 0, answers its long polls, and says what happened as JSON', async () => {
    const { process, address, url } = await arbiter('--json');
    await claimView(client(address), 'kv', 0);
    const [host = '', port = ''] = address.split(':');
    const socket = connect(Number(port), host);
    socket.write(`GET /v1/vm/kv?after=1 HTTP/1.1\r\nHost: ${address}\r\n\r\n`);
    const polls = async (): Promise<unknown> =>
      ((await (await fetch(`${url}/v1/status`)).json()) as { polls: number }).polls;
    while ((await polls()) !== 1);
    process.kill('SIGTERM');
    const [said] = (await once(socket, 'data')) as [Buffer];
    expect(said.toString()).toMatch(/^HTTP\/1.1 200 /);
    const { code, stdout, stderr } = await process.exited;
    expect(code).toBe(0);
    const events = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    expect(events.map(({ evt }) => evt)).toEqual([
      'arbiter.listening',
      'view.changed',
      'arbiter.stopped',
    ]);
    expect(events[1]).toMatchObject({ vm: 'kv', by: 'claim', view: viewOf(1) });
    for (const line of stderr.trim().split('\n')) expect(line).toMatch(/^hv: /);
  });

  test('refuses damaged views with 122, a second arbiter and a missing token with 2', async () => {
    const { process, address } = await arbiter();
    await claimView(client(address), 'kv', 0);
    await claimView(client(address), 'kv', 1);
    const args = ['arbiter', '--listen', '127.0.0.1:0', '--data', 'views'];
    const second = await stage.hv(args).exited;
    expect([second.code, second.stderr]).toEqual([2, expect.stringContaining('HV_E_VIEWS_IN_USE')]);
    const open = await stage.hv(['arbiter', '--listen', '0.0.0.0:0', '--data', 'others']).exited;
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('needs --token-file')]);
    process.kill('SIGTERM');
    await process.exited;
    const path = join(stage.dir, 'views', 'views.jsonl');
    const text = readFileSync(path, 'utf8').replace('"a:1"', '"z:1"');
    writeFileSync(path, text);
    const damaged = await stage.hv(args).exited;
    expect([damaged.code, damaged.stderr]).toEqual([
      122,
      expect.stringMatching(/views\.jsonl is damaged at line 2 .*HV_E_VIEWS_DAMAGED/),
    ]);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('tells who is alive and who would be promoted', async () => {
    const { address, url } = await arbiter();
    await claimView(client(address), 'kv', 0, { next: viewOf(1, 'a:1', ['b:2']) });
    const ping = async (body: object): Promise<void> => {
      await fetch(`${url}/v1/vm/kv/ping`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    };
    await ping({ replica: 'a:1', epoch: 0 });
    const people = await stage.hv(['arbiter', 'status', url, 'kv']).exited;
    expect([people.code, people.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^kv: epoch 1, primary a:1\n {2}primary +restarted\n {2}backups +b:2\n {2}next +nobody: /,
      ),
    ]);
    const programs = await stage.hv(['arbiter', 'status', url, 'kv', '--json']).exited;
    expect(JSON.parse(programs.stdout)).toMatchObject({
      vm: 'kv',
      view: { epoch: 1 },
      primary: 'restarted',
      successor: { type: 'none' },
      replicas: [{ replica: 'a:1', state: 'restarted', inView: true }],
    });
    const itself = await stage.hv(['arbiter', 'status', url, '--json']).exited;
    expect(JSON.parse(itself.stdout)).toMatchObject({ vms: 1, watched: 1 });
    const nobody = await stage.hv(['arbiter', 'status', 'http://127.0.0.1:1']).exited;
    expect([nobody.code, nobody.stderr]).toEqual([123, expect.stringContaining('HV_E_ARBITER')]);
  });
});

test('a killed primary is followed by its backup through an hv arbiter', async () => {
  const { url, address } = await arbiter();
  const backup = await stage.backup();
  const primary: HvProcess = stage.hv([
    'run',
    ...['--backup', backup.address, '--arbiter', url, '--events-fd', '3'],
    ...[join(GUESTS, 'echo.js'), '0'],
  ]);
  await primary.event('protected');
  await backup.process.event('in.step');
  primary.kill('SIGKILL');
  const promoted = await backup.process.event('live');
  expect(promoted.epoch).toBe(3);
  const views = readFileSync(join(stage.dir, 'views', 'views.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const { views: [last] = [] } = JSON.parse(views.at(-1)?.slice(9) ?? '{}');
  expect(last).toMatchObject({ epoch: 3, primary: backup.address, backups: [] });
  expect(await readView(client(address), last.vm)).toMatchObject({ view: { epoch: 3 } });
});
