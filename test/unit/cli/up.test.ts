import { describe, expect, test } from 'vitest';
import {
  UP_RESTART_MS,
  UP_RESTART_MS_MAX,
  UP_STEADY_MS,
} from '../../../hypervisor/base/tool-limits.ts';
import { SETTINGS, type SettingValue } from '../../../hypervisor/cli/config/schema.ts';
import { Settings } from '../../../hypervisor/cli/config/settings.ts';
import { childArguments } from '../../../hypervisor/cli/up/child-arguments.ts';
import { Backoff, type ChildEnd, nextAfter } from '../../../hypervisor/cli/up/child-end.ts';
import { identityOf } from '../../../hypervisor/cli/up/identity.ts';
import { isSameReplica } from '../../../hypervisor/cli/up/own-address.ts';
import { durationMs } from '../../../hypervisor/cli/up/peers.ts';
import { type PlanFacts, planOf } from '../../../hypervisor/cli/up/plan.ts';
import {
  readRegistration,
  register,
  registrationKey,
} from '../../../hypervisor/cli/up/registration.ts';
import { decideClaim } from '../../../hypervisor/host/arbiter-answers.ts';
import type { Arbiter } from '../../../hypervisor/ports.ts';
import type { View } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch } from '../../../log-format/index.ts';

const OWN = '10.0.0.1:7700';
const OTHER = '10.0.0.2:7700';
const view = (primary: string): View => ({ epoch: asEpoch(4), primary, backups: [] });
const registered = (by: string, vm?: string) => ({ by, vm, version: 2 });

function plan(facts: Partial<PlanFacts>): string {
  const nothing = { logVm: undefined, registration: undefined, view: undefined };
  const isOwn = (address: string) => address === OWN;
  const usual = { first: false, bootstrap: false, hidden: false, isOwn };
  return planOf({ ...nothing, ...usual, ...facts }).type;
}

describe('what a host should be', () => {
  test('without a log anywhere: the first begins the run and the others wait for it', () => {
    expect(plan({ first: true })).toBe('begin');
    expect(plan({})).toBe('backup');
  });

  test('without a log: never the beginner of a run that another host may have begun', () => {
    const first = true;
    expect(plan({ first, registration: registered(OTHER) })).toBe('backup');
    expect(plan({ first, registration: registered(OTHER, 'a') })).toBe('backup');
    expect(plan({ first, registration: registered(OTHER, 'a'), view: view(OTHER) })).toBe('backup');
    expect(plan({ first, registration: registered(OWN, 'a'), view: view(OTHER) })).toBe('backup');
  });

  test('with its log lost: a backup, even if it was the primary itself', () => {
    const registration = registered(OWN, 'a');
    expect(plan({ first: true, registration, view: view(OWN) })).toBe('backup');
    expect(plan({ first: true, registration })).toBe('backup');
  });

  test('killed before the run had begun: it begins now', () => {
    expect(plan({ registration: registered(OWN) })).toBe('begin');
    expect(plan({ registration: registered(OWN), logVm: 'a', view: view(OWN) })).toBe('resume');
  });

  test('with the log: the primary of the view goes on, anybody else is a backup', () => {
    const registration = registered(OTHER, 'a');
    expect(plan({ logVm: 'a', registration, view: view(OWN) })).toBe('resume');
    expect(plan({ first: true, logVm: 'a', registration, view: view(OTHER) })).toBe('backup');
    expect(plan({ logVm: 'a', view: view(OWN) })).toBe('resume');
    expect(plan({ first: true, logVm: 'a', view: view(OTHER) })).toBe('backup');
  });

  test('with the log of another run: as if there were none', () => {
    const facts = { logVm: 'old', registration: registered(OTHER, 'a'), view: view(OWN) };
    expect(plan({ ...facts, first: true })).toBe('backup');
    expect(plan({ logVm: 'old', registration: registered(OTHER), first: true })).toBe('backup');
  });

  test('with a log whose run never had a view: only where it was begun', () => {
    expect(plan({ logVm: 'a', first: true })).toBe('resume');
    expect(plan({ logVm: 'a', registration: registered(OWN, 'a') })).toBe('resume');
    expect(plan({ logVm: 'a' })).toBe('backup');
  });

  test('hidden: a backup, whatever the view says', () => {
    expect(plan({ hidden: true, first: true })).toBe('backup');
    expect(plan({ hidden: true, logVm: 'a', view: view(OWN) })).toBe('backup');
    expect(plan({ hidden: true, bootstrap: true })).toBe('refused');
  });

  test('told to begin anew: it does, but never beside the log of the run', () => {
    const registration = registered(OTHER, 'a');
    expect(plan({ bootstrap: true })).toBe('begin');
    expect(plan({ bootstrap: true, registration, view: view(OTHER) })).toBe('begin');
    expect(plan({ bootstrap: true, registration, logVm: 'old' })).toBe('begin');
    expect(plan({ bootstrap: true, registration, logVm: 'a' })).toBe('refused');
    expect(plan({ bootstrap: true, logVm: 'a' })).toBe('refused');
  });
});

describe('when the replica ends', () => {
  const ended = (end: Partial<ChildEnd>) => {
    const said = new Set(['started']);
    const next = nextAfter({
      ...{ role: 'resume', code: 0, signal: null, said, stopping: false },
      ...end,
    });
    return next.type === 'end' ? next.code : next.type;
  };
  const words = (...names: string[]) => new Set(names);

  test.each<[string, Partial<ChildEnd>, number | string]>([
    ['on purpose, the guest with its own status', { said: words('stopped'), code: 7 }, 7],
    ['on purpose, with a status that is one of ours', { said: words('stopped'), code: 121 }, 121],
    ['told so', { stopping: true, code: 143 }, 143],
    ['told so and killed', { stopping: true, code: null, signal: 'SIGKILL' }, 137],
    ['fenced', { code: 121 }, 'again'],
    ['handed over', { said: words('started', 'handed.over') }, 'again'],
    ['handed over, and then of no use', { said: words('handed.over'), code: 120 }, 'again'],
    ['killed', { code: null, signal: 'SIGKILL' }, 'again'],
    ['by a bug', { code: 125 }, 'again'],
    ['as it cannot protect', { code: 123 }, 'again'],
    ['with a log it cannot write', { code: 124 }, 'again'],
    ['as the settings are wrong', { code: 2 }, 2],
    ['before it was up, by its script', { role: 'begin', said: words(), code: 1 }, 1],
    ['after it was up', { code: 1 }, 'again'],
    ['with a damaged log, as primary', { code: 122 }, 122],
    ['with a log that diverges, as primary', { code: 120 }, 120],
    [
      'with a replay that diverges, as backup that had been primary',
      { said: words('started', 'fenced', 'following'), code: 120 },
      'again',
    ],
    ['with a damaged copy, as backup', { role: 'backup', code: 122 }, 'again'],
    ['with a replay that diverges, as backup', { role: 'backup', code: 120 }, 'again'],
  ])('%s', (_, end, next) => {
    expect(ended(end)).toBe(next);
  });

  test('again and again, the wait grows up to its limit, until one has lived long', () => {
    const backoff = new Backoff();
    const waits = Array.from({ length: 12 }, () => backoff.next(10));
    expect(waits.slice(0, 3)).toEqual([UP_RESTART_MS, 2 * UP_RESTART_MS, 4 * UP_RESTART_MS]);
    expect(waits.at(-1)).toBe(UP_RESTART_MS_MAX);
    expect(backoff.next(UP_STEADY_MS)).toBe(UP_RESTART_MS);
    expect(backoff.next(10)).toBe(2 * UP_RESTART_MS);
  });
});

function given(values: Readonly<Record<string, SettingValue>>): Settings {
  const all = SETTINGS.map((setting) => {
    const value = values[`${setting.section}.${setting.key}`] ?? setting.standard;
    return { setting, value, origin: 'test' };
  });
  return new Settings(all, undefined);
}

describe('the command line of the replica', () => {
  const settings = given({
    'guest.script': '/app.js',
    'guest.args': ['-v'],
    'guest.env': ['A=1'],
    'replica.listen': OWN,
    'replica.log-key-file': '/log.key',
    'replica.sign-key-file': '/sign.pem',
    'replica.priority': -3,
    'replica.store-only': true,
    'protection.arbiter': 'etcd://e',
    'protection.quorum': 1,
    'protection.token-file': '/t',
    'admin.address': 'off',
    'admin.token-file': '/a',
  });
  const of = (role: 'begin' | 'resume' | 'backup') =>
    childArguments(settings, { role, name: 'app', backups: role === 'begin' ? [OTHER] : [] });
  const keys = ['--log-key-file', '/log.key', '--sign-key-file', '/sign.pem'];
  const links = ['--arbiter', 'etcd://e', '--token-file', '/t'];
  const admin = ['--admin', 'off', '--admin-token-file', '/a'];
  const common = ['--listen', OWN, '--dir', '.hv', ...keys, ...links, ...admin];
  const events = ['--events-fd', '3'];
  const rule = ['--ack', 'received', '--quorum', '1', '--on-backup-loss', 'continue'];

  test('that begins names the backups that are there, the script last', () => {
    const run = ['run', ...common, ...events, '--name', 'app', ...rule, '--detect', 'lan'];
    expect(of('begin')).toEqual([...run, '--backup', OTHER, '--env=A=1', '/app.js', '-v']);
  });

  test('that goes on takes script, arguments and environment from the log', () => {
    const run = ['run', ...common, ...events, '--name', 'app', ...rule, '--detect', 'lan'];
    expect(of('resume')).toEqual([...run, '--resume']);
  });

  test('of a backup has what kind of member it is, a negative priority included', () => {
    const backup = ['backup', ...common, ...events, '--as', 'app'];
    expect(of('backup')).toEqual([...backup, '--priority=-3', '--store-only']);
  });
});

describe('who a host is', () => {
  const names: Record<string, string[]> = { db1: ['10.0.0.1', 'fd00::1'], db2: ['10.0.0.2'] };
  const resolve = async (host: string) => names[host] ?? [];
  const base = { 'guest.script': '/srv/app.js', 'protection.arbiter': 'etcd://e' };
  const peers = ['db1:7700', 'db2:7700'];

  test('a name and its address are one replica, another port or host is not', async () => {
    expect(await isSameReplica('db1:7700', OWN, resolve)).toBe(true);
    expect(await isSameReplica('db1:7700', '[fd00::1]:7700', resolve)).toBe(true);
    expect(await isSameReplica('DB9:7700', 'db9:7700', resolve)).toBe(true);
    expect(await isSameReplica('db1:7701', OWN, resolve)).toBe(false);
    expect(await isSameReplica('db2:7700', OWN, resolve)).toBe(false);
    expect(await isSameReplica('primary-1a2b3c4d', OWN, resolve)).toBe(false);
  });

  test('the first of the list, and the list without itself', async () => {
    const who = (listen: string) =>
      identityOf(given({ ...base, 'replica.listen': listen, 'replica.peers': peers }), resolve);
    expect(await who(OWN)).toMatchObject({ name: 'app', first: true, peers: ['db2:7700'] });
    expect(await who('db2:7700')).toMatchObject({ first: false, peers: ['db1:7700'] });
    expect(await who('db3:7700')).toMatchObject({ first: false, peers });
  });

  test.each([
    [{ 'guest.script': undefined }, 'neither guest.name nor guest.script'],
    [{ 'protection.arbiter': undefined }, 'protection.arbiter is not given'],
    [{ 'replica.listen': '0.0.0.0:7700' }, 'no name of this replica'],
    [{ 'replica.listen': '[::]:7700' }, 'no name of this replica'],
    [{ 'replica.listen': '10.0.0.1:0' }, 'no name of this replica'],
  ])('not with %j', async (wrong, message) => {
    const values = Object.entries({ ...base, ...wrong }).filter(([, value]) => value !== undefined);
    await expect(
      identityOf(given(Object.fromEntries(values) as Record<string, SettingValue>), resolve),
    ).rejects.toThrow(message);
  });
});

test.each([
  ['10s', 10_000],
  ['0s', 0],
  ['250ms', 250],
  ['2m', 120_000],
])('a wait of %s is %d ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

/** Views in memory, by the rule that all arbiters share. */
function memoryArbiter(): Arbiter & { readonly views: Map<string, { view: View; token: string }> } {
  const views = new Map<string, { view: View; token: string }>();
  return {
    views,
    read: (vm, done) => done({ type: 'current', view: views.get(vm)?.view }),
    claim: (claim, done) => {
      const decided = decideClaim(claim, views.get(claim.vm), 'memory');
      if (decided !== undefined) return done(decided);
      views.set(claim.vm, { view: claim.next, token: claim.token });
      done({ type: 'won', view: claim.next });
    },
  };
}

describe('the entry of a guest at the arbiter', () => {
  test('is won by one of two hosts that would begin its run', async () => {
    const arbiter = memoryArbiter();
    const begin = (by: string) => register(arbiter, 'kv', { before: undefined, by, vm: undefined });
    expect(await Promise.all([begin(OWN), begin(OTHER)])).toEqual(['won', 'lost']);
    const found = await readRegistration(arbiter, 'kv');
    expect(found).toEqual({ type: 'found', value: { by: OWN, vm: undefined, version: 1 } });
  });

  test('gets its run, and is not written by who has not seen the last change', async () => {
    const arbiter = memoryArbiter();
    await register(arbiter, 'kv', { before: undefined, by: OWN, vm: undefined });
    const before = { by: OWN, vm: undefined, version: 1 };
    expect(await register(arbiter, 'kv', { before, by: OWN, vm: 'kv-1' })).toBe('won');
    expect(await register(arbiter, 'kv', { before, by: OTHER, vm: 'kv-2' })).toBe('lost');
    const found = await readRegistration(arbiter, 'kv');
    expect(found).toEqual({ type: 'found', value: { by: OWN, vm: 'kv-1', version: 2 } });
  });

  test('has a key that is the vm id of no run', () => {
    expect(registrationKey('kv')).toBe('up:kv');
  });
});
