/** V0 to V15: the tests of the view service of MIT 6.824, lab 2, as hv reads them. */

import { beforeEach, describe, expect, test } from 'vitest';
import {
  VIEW_DEAD_PINGS,
  VIEW_GRACE_PINGS,
  VIEW_PING_MS,
  VIEW_REPLICAS_MAX,
  VIEW_TILT_MS,
} from '../../../hypervisor/base/limits.ts';
import { asMillis } from '../../../log-format/index.ts';
import { ViewLab } from '../../support/view-lab.ts';

const DEAD = VIEW_DEAD_PINGS + 2;
const GRACE = VIEW_GRACE_PINGS + 2;
const NONE = { type: 'none' };

let lab: ViewLab;
beforeEach(() => {
  lab = new ViewLab();
});

/** View 1 = {S1}, claimed by it as `hv run` does. */
function first(): void {
  lab.claim(0, 'S1');
  lab.primary('S1', 1);
}

/** View 2 = {S1, S2}, acked, and S2 holds the state. */
function protectedPair(fields: { needs?: number } = {}): void {
  first();
  lab.ping('S2', 0);
  lab.claim(1, 'S1', 'S2');
  lab.primary('S1', 2, fields);
  lab.synced('S2', 2);
}

/** As the lab goes on: view 3 = {S2}, then 4 = {S2, S1}, both acked. */
function turned(): void {
  protectedPair();
  lab.pass(DEAD, () => lab.synced('S2', 2));
  lab.claim(2, 'S2');
  lab.primary('S2', 3);
  lab.ping('S1', 0);
  lab.claim(3, 'S2', 'S1');
  lab.primary('S2', 4);
  lab.synced('S1', 4);
}

describe('the view service of the lab', () => {
  test('V0: nobody is primary before anybody has pinged', () => {
    lab.pass(GRACE);
    expect(lab.view).toBeUndefined();
    expect(lab.service.status()).toMatchObject({ view: undefined, primary: undefined });
  });

  test('V1: the first replica that holds the guest becomes primary of view 1, and no spare does', () => {
    lab.pass(2 * VIEW_DEAD_PINGS, () => lab.ping('S2', 0));
    expect(lab.view).toBeUndefined();
    lab.pass(2 * VIEW_DEAD_PINGS, () => lab.primary('S1', 0));
    expect(lab.view).toBe('1 S1');
    expect(lab.primary('S1', 0).advice).toMatchObject({ type: 'promoted' });
    expect(lab.claim(0, 'S1')).toBe(true);
    lab.ping('S2', 0);
    expect(lab.primary('S1', 1).advice).toEqual({ type: 'recruit', spares: ['S2'] });
  });

  test('V2: an idle spare is recommended to the primary, which makes it the first backup', () => {
    first();
    expect(lab.primary('S1', 1).advice).toEqual(NONE);
    lab.ping('S2', 0);
    expect(lab.primary('S1', 1).advice).toEqual({ type: 'recruit', spares: ['S2'] });
    expect(lab.view).toBe('1 S1');
    lab.claim(1, 'S1', 'S2');
    expect(lab.view).toBe('2 S1 S2');
    expect(lab.primary('S1', 2).advice).toEqual(NONE);
  });

  test('V3: a synced backup takes over once the primary has missed its pings, and no sooner', () => {
    protectedPair();
    lab.pass(VIEW_DEAD_PINGS, () => lab.synced('S2', 2));
    expect(lab.view).toBe('2 S1 S2');
    lab.pass(1, () => lab.synced('S2', 2));
    expect(lab.view).toBe('3 S2');
    expect(lab.synced('S2', 2).advice).toEqual({ type: 'promoted', spares: [] });
    expect(lab.claim(2, 'S1')).toBe(false);
    expect(lab.claim(2, 'S2')).toBe(true);
  });

  test('V4: a primary that comes back empty-handed is recruited as backup', () => {
    protectedPair();
    lab.pass(DEAD, () => lab.synced('S2', 2));
    lab.claim(2, 'S2');
    expect(lab.primary('S2', 3).advice).toEqual(NONE);
    lab.ping('S1', 0);
    expect(lab.primary('S2', 3).advice).toEqual({ type: 'recruit', spares: ['S1'] });
    lab.claim(3, 'S2', 'S1');
    expect(lab.view).toBe('4 S2 S1');
  });

  test('V5: promotion and the choice of an idle third replica are one step', () => {
    turned();
    lab.ping('S3', 0);
    let told = lab.synced('S1', 4);
    lab.pass(DEAD, () => {
      lab.ping('S3', 0);
      if (lab.view === '4 S2 S1') told = lab.synced('S1', 4);
    });
    expect(told).toEqual({
      type: 'move',
      view: '5 S1',
      advice: { type: 'promoted', spares: ['S3'] },
    });
  });

  test('V6: a restarted primary counts as dead, and is not recruited in the same step', () => {
    turned();
    expect(lab.ping('S2', 0).view).toBe('4 S2 S1');
    const told = lab.synced('S1', 4);
    expect(told).toEqual({ type: 'move', view: '5 S1', advice: { type: 'promoted', spares: [] } });
    lab.ping('S2', 0);
    expect(lab.synced('S1', 4).advice).toEqual({ type: 'promoted', spares: ['S2'] });
  });

  test('V6: nothing a restarted primary says without a new view brings it back', () => {
    turned();
    lab.ping('S2', 0);
    lab.primary('S2', 4);
    expect(lab.synced('S1', 4).view).toBe('5 S1');
  });

  test('V7: the view stays while its primary has not acked it and the backup has no state', () => {
    turned();
    lab.claim(4, 'S2', 'S1', 'S3');
    lab.pass(GRACE, () => lab.ping('S1', 5, { synced: false }));
    expect(lab.view).toBe('5 S2 S1,S3');
    expect(lab.ping('S1', 5).advice).toEqual({
      type: 'waiting',
      reason: 'no backup says that it holds the state of epoch 5',
    });
  });

  test('V7: a backup that was synced in the view before this one is not promoted for it', () => {
    turned();
    lab.claim(4, 'S2', 'S1');
    lab.pass(GRACE, () => lab.synced('S1', 4));
    expect(lab.view).toBe('5 S2 S1');
  });

  test('V8: a replica without state never becomes primary', () => {
    protectedPair();
    lab.ping('S3', 0);
    lab.pass(3 * GRACE, () => lab.ping('S3', 0));
    lab.pass(GRACE, () => lab.ping('S2', 0));
    expect(lab.view).toBe('2 S1 S2');
    expect(lab.service.status().successor).toMatchObject({ type: 'none' });
  });

  test('V9: a backup that proves it holds the state is promoted although nobody acked the view', () => {
    turned();
    lab.claim(4, 'S2', 'S1');
    expect(lab.service.status().acked).toBe(false);
    lab.pass(DEAD, () => lab.synced('S1', 5));
    expect(lab.view).toBe('6 S1');
  });
});

describe('pings that come wrong', () => {
  test('V10: a ping that comes twice counts once', () => {
    protectedPair();
    lab.primary('S1', 2, { boot: 'p', seq: 7 });
    lab.pass(DEAD, () => {
      expect(lab.primary('S1', 2, { boot: 'p', seq: 7 }).type).toBe('stale');
      lab.synced('S2', 2);
    });
    expect(lab.view).toBe('3 S2');
  });

  test('V10: an old ping behind a newer one neither restarts nor revives its replica', () => {
    protectedPair();
    lab.primary('S1', 2, { boot: 'p', seq: 9 });
    expect(lab.ping('S1', 0, { boot: 'p', seq: 1 }).type).toBe('stale');
    expect(lab.service.status().primary).toBe('alive');
    lab.ping('S1', 0, { boot: 'q', seq: 1 });
    expect(lab.service.status().primary).toBe('restarted');
    expect(lab.primary('S1', 2, { boot: 'p', seq: 10 }).type).toBe('stale');
    expect(lab.service.status().primary).toBe('restarted');
  });

  test('V10: a replica that changed its process in a view has restarted, whatever it says', () => {
    protectedPair();
    lab.synced('S2', 2, { boot: 'a', seq: 1 });
    lab.synced('S2', 2, { boot: 'b', seq: 1 });
    lab.pass(DEAD, () => lab.ping('S3', 0));
    expect(lab.service.status().successor).toMatchObject({ type: 'none' });
  });

  test('V10: the last idle ping of a spare may arrive behind the claim that names it', () => {
    first();
    lab.ping('S2', 0, { boot: 'b', seq: 1 });
    lab.claim(1, 'S1', 'S2');
    lab.primary('S1', 2);
    lab.ping('S2', 0, { boot: 'b', seq: 2 });
    expect(lab.service.status().successor.type).toBe('none');
    lab.synced('S2', 2, { boot: 'b', seq: 3 });
    expect(lab.service.status().successor).toEqual({ type: 'promote', replica: 'S2' });
  });

  test('V11: a ping with a future view number is refused and counts for nothing', () => {
    protectedPair();
    lab.pass(DEAD, () => {
      expect(lab.primary('S1', 9).type).toBe('refused');
      lab.synced('S2', 2);
    });
    expect(lab.view).toBe('3 S2');
    expect(new ViewLab().primary('S1', 1).type).toBe('refused');
  });

  test('a replica more than there may be is refused, until another is forgotten', () => {
    first();
    for (let at = 1; at < VIEW_REPLICAS_MAX; at++) lab.ping(`R${at}`, 0);
    expect(lab.ping('one more', 0).type).toBe('refused');
    lab.pass(700, () => lab.primary('S1', 1));
    expect(lab.ping('one more', 0).type).toBe('taken');
    expect(lab.service.status().replicas).toHaveLength(2);
  });
});

describe('a view service that was away', () => {
  test('V12: a restarted one uses no number twice and gives everybody the grace of a start', () => {
    turned();
    lab.restart();
    lab.pass(VIEW_GRACE_PINGS, () => lab.synced('S1', 4));
    expect(lab.view).toBe('4 S2 S1');
    expect(lab.service.status().primary).toBe('unheard');
    lab.pass(2, () => lab.synced('S1', 4));
    expect(lab.view).toBe('5 S1');
    lab.restart();
    expect(lab.synced('S1', 4).advice).toEqual({ type: 'promoted', spares: [] });
    expect(lab.claim(4, 'S1')).toBe(true);
    expect(lab.views.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);
  });

  test('V13: one whose clock has jumped judges nobody until their grace is over', () => {
    protectedPair();
    lab.now += VIEW_TILT_MS + 2 * VIEW_PING_MS;
    lab.pass(1, () => lab.synced('S2', 2));
    expect(lab.service.status()).toMatchObject({ suspended: true, primary: 'unheard' });
    lab.pass(VIEW_GRACE_PINGS - 1, () => lab.synced('S2', 2));
    expect(lab.view).toBe('2 S1 S2');
    lab.pass(2, () => lab.synced('S2', 2));
    expect(lab.view).toBe('3 S2');
    expect(lab.service.status().suspended).toBe(false);
  });

  test('V13: a clock that was set back suspends judgement and ages nobody', () => {
    protectedPair();
    lab.now -= 1_000_000;
    lab.pass(VIEW_GRACE_PINGS, () => lab.synced('S2', 2));
    expect(lab.view).toBe('2 S1 S2');
  });

  test('V13: a second without a look at anything is not a second of silence', () => {
    protectedPair();
    lab.now += 1_000;
    expect(lab.synced('S2', 2).view).toBe('2 S1 S2');
    expect(lab.service.status().primary).toBe('alive');
  });
});

describe('partitions', () => {
  test('V14: replicas that reach the service but not each other keep their view until one claims', () => {
    protectedPair();
    lab.pass(3 * GRACE, () => {
      lab.primary('S1', 2);
      lab.synced('S2', 2, { primaryLink: 'down' });
    });
    expect(lab.view).toBe('2 S1 S2');
    expect(lab.claim(2, 'S2')).toBe(true);
    expect(lab.claim(2, 'S1')).toBe(false);
    expect(lab.primary('S1', 2).advice).toEqual({ type: 'deposed' });
  });

  test('V15: replicas that reach each other but not the service keep their view', () => {
    protectedPair();
    lab.pass(3 * GRACE);
    expect(lab.view).toBe('2 S1 S2');
    // The backup is heard again first, and hears its primary all the time.
    lab.pass(3 * GRACE, () => lab.synced('S2', 2, { primaryLink: 'up' }));
    expect(lab.view).toBe('2 S1 S2');
    expect(lab.service.status()).toMatchObject({
      primary: 'dead',
      successor: { type: 'none', reason: 'S2 still hears the primary' },
    });
  });
});

describe('the choice among several backups', () => {
  function several(fields: { needs?: number } = {}): void {
    first();
    lab.claim(1, 'S1', 'A', 'B', 'C');
    lab.primary('S1', 2, fields);
  }

  test('takes the highest priority where all of them hold what has left', () => {
    several();
    lab.pass(DEAD, () => {
      lab.synced('A', 2, { lsn: 90, priority: 1 });
      lab.synced('B', 2, { lsn: 50, priority: 5 });
      lab.synced('C', 2, { lsn: 99, priority: 9, hidden: true });
    });
    expect(lab.view).toBe('3 B');
  });

  test('never takes a hidden one or one of priority 0', () => {
    several();
    lab.pass(DEAD, () => {
      lab.synced('A', 2, { priority: 0 });
      lab.synced('C', 2, { hidden: true });
    });
    expect(lab.view).toBe('2 S1 A,B,C');
  });

  test('waits for enough that have left the primary where one ack was enough', () => {
    several({ needs: 1 });
    lab.pass(GRACE, () => {
      lab.synced('A', 2, { lsn: 90, primaryLink: 'down', priority: 9 });
      lab.synced('B', 2, { lsn: 95, primaryLink: 'down' });
    });
    expect(lab.view).toBe('2 S1 A,B,C');
    lab.synced('C', 2, { lsn: 93, primaryLink: 'down' });
    expect(lab.view).toBe('2 S1 A,B,C');
    lab.synced('A', 2, { lsn: 90, primaryLink: 'down', priority: 9 });
    expect(lab.view).toBe('2 S1 A,B,C');
    expect(lab.synced('B', 2, { lsn: 95, primaryLink: 'down' }).view).toBe('3 B');
  });

  test('takes one of two that have left where two acks of three were needed', () => {
    several({ needs: 2 });
    lab.pass(DEAD, () => {
      lab.synced('A', 2, { lsn: 90, primaryLink: 'down' });
      lab.synced('B', 2, { lsn: 95, primaryLink: 'down' });
    });
    expect(lab.view).toBe('3 B');
  });

  test('promotes nobody when who has most of the log may not be promoted', () => {
    several({ needs: 2 });
    lab.pass(DEAD, () => {
      lab.synced('A', 2, { lsn: 90, primaryLink: 'down' });
      lab.synced('B', 2, { lsn: 95, primaryLink: 'down', hidden: true });
    });
    expect(lab.view).toBe('2 S1 A,B,C');
  });

  test('does not forget what an output needed when the primary comes back or the service does', () => {
    several({ needs: 1 });
    lab.ping('S1', 0);
    lab.synced('A', 2, { lsn: 90, primaryLink: 'down' });
    expect(lab.view).toBe('2 S1 A,B,C');
    lab.restart();
    lab.pass(GRACE, () => lab.synced('A', 2, { lsn: 90, primaryLink: 'down' }));
    expect(lab.view).toBe('2 S1 A,B,C');
  });
});

describe('advice', () => {
  test('recommends as many spares as the primary wants and has not, best first', () => {
    first();
    lab.ping('low', 0, { priority: 1 });
    lab.ping('high', 0, { priority: 3 });
    lab.ping('mid', 0, { priority: 2 });
    expect(lab.primary('S1', 1, { wants: 2 }).advice).toEqual({
      type: 'recruit',
      spares: ['high', 'mid'],
    });
    lab.ping('high', 1);
    expect(lab.primary('S1', 1, { wants: 2 }).advice).toEqual({ type: 'recruit', spares: ['mid'] });
  });

  test('recommends nobody to a primary that has not acked the view in force', () => {
    protectedPair();
    lab.claim(2, 'S1');
    lab.ping('S3', 0);
    expect(lab.primary('S1', 2).advice).toEqual(NONE);
    expect(lab.primary('S1', 3).advice).toEqual({ type: 'recruit', spares: ['S3'] });
  });

  test('a spare that has fallen silent is not recommended', () => {
    first();
    lab.ping('S2', 0);
    lab.pass(DEAD, () => lab.primary('S1', 1));
    expect(lab.primary('S1', 1).advice).toEqual(NONE);
  });

  test('spares of the pool come behind those of the guest itself', () => {
    first();
    lab.ping('own', 0);
    lab.primary('S1', 1, { wants: 3 });
    expect(lab.service.advice('S1', ['S1', 'own', 'pooled'])).toEqual({
      type: 'recruit',
      spares: ['own', 'pooled'],
    });
  });

  test('a backup that is in the view no more is told so, and one in transfer is not', () => {
    protectedPair();
    lab.claim(2, 'S1');
    expect(lab.synced('S2', 2).advice).toEqual({ type: 'dropped' });
    expect(lab.ping('S3', 3).advice).toEqual(NONE);
  });

  test('a move that could not be made is asked for again', () => {
    protectedPair();
    lab.pass(VIEW_DEAD_PINGS + 1);
    const ask = () =>
      lab.service.ping(
        { ...lab.service.status().replicas[1], boot: undefined, seq: 0 } as never,
        asMillis(lab.now),
      );
    expect(ask().type).toBe('move');
    expect(ask().type).toBe('taken');
    lab.service.undecided();
    expect(ask().type).toBe('move');
  });
});
