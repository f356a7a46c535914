import { describe, expect, test } from 'vitest';
import { healthFaults, readyFaults } from '../../../hypervisor/host/admin-pages.ts';
import { arbiterState } from '../../../hypervisor/host/arbiter-reach.ts';
import { Observation, type Sight } from '../../../hypervisor/host/observation.ts';
import { Observer } from '../../../hypervisor/host/observer.ts';
import type { View } from '../../../hypervisor/protocol/messages.ts';
import type { Note } from '../../../hypervisor/protocol/notes.ts';
import { Meters } from '../../../hypervisor/replica/meters.ts';
import { asEpoch, asLsn, asMicros } from '../../../log-format/index.ts';

function view(epoch: number, ...backups: readonly string[]): View {
  return { epoch: asEpoch(epoch), primary: 'a:1', backups };
}

/** Hears notes at milliseconds. */
function told(observer: Observer, ...notes: readonly (readonly [number, Note])[]): Observer {
  for (const [ms, note] of notes) observer.note(note, asMicros(ms * 1000));
  return observer;
}

const joined = [
  [10, { type: 'primaryLive', view: view(1) }],
  [20, { type: 'joining', peer: 'b:1' }],
  [70, { type: 'backupJoined', peer: 'b:1', view: view(2, 'b:1') }],
  [70, { type: 'protected', view: view(2, 'b:1') }],
] as const;
const lost = [
  [90, { type: 'suspected', peer: 'b:1', reason: 'silent' }],
  [95, { type: 'unprotected', view: view(3) }],
] as const;

describe('an observer of a primary', () => {
  test('knows since when it is protected, and how long the transfer took', () => {
    const observer = told(new Observer('primary', 0), ...joined);
    expect(observer.protection).toEqual({ protected: true, since: 70 });
    expect([observer.live, observer.epoch]).toEqual([true, 2]);
    expect([observer.transfer.count, observer.transfer.sum]).toEqual([1, 0.05]);
  });

  test('counts a lost backup once, however often it is dialled in vain, until it is back', () => {
    const observer = told(new Observer('primary', 0), ...joined, ...lost);
    told(observer, [200, { type: 'suspected', peer: 'b:1', reason: 'link closed: refused' }]);
    expect([observer.backupsLost, observer.degradations]).toEqual([1, 1]);
    expect(observer.lost).toEqual([{ peer: 'b:1', at: 90, reason: 'silent' }]);
    expect(observer.protection).toEqual({ protected: false, since: 95 });
    told(observer, [300, { type: 'backupJoined', peer: 'b:1', view: view(4, 'b:1') }]);
    expect(observer.lost).toEqual([]);
  });

  test('that goes on without the backup it was told to have has not lost it', () => {
    const observer = told(new Observer('primary', 0), [5, { type: 'unprotected', view: view(1) }]);
    expect([observer.degradations, observer.protection.protected]).toEqual([0, false]);
  });

  test('does not count a backup that never joined as lost', () => {
    const observer = told(new Observer('primary', 0), [
      5,
      { type: 'suspected', peer: 'b:9', reason: 'no answer to the hello' },
    ]);
    expect([observer.backupsLost, observer.lost]).toEqual([0, []]);
  });

  test('that was fenced is not live any more', () => {
    const observer = told(new Observer('primary', 0), ...joined, [
      99,
      { type: 'fenced', view: view(3), discarded: 1 },
    ]);
    expect(observer.live).toBe(false);
  });

  test('counts heartbeats that came back after the next one was due', () => {
    const observer = new Observer('primary', 0);
    for (const ms of [1, 10, 10.5, 300]) observer.beat(ms);
    expect([observer.heartbeat.count, observer.heartbeatsMissed]).toEqual([4, 2]);
  });
});

describe('an observer of a backup', () => {
  const synced: readonly [number, Note] = [10, { type: 'synced', view: view(2, 'b:1') }];
  const dies = [
    [50, { type: 'suspected', peer: 'a:1', reason: 'link closed: gone' }],
    [53, { type: 'claimed', view: view(3) }],
    [55, { type: 'tailReplayed', lsn: asLsn(9) }],
    [56, { type: 'promoted', view: view(3), lsnReceived: asLsn(9) }],
  ] as const;

  test('is protected from the first view it is in, later views change no date', () => {
    const observer = told(new Observer('backup', 0), synced, [
      30,
      { type: 'synced', view: view(4, 'b:1', 'c:1') },
    ]);
    expect(observer.protection).toEqual({ protected: true, since: 10 });
    told(observer, [40, { type: 'reset', reason: 'damaged' }]);
    expect([observer.synced, observer.protection.since]).toEqual([false, 40]);
  });

  test('becomes that of a primary with the failover, with its phases as figures', () => {
    const observer = told(new Observer('backup', 0), synced);
    observer.heard(45);
    told(observer, ...dies);
    expect([observer.role, observer.live, observer.failovers]).toEqual(['primary', true, 1]);
    expect(observer.protection).toEqual({ protected: false, since: 56 });
    expect(observer.lastFailover).toEqual({
      cause: 'closed',
      times: { detect: 5, claim: 3, tail: 2, live: 1 },
    });
    expect(observer.failover.detect.sum).toBeCloseTo(0.005);
    expect(observer.failover.firstOutput.count).toBe(0);
  });

  test('that lost its claim has had no failover', () => {
    const observer = told(new Observer('backup', 0), synced, dies[0], [
      52,
      { type: 'lost', view: view(3) },
    ]);
    expect([observer.role, observer.failovers, observer.lastFailover]).toEqual([
      'backup',
      0,
      undefined,
    ]);
  });
});

function sight(observer: Observer, given: Partial<Sight> = {}): Sight {
  const nothing = { meters: undefined, arbiter: undefined, disk: undefined, events: {} };
  const forecast = { possible: false, why: '' } as const;
  return { status: {}, observer, behindMs: 0, heldMs: 0, forecast, ...nothing, ...given };
}

describe('health', () => {
  const observer = new Observer('primary', 0);

  test('is a thread in time and a guest that gives signs of life', () => {
    expect(healthFaults(sight(observer), 999)).toEqual([]);
    expect(healthFaults(sight(observer, { status: { busy: { silentMs: 4_999 } } }), 0)).toEqual([]);
    expect(healthFaults(sight(observer, { status: { busy: { silentMs: 5_001 } } }), 1_001)).toEqual(
      ['the main thread is 1001 ms late', 'the guest has given no sign of life for 5001 ms'],
    );
  });
});

describe('readiness', () => {
  test('of a primary is to be live with a gate that is not stuck', () => {
    const observer = new Observer('primary', 0);
    expect(readyFaults(sight(observer))).toEqual(['this primary is not live']);
    told(observer, joined[0]);
    expect(readyFaults(sight(observer, { heldMs: 5_000 }))).toEqual([]);
    expect(readyFaults(sight(observer, { heldMs: 5_001 }))).toEqual([
      'an output has waited 5001 ms for its acks',
    ]);
  });

  test('of a primary is what its guest says, unless that is failing', () => {
    const observer = new Observer('primary', 0);
    told(observer, joined[0]);
    const faults = (health: object): readonly string[] =>
      readyFaults(sight(observer, { status: { meter: { health } } }));
    expect(faults({ state: 'degraded', reason: 'no mail' })).toEqual([]);
    const failing = { state: 'failing', reason: 'the ledger does not add up' };
    const told503 = ['the guest says that it is failing: the ledger does not add up'];
    expect(faults(failing)).toEqual(told503);
    const busy = { meter: null, lastMeter: { health: failing } };
    expect(readyFaults(sight(observer, { status: busy }))).toEqual(told503);
  });

  test('of a backup that is in no view by design is to follow', () => {
    const observer = new Observer('backup', 0);
    const faults = (phase: string): readonly string[] =>
      readyFaults(sight(observer, { status: { replication: { counts: false, phase, lag: 0 } } }));
    expect(faults('following')).toEqual([]);
    expect(faults('parted')).toEqual(['this backup follows nobody']);
  });

  test('of a backup is to be in the view and in step', () => {
    const observer = new Observer('backup', 0);
    expect(readyFaults(sight(observer))).toEqual(['this backup is not in the view']);
    told(observer, [10, { type: 'synced', view: view(2, 'b:1') }]);
    const behind = (lag: number, behindMs: number): readonly string[] =>
      readyFaults(sight(observer, { status: { replication: { lag } }, behindMs }));
    expect(behind(1_024, 5_000)).toEqual([]);
    expect(behind(1_025, 5_001)).toEqual([
      'this backup is 1025 records behind',
      'this backup is 5001 ms behind',
    ]);
  });
});

describe('the arbiter', () => {
  const answered = { rttMs: 2, answeredMs: 500, unreachableMs: undefined, reason: undefined };
  const away = { rttMs: 2, answeredMs: 9_000, unreachableMs: 4_000, reason: 'EACCES' };
  const unasked = { ...answered, rttMs: undefined, answeredMs: undefined };

  test('is up after an answer, down with its reason after none, and not up before the first', () => {
    expect(arbiterState('file:/x', answered)).toMatchObject({ up: true, roundTripMs: 2 });
    expect(arbiterState('file:/x', away)).toEqual({
      ...{ url: 'file:/x', up: false, roundTripMs: undefined, reason: 'EACCES' },
    });
    for (const none of [unasked, undefined])
      expect(arbiterState('file:/x', none)).toEqual({
        ...{ url: 'file:/x', up: undefined, roundTripMs: undefined, reason: undefined },
      });
  });

  test('is told without its password', () => {
    const { url } = arbiterState('pg://hv:secret@db:5432/views', answered);
    expect(url).toContain('db:5432');
    expect(url).not.toContain('secret');
  });

  function seen(replication: object | null, arbiter: string | undefined, before?: object): unknown {
    const observation = new Observation('primary');
    let told = before ?? replication;
    observation.attach({
      status: (done) => done({ vm: 'kv-1', replication: told }),
      ...{ meters: new Meters(), arbiter, detectMs: 150, logDir: undefined },
    });
    let state: unknown;
    observation.look((sight) => {
      state = sight.arbiter;
    });
    told = replication;
    observation.look((sight) => {
      state = sight.arbiter;
    });
    return state;
  }

  test('is what was known last while the guest is busy', () => {
    expect(seen(null, 'file:/x', { arbiter: away })).toMatchObject({ up: false });
    expect(seen({ arbiter: answered }, 'file:/x', { arbiter: away })).toMatchObject({ up: true });
  });

  test('where there is none is not down', () => {
    expect(seen({ arbiter: undefined }, undefined)).toBeUndefined();
  });
});

test('a primary that has handed over is live no more, and a backup that parted is in no view', () => {
  const primary = told(new Observer('primary', 0), ...joined);
  told(primary, [80, { type: 'handedOver', peer: 'b:1', view: view(3) }]);
  expect(primary.live).toBe(false);
  const backup = told(new Observer('backup', 0), [10, { type: 'synced', view: view(2, 'b:1') }]);
  expect(backup.protection.protected).toBe(true);
  told(backup, [20, { type: 'parted', reason: 'the arbiter named another' }]);
  expect([backup.synced, backup.protection]).toEqual([false, { protected: false, since: 20 }]);
});
