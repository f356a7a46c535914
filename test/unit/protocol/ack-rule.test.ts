import { describe, expect, it } from 'vitest';
import {
  ACK_LEVELS,
  type AckLevel,
  electionQuorum,
  quorumOf,
} from '../../../hypervisor/protocol/ack-level.ts';
import { Verifier } from '../../../hypervisor/protocol/verifier.ts';
import { asLsn, asMillis } from '../../../log-format/index.ts';
import { welcomeOf } from '../../support/messages.ts';
import { committed, type Effects, noted, Pair, released } from '../../support/primary-pair.ts';

const NONE = { lsnReplayed: asLsn(0), lsnDurable: asLsn(0) };

describe('what an output waits for', () => {
  it.each(ACK_LEVELS)('%s: leaves at just that, and at nothing less', (level) => {
    const pair = new Pair(level).join('b');
    const made = pair.turn(7);
    const lsn = asLsn(pair.lsn);
    const output = `o${lsn}`;
    expect(released(made)).toEqual(level === 'async' ? [output] : []);
    const left: AckLevel[] = [];
    const heard = (at: AckLevel, effects: Effects): void => {
      if (released(effects).includes(output)) left.push(at);
    };
    heard('received', pair.ack('b', NONE));
    heard('replayed', pair.ack('b', { ...NONE, lsnReplayed: asLsn(lsn - 1), outputsCrc: 1 }));
    expect(left).toEqual(level === 'received' ? ['received'] : []);
    pair.step({ type: 'written', lsn, durable: true });
    heard('durable', pair.ack('b', { ...NONE, lsnDurable: lsn }));
    if (level === 'replayed') heard('replayed', pair.ack('b', { lsnReplayed: lsn, outputsCrc: 8 }));
    if (level === 'verified') heard('verified', pair.ack('b', { lsnReplayed: lsn, outputsCrc: 7 }));
    expect(left).toEqual(level === 'async' ? [] : [level]);
  });

  it('verified: a backup with another hash is given up, and its ack lets nothing out', () => {
    const pair = new Pair('verified').join('b');
    pair.turn(7);
    const effects = pair.ack('b', { lsnReplayed: asLsn(pair.lsn), outputsCrc: 8 });
    expect(released(effects)).toEqual([]);
    const notes = effects.flatMap((effect) => (effect.type === 'note' ? [effect.note.type] : []));
    expect(notes).toContain('diverged');
  });

  it('verified: a guest that waits for its first backup takes it before any group has ended', () => {
    for (const outputsCrc of [0, 8]) {
      const pair = new Pair('verified');
      const lsn = asLsn(pair.lsn);
      pair.step({ type: 'linked', peer: 'b' });
      const message = welcomeOf({ epoch: pair.core.view.epoch });
      pair.step({ type: 'message', peer: 'b', message });
      pair.step({ type: 'streamed', peer: 'b', lastLsn: lsn, failure: undefined });
      const effects = pair.ack('b', { lsnReplayed: lsn, outputsCrc });
      expect(noted(effects).includes('diverged')).toBe(outputsCrc === 8);
      expect(effects.some(({ type }) => type === 'ask')).toBe(outputsCrc === 0);
    }
  });

  it('durable: waits for the own disk as well', () => {
    const pair = new Pair('durable').join('b');
    const asked = pair.turn().some((effect) => effect.type === 'write' && effect.durable);
    expect(asked).toBe(true);
    const lsn = asLsn(pair.lsn);
    expect(released(pair.ack('b', { lsnDurable: lsn }))).toEqual([]);
    expect(released(pair.step({ type: 'written', lsn, durable: false }))).toEqual([]);
    expect(released(pair.step({ type: 'written', lsn, durable: true }))).toEqual([`o${lsn}`]);
  });

  it('a quorum of two of three lets an output out at the second ack, whoever gives it', () => {
    for (const order of ['bc', 'cd', 'db']) {
      const pair = new Pair('received', { quorum: 2 }).join('b', 'c', 'd');
      pair.turn();
      const [first = '', second = ''] = order;
      expect(released(pair.ack(first))).toEqual([]);
      expect(released(pair.ack(second))).toEqual([`o${pair.lsn}`]);
    }
  });

  it('a lost backup leaves the view only when the others hold all that has left by its ack', () => {
    const pair = new Pair('received', { quorum: 1 }).join('b', 'c');
    pair.turn();
    expect(released(pair.ack('b'))).toEqual([`o${pair.lsn}`]);
    const lost = pair.step({ type: 'closed', peer: 'b', reason: 'gone' });
    expect(lost.filter(({ type }) => type === 'ask')).toEqual([]);
    expect(pair.ack('c').filter(({ type }) => type === 'ask')).toHaveLength(1);
  });

  it('stop: with too few backups nothing leaves, until one is back', () => {
    const pair = new Pair('received', { onLoss: 'stop' }).join('b');
    pair.step({ type: 'closed', peer: 'b', reason: 'gone' });
    const alone = pair.win();
    expect(alone.some((effect) => effect.type === 'note' && effect.note.type === 'held')).toBe(
      true,
    );
    expect(pair.core.view.backups).toEqual([]);
    expect(released(pair.turn())).toEqual([]);
    const held = `o${pair.lsn}`;
    pair.step({ type: 'linked', peer: 'c' });
    pair.step({ type: 'message', peer: 'c', message: welcomeOf({ epoch: pair.core.view.epoch }) });
    pair.step({ type: 'streamed', peer: 'c', lastLsn: asLsn(pair.lsn), failure: undefined });
    expect(released(pair.ack('c'))).toEqual([]);
    expect(released(pair.win())).toEqual([held]);
  });

  it('that never had a backup says once that its outputs are held, and again when it has lost one', () => {
    const pair = new Pair('received', { onLoss: 'stop' });
    const held = (effects: Effects): number =>
      noted(effects).filter((note) => note === 'held').length;
    expect(held(pair.turn())).toBe(1);
    expect(held(pair.turn())).toBe(0);
    pair.join('b');
    expect(held(pair.turn())).toBe(0);
    pair.step({ type: 'closed', peer: 'b', reason: 'gone' });
    expect(held(pair.win())).toBe(1);
    expect(held(pair.turn())).toBe(0);
  });

  it('hidden: follows, and is in no view and waited for by nobody', () => {
    const pair = new Pair('received');
    pair.turn();
    pair.step({ type: 'linked', peer: 'h' });
    const welcome = welcomeOf({ epoch: pair.core.view.epoch, hidden: true });
    pair.step({ type: 'message', peer: 'h', message: welcome });
    pair.step({ type: 'streamed', peer: 'h', lastLsn: asLsn(pair.lsn), failure: undefined });
    expect(pair.ack('h').filter(({ type }) => type === 'ask')).toEqual([]);
    expect(released(pair.turn())).toEqual([`o${pair.lsn}`]);
  });

  it('a backup that runs nothing is not taken where outputs wait for its replay', () => {
    for (const level of ACK_LEVELS) {
      const pair = new Pair(level);
      pair.turn();
      pair.step({ type: 'linked', peer: 'b' });
      const welcome = welcomeOf({ epoch: pair.core.view.epoch, cold: true });
      const effects = pair.step({ type: 'message', peer: 'b', message: welcome });
      const taken = effects.some(({ type }) => type === 'stream');
      expect(taken).toBe(level !== 'replayed' && level !== 'verified');
    }
  });

  it('a backup that says again and again what it has, and never more, is given up in the end', () => {
    const pair = new Pair('received').join('b');
    const stands = asLsn(pair.lsn);
    pair.turn();
    for (pair.now = 0; pair.now < 40_000; pair.now += 10) {
      pair.step({ type: 'beat', peer: 'b', at: asMillis(pair.now) });
      pair.ack('b', { lsnReceived: stands, ...NONE });
      const effects = pair.step({ type: 'deadline' });
      if (!effects.some(({ type }) => type === 'ask')) continue;
      expect(pair.now).toBe(30_000);
      return;
    }
    expect.fail('it was kept for ever');
  });

  it('a link on which nothing comes is dead, whatever the heartbeats say: by a claim', () => {
    const pair = new Pair('received').join('b');
    pair.turn();
    for (pair.now = 0; pair.now < 40_000; pair.now += 10) {
      pair.step({ type: 'beat', peer: 'b', at: asMillis(pair.now) });
      const effects = pair.step({ type: 'deadline' });
      if (!effects.some(({ type }) => type === 'ask')) continue;
      expect(pair.now).toBe(1_000);
      return;
    }
    expect.fail('it was kept for ever');
  });

  it.each(ACK_LEVELS)('a commit under the rule %s waits for just what it asks', (rule) => {
    for (const level of ACK_LEVELS.slice(1)) {
      const pair = new Pair(rule, { ownLog: 'written' }).join('b');
      const lsn = asLsn(pair.lsn + 1);
      const reached: AckLevel[] = [];
      const heard = (at: AckLevel, effects: Effects): void => {
        if (committed(effects).includes(4)) reached.push(at);
      };
      heard('async', pair.step({ type: 'commit', id: 4, lsn, level }));
      heard('async', pair.turn(7));
      pair.step({ type: 'written', lsn, durable: false });
      heard('received', pair.ack('b', NONE));
      heard('durable', pair.step({ type: 'written', lsn, durable: true }));
      heard('durable', pair.ack('b', { ...NONE, lsnDurable: lsn }));
      heard(level, pair.ack('b', { lsnReplayed: lsn, outputsCrc: 7 }));
      expect(reached).toEqual([level]);
    }
  });

  it('a commit asks for the own log of a guest without backups, though no output waits', () => {
    for (const level of ['received', 'verified', 'durable'] as const) {
      const pair = new Pair('received', { ownLog: 'written' });
      pair.append();
      const lsn = asLsn(pair.lsn);
      const asked = [
        ...pair.step({ type: 'commit', id: 1, lsn, level }),
        ...pair.step({ type: 'produced', lsn, outputs: [] }),
      ];
      const durable = level === 'durable';
      expect(asked).toContainEqual({ type: 'write', durable });
      expect(committed(asked)).toEqual([]);
      if (durable)
        expect(committed(pair.step({ type: 'written', lsn, durable: false }))).toEqual([]);
      expect(committed(pair.step({ type: 'written', lsn, durable }))).toEqual([1]);
    }
  });

  it('a guest without a log commits at once', () => {
    const pair = new Pair('received');
    pair.append();
    const lsn = asLsn(pair.lsn);
    pair.step({ type: 'commit', id: 1, lsn, level: 'durable' });
    expect(committed(pair.step({ type: 'produced', lsn, outputs: [] }))).toEqual([1]);
  });

  it('a verified commit gives a backup with another hash up, and is not answered by it', () => {
    const pair = new Pair('received').join('b');
    pair.step({ type: 'commit', id: 1, lsn: asLsn(pair.lsn + 1), level: 'verified' });
    pair.turn(7);
    const effects = pair.ack('b', { lsnReplayed: asLsn(pair.lsn), outputsCrc: 8 });
    expect(committed(effects)).toEqual([]);
    expect(noted(effects)).toContain('diverged');
  });

  it('hashes kept for one verified commit are not compared with what comes behind it', () => {
    const pair = new Pair('received').join('b');
    pair.step({ type: 'commit', id: 1, lsn: asLsn(pair.lsn + 1), level: 'verified' });
    pair.turn(7);
    expect(committed(pair.ack('b', { outputsCrc: 7 }))).toEqual([1]);
    pair.turn(9);
    expect(noted(pair.ack('b', { outputsCrc: 9 }))).toEqual([]);
    pair.turn(10);
    pair.step({ type: 'commit', id: 2, lsn: asLsn(pair.lsn + 1), level: 'verified' });
    pair.turn(11);
    expect(noted(pair.ack('b', { lsnReplayed: asLsn(pair.lsn - 1), outputsCrc: 10 }))).toEqual([]);
    expect(committed(pair.ack('b', { outputsCrc: 11 }))).toEqual([2]);
  });

  it('a backup that runs nothing is asked to have it where a commit waits for a replay', () => {
    for (const level of ['replayed', 'verified'] as const) {
      const pair = new Pair('received').join(['b', { cold: true }]);
      pair.step({ type: 'commit', id: 1, lsn: asLsn(pair.lsn + 1), level });
      expect(committed(pair.turn())).toEqual([]);
      expect(committed(pair.ack('b', NONE))).toEqual([1]);
    }
  });

  it('a backup that joins while a durable commit waits is asked for its disk', () => {
    const pair = new Pair('received', { ownLog: 'written' });
    pair.turn();
    pair.step({ type: 'linked', peer: 'b' });
    pair.step({ type: 'message', peer: 'b', message: welcomeOf({ epoch: pair.core.view.epoch }) });
    pair.step({ type: 'commit', id: 1, lsn: asLsn(pair.lsn), level: 'durable' });
    const lastLsn = asLsn(pair.lsn);
    const effects = pair.step({ type: 'streamed', peer: 'b', lastLsn, failure: undefined });
    const sent = effects.flatMap((one) => (one.type === 'send' ? [one.message.type] : []));
    expect(sent).toContain('sync');
  });

  it('tells the guest when a record is as safe as it asked, and not before', () => {
    const pair = new Pair('received').join('b');
    pair.turn();
    const lsn = asLsn(pair.lsn);
    const asks = pair.step({ type: 'commit', id: 4, lsn, level: 'durable' });
    expect(asks.some(({ type }) => type === 'send')).toBe(true);
    expect(asks.some((effect) => effect.type === 'write')).toBe(false);
    const done = (effects: Effects): boolean => effects.some(({ type }) => type === 'committed');
    expect(done(pair.ack('b', NONE))).toBe(false);
    expect(done(pair.ack('b', { lsnDurable: lsn }))).toBe(true);
  });
});

describe('quorums', () => {
  it('any group that may decide has a member of any group that has acknowledged', () => {
    for (let backups = 1; backups <= 8; backups++)
      for (let quorum = 0; quorum <= 8; quorum++) {
        const rule = { level: 'received', quorum } as const;
        expect(quorumOf(rule, backups) + electionQuorum(rule, backups)).toBeGreaterThan(backups);
      }
  });
});

describe('Verifier', () => {
  it('knows the hash of every place between two ends, and the newest for ever', () => {
    const verifier = new Verifier();
    expect(verifier.outputsCrc(asLsn(9))).toBeUndefined();
    for (let lsn = 10; lsn <= 5_000; lsn += 10) verifier.ended(asLsn(lsn), lsn * 3);
    expect(verifier.outputsCrc(asLsn(9))).toBeUndefined();
    expect(verifier.outputsCrc(asLsn(10))).toBe(30);
    expect(verifier.outputsCrc(asLsn(19))).toBe(30);
    verifier.forget(2_505);
    expect(verifier.outputsCrc(asLsn(2_499))).toBeUndefined();
    expect(verifier.outputsCrc(asLsn(2_505))).toBe(7_500);
    verifier.forget(Number.POSITIVE_INFINITY);
    verifier.forget(Number.POSITIVE_INFINITY);
    expect(verifier.outputsCrc(asLsn(6_000))).toBe(15_000);
  });
});
