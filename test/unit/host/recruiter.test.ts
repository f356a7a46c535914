import { beforeEach, describe, expect, test } from 'vitest';
import { RECRUIT_MS } from '../../../hypervisor/base/limits.ts';
import { Recruiter } from '../../../hypervisor/host/recruiter.ts';
import { ManualClock } from './manual-clock.ts';

let clock: ManualClock;
let present: string[];
let said: string[];

beforeEach(() => {
  clock = new ManualClock();
  present = [];
  said = [];
});

function recruiter(spares: readonly string[], wanted = 1): Recruiter {
  return new Recruiter({
    clock,
    spares,
    wanted,
    present: () => present,
    ask: (spare) => said.push(`ask ${spare}`),
    forget: (spare) => said.push(`forget ${spare}`),
  });
}

describe('a spare', () => {
  test('is asked when a lost backup has not come back in time', () => {
    recruiter(['s:1', 's:2']).look();
    clock.advance(RECRUIT_MS - 1);
    expect(said).toEqual([]);
    clock.advance(1);
    expect(said).toEqual(['ask s:1']);
  });

  test('is left alone when the backup is back', () => {
    recruiter(['s:1']).look();
    present = ['b:1'];
    clock.advance(10 * RECRUIT_MS);
    expect(said).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test('that does not come makes room for the next one, around and around', () => {
    recruiter(['s:1', 's:2']).look();
    clock.advance(4 * RECRUIT_MS);
    expect(said).toEqual([
      'ask s:1',
      ...['forget s:1', 'ask s:2', 'forget s:2', 'ask s:1', 'forget s:1', 'ask s:2'],
    ]);
  });

  test('on its way into the view is waited for, and then nobody else is asked', () => {
    recruiter(['s:1', 's:2']).look();
    clock.advance(RECRUIT_MS);
    present = ['s:1'];
    clock.advance(10 * RECRUIT_MS);
    expect(said).toEqual(['ask s:1']);
  });

  test('is asked for each backup that is missing', () => {
    present = ['b:1'];
    recruiter(['b:1', 's:2', 's:3'], 3).look();
    clock.advance(RECRUIT_MS);
    present = ['b:1', 's:2'];
    clock.advance(RECRUIT_MS);
    present = ['b:1', 's:2', 's:3'];
    clock.advance(10 * RECRUIT_MS);
    expect(said).toEqual(['ask s:2', 'ask s:3']);
  });
});

describe('a spare of the view service', () => {
  test('is no hurry: a backup that is about to join comes first', () => {
    const one = recruiter([]);
    one.offer(['s:1']);
    clock.advance(RECRUIT_MS - 1);
    present = ['b:1'];
    clock.advance(10 * RECRUIT_MS);
    expect(said).toEqual([]);
  });

  test('comes before those the operator named, and is alive: an older offer does not count', () => {
    const one = recruiter(['named:1', 's:2']);
    one.offer(['dead:1']);
    one.offer(['s:2']);
    clock.advance(3 * RECRUIT_MS);
    expect(said).toEqual(['ask s:2', 'forget s:2', 'ask named:1', 'forget named:1', 'ask s:2']);
  });
});

test('several losses are looked at once, and none after the end', () => {
  const one = recruiter(['s:1']);
  for (let n = 0; n < 5; n++) one.look();
  expect(clock.timers).toBe(1);
  one.stop();
  clock.advance(10 * RECRUIT_MS);
  expect(said).toEqual([]);
});
