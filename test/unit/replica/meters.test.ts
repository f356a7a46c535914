import { describe, expect, test } from 'vitest';
import { Brake } from '../../../hypervisor/replica/brake.ts';
import { Distribution } from '../../../hypervisor/replica/distribution.ts';
import { Marks } from '../../../hypervisor/replica/marks.ts';
import { METER_WORDS, Meters } from '../../../hypervisor/replica/meters.ts';
import { asLsn, asMicros, asMillis, INTERRUPT, type LogRecord } from '../../../log-format/index.ts';

const lsn = asLsn;

describe('a distribution', () => {
  test('counts a figure in the first bucket that takes it, its bound included', () => {
    const seen = Distribution.own([1, 10]);
    for (const value of [1, 1.5, 10, 11]) seen.observe(value);
    expect(seen.cumulative()).toEqual([1, 3, 4]);
    expect([seen.count, seen.sum]).toEqual([4, 23.5]);
  });

  test('has no quantile before it has seen anything, and none above its bounds', () => {
    const seen = Distribution.own([1, 10]);
    expect(seen.quantile(0.5)).toBeUndefined();
    seen.observe(1000);
    expect(seen.quantile(0.5)).toBe(10);
  });

  test('places a quantile inside its bucket', () => {
    const seen = Distribution.own([1, 10]);
    seen.observe(0.5, 50);
    seen.observe(5, 50);
    expect(seen.quantile(0.5)).toBe(1);
    expect(seen.quantile(0.75)).toBe(5.5);
  });
});

describe('marks', () => {
  test('are settled up to an lsn, oldest first, each with its own wait', () => {
    const marks = new Marks();
    marks.pass(5, 100, 1, 10);
    marks.pass(9, 110, 2, 20);
    const heard: number[][] = [];
    marks.settle(5, 150, (ms, count) => heard.push([ms, count]));
    expect(heard).toEqual([[50, 1]]);
    expect([marks.count, marks.bytes, marks.since]).toEqual([2, 20, 110]);
    marks.settle(9, 150, undefined);
    expect([marks.count, marks.bytes, marks.since]).toEqual([0, 0, 0]);
  });

  test('that do not fit are counted with the newest, and no wait gets shorter by it', () => {
    const marks = new Marks();
    for (let at = 1; at <= 5000; at += 1) marks.pass(at, at, 1, 2);
    expect([marks.count, marks.bytes]).toEqual([5000, 10_000]);
    let last = 0;
    marks.settle(4999, 6000, () => undefined);
    expect(marks.count).toBe(5000 - 4095);
    marks.settle(5000, 6000, (ms) => {
      last = ms;
    });
    expect([marks.count, last]).toEqual([0, 6000 - 4096]);
  });
});

describe('meters', () => {
  test('are read by another who sees the same memory', () => {
    const words = new Float64Array(new SharedArrayBuffer(METER_WORDS * 8));
    const writer = new Meters(words);
    const reader = new Meters(words);
    writer.shipped(100, lsn(7), 50);
    expect(reader.figure('behindSince')).toBe(100);
    writer.settled(103, lsn(7), 1);
    expect(reader.ack.count).toBe(1);
    expect(reader.ack.sum).toBeCloseTo(0.003);
    expect([reader.figure('lsnAcked'), reader.figure('behindSince')]).toEqual([7, 0]);
  });

  test('measure no ack of a primary that runs alone', () => {
    const meters = new Meters();
    meters.shipped(100, lsn(7), 50);
    meters.settled(100, lsn(7), 0);
    expect([meters.ack.count, meters.figure('lsnAcked')]).toEqual([0, 0]);
    expect([meters.figure('behindBytes'), meters.figure('lsnAppended')]).toEqual([0, 7]);
  });

  test('hold outputs until the last of their group has left', () => {
    const meters = new Meters();
    meters.held(10, lsn(3), 2, 200);
    meters.released(12, lsn(2), 1);
    expect([meters.figure('heldCount'), meters.figure('heldSince')]).toEqual([2, 10]);
    meters.released(20, lsn(3), 1);
    expect([meters.figure('heldCount'), meters.figure('released')]).toEqual([0, 2]);
    expect([meters.hold.count, meters.hold.sum]).toEqual([2, 0.02]);
  });

  test('count records by what they are, and the bytes of inputs', () => {
    const meters = new Meters();
    const time = asMicros(1);
    const payload = new Uint8Array(9);
    const interrupt = { type: 'interrupt', time, id: 2, num: 0 } as const;
    const records: LogRecord[] = [
      { ...interrupt, kind: INTERRUPT.netData, payload },
      { ...interrupt, kind: INTERRUPT.netData, payload: undefined },
      { type: 'stop', time, code: 0, reason: '' },
    ];
    for (const record of records) meters.recorded(record);
    expect([...meters.records()]).toEqual([
      ['netData', 2],
      ['stop', 1],
    ]);
    expect(meters.figure('rawBytes')).toBe(9);
  });

  test('divide the time of a group among its turns, and give no turn the ticks of the boot', () => {
    const meters = new Meters();
    meters.ran(1, 5, 1000);
    meters.ran(4, 8, 1400);
    expect([meters.figure('turns'), meters.turn.count]).toEqual([5, 5]);
    expect(meters.turn.sum).toBeCloseTo(0.013);
    expect([meters.turnTicks.count, meters.turnTicks.sum]).toEqual([4, 400]);
  });

  test('know that a copy which goes on has run what its disk had, and no record of it is behind', () => {
    const meters = new Meters();
    meters.begun(10);
    meters.passed(20, lsn(900));
    expect([meters.figure('lsnAppended'), meters.figure('lsnReplayed')]).toEqual([900, 900]);
    meters.shipped(30, lsn(905), 50);
    meters.passed(40, lsn(904));
    expect([meters.figure('lsnAppended'), meters.figure('behindSince')]).toEqual([905, 30]);
    meters.passed(50, lsn(905));
    expect([meters.figure('lsnReplayed'), meters.figure('behindBytes')]).toEqual([905, 0]);
  });

  test('count input as stopped while a window is full, and not for a switchover', () => {
    const meters = new Meters();
    const stopped: boolean[] = [];
    const brake = new Brake({
      clock: { now: () => asMillis(5) },
      net: { throttle: (on) => stopped.push(on) },
      console: { throttle: () => undefined },
      meters,
    });
    brake.set('paused', true);
    expect([stopped, meters.figure('stoppedSince')]).toEqual([[true], 0]);
    brake.set('full', true);
    expect(meters.figure('stoppedSince')).toBe(5);
    brake.set('full', false);
    expect([stopped.at(-1), meters.figure('stoppedSince')]).toEqual([true, 0]);
  });

  test('add up how long input was stopped, each stop once', () => {
    const meters = new Meters();
    meters.stopped(10, true);
    meters.stopped(25, false);
    meters.stopped(30, false);
    expect(meters.figure('stoppedMs')).toBe(15);
  });

  test('of a copy that begins anew know nothing of the one before', () => {
    const meters = new Meters();
    meters.shipped(10, lsn(900), 50);
    meters.begun(20);
    expect([meters.figure('behindSince'), meters.figure('lsnAppended')]).toEqual([0, 0]);
    meters.shipped(30, lsn(1), 5);
    meters.replayed(40, lsn(1), { records: 2, turns: 1, outputs: 3, ms: 4, ticks: 9, time: 7 });
    expect(meters.figure('behindSince')).toBe(0);
    expect([meters.figure('suppressed'), meters.figure('replayedMs')]).toEqual([3, 4]);
  });
});
