/**
 * Replicas on hosts of their own, each in a network namespace: here a deposed primary stays alive and
 * within reach of its clients, which one machine's loopback cannot show.
 */

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { countExactly } from '../support/exact.ts';
import { History } from '../support/history.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { checkHistory } from '../support/linearizability.ts';
import { LONG, longTest } from '../support/long.ts';
import { NetLab, whyNoNamespaces } from '../support/namespaces.ts';
import { RECORDING_DEFAULTS, RecordingClients } from '../support/recording-clients.ts';
import { tokenFile } from '../support/secured.ts';

const KV_PORT = 6379;
const LINK_PORT = 7700;
/** Processes start in the hooks; on a busy machine they take their time. */
const HOOK_MS = 60_000;

const reason = whyNoNamespaces();
if (reason !== undefined) {
  if (process.env.HV_REQUIRE_TOOLS === 'true')
    throw new Error(`network namespaces are required here: ${reason}`);
  console.warn(`skipped: ${reason}`);
}

let stage: Stage;
let lab: NetLab;
let tokens: string;
let history: History;
let clients: RecordingClients;
let primary: HvProcess;
let backup: HvProcess;

function replica(host: string, args: readonly string[]): HvProcess {
  const options = ['--dir', host, '--events-fd', '3', '--token-file', tokens];
  const { within, arbiter } = lab.host(host);
  const [command = '', ...rest] = args;
  // The hosts of the lab see one directory, each by a path of its own; to hv it is a local disk.
  const asked = ['--arbiter', arbiter, '--arbiter-colocated'];
  return stage.hv([command, ...options, ...asked, ...rest], { within });
}

function at(host: string, port: number): string {
  return `${lab.host(host).address}:${port}`;
}

beforeEach(async () => {
  if (reason !== undefined) return;
  stage = new Stage();
  tokens = tokenFile(join(stage.dir, 'tokens')).path;
  lab = await NetLab.create(stage.dir, ['primary', 'backup', 'spare']);
  backup = replica('backup', ['backup', '--listen', at('backup', LINK_PORT)]);
  await backup.event('listening');
  primary = replica('primary', [
    ...['run', '--backup', at('backup', LINK_PORT), '--listen', at('primary', LINK_PORT)],
    ...['--name', 'kv', join(GUESTS, 'kv.js'), String(KV_PORT), '0.0.0.0'],
  ]);
  await primary.event('protected');
  await backup.event('synced');
  history = new History();
  clients = new RecordingClients(history, {
    ...RECORDING_DEFAULTS,
    targets: ['primary', 'backup'].map((name) => ({
      host: lab.host(name).address,
      port: KV_PORT,
    })),
    seed: 3,
    // A host that is gone says nothing, so its clients have to lose their patience.
    patienceMs: 1_000,
  });
  clients.start();
  await clients.more(100);
}, HOOK_MS);

afterEach(async () => {
  if (reason !== undefined) return;
  clients.stop();
  await stage.close();
  await lab.close();
}, HOOK_MS);

/** The load ends; every answer there was has an explanation and nothing acknowledged is gone. */
async function judge(): Promise<void> {
  await clients.finish();
  expect(countExactly(history.operations())).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0 });
  expect(checkHistory(history)).toEqual({ type: 'linearizable' });
}

/** A fresh backup on the third host joins the primary at `host`. */
async function rejoin(host: string, one: HvProcess): Promise<void> {
  const from = one.events.length;
  const join = ['--join', at(host, LINK_PORT)];
  const fresh = replica('spare', ['backup', '--listen', at('spare', LINK_PORT), ...join]);
  await one.event('protected', from);
  await fresh.event('synced');
}

/** The old primary hears that it was deposed, and protects the new one by itself. */
async function comesBack(): Promise<void> {
  await primary.event('fenced');
  await backup.event('protected');
  await primary.event('synced');
}

/** One of them may go on; the other may end before it says anything. */
function decided(): Promise<unknown> {
  return Promise.any([backup.event('live'), primary.event('unprotected')]);
}

function says(one: HvProcess, evt: string): boolean {
  return one.events.some((event) => event.evt === evt);
}

describe.skipIf(reason !== undefined)('replicas on hosts of their own', () => {
  test('a primary that is cut off from backup and arbiter, but not from its clients, answers nobody until it is fenced', async () => {
    lab.cutArbiter('primary');
    await lab.cutBoth('primary', 'backup');
    await backup.event('live');
    await primary.event('arbiter.unavailable');
    // Its clients can still reach it all the while; what they hear goes into the history.
    await clients.more(300);
    expect(says(primary, 'fenced')).toBe(false);
    await lab.heal();
    await comesBack();
    await clients.more(50);
    await judge();
  });

  longTest('a backup that is cut off from primary and arbiter never goes live', async () => {
    lab.cutArbiter('backup');
    await lab.cutBoth('primary', 'backup');
    await primary.event('unprotected');
    await backup.event('arbiter.unavailable');
    await clients.more(100);
    const from = primary.events.length;
    await lab.heal();
    // It is dialled again, and has everything again.
    await primary.event('protected', from);
    expect(says(backup, 'live')).toBe(false);
    await judge();
  });

  test('a cable cut both ways leaves one primary, whoever wins', async () => {
    const from = primary.events.length;
    await lab.cutBoth('primary', 'backup');
    await decided();
    await clients.more(100);
    expect([says(backup, 'live'), says(primary, 'unprotected')].filter(Boolean)).toHaveLength(1);
    await lab.heal();
    if (says(backup, 'live')) await comesBack();
    else await primary.event('protected', from);
    await judge();
  });

  test.skipIf(!LONG).each([
    ['primary', 'backup'],
    ['backup', 'primary'],
  ])('a cable cut from %s to %s only leaves one primary', async (sender, receiver) => {
    const from = primary.events.length;
    await lab.cut(sender, receiver);
    await decided();
    await clients.more(100);
    expect([says(backup, 'live'), says(primary, 'unprotected')].filter(Boolean)).toHaveLength(1);
    await lab.heal();
    if (says(backup, 'live')) await comesBack();
    else await primary.event('protected', from);
    await judge();
  });

  test('a host that vanishes without a word is replaced, and a third one takes its place', async () => {
    await lab.tearDown('primary');
    await backup.event('live');
    await clients.more(100);
    await rejoin('backup', backup);
    await judge();
  });
});
