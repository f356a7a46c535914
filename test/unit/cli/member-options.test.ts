import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { reportLines } from '../../../hypervisor/cli/promote.ts';
import {
  type MemberOptions,
  memberOf,
  memberOptions,
} from '../../../hypervisor/cli/protection-options.ts';
import { type ForceFacts, type ForceReport, unforceable } from '../../../hypervisor/host/force.ts';
import { duePlace, everyOther } from '../../../hypervisor/host/warm-copy.ts';
import { asEpoch, asLsn, asMicros } from '../../../log-format/index.ts';
import { helloOf } from '../../support/messages.ts';

function member(...args: readonly string[]): ReturnType<typeof memberOf> {
  const command = memberOptions(new Command()).exitOverride();
  return memberOf(command.parse(args, { from: 'user' }).opts<MemberOptions>());
}

describe('the kind of a backup', () => {
  it('is hot, counted and warm by its replay, unless said otherwise', () => {
    expect(member()).toMatchObject({
      priority: 0,
      hidden: false,
      chained: false,
      cold: false,
      warm: false,
      delay: 0,
    });
  });

  it('with --delay is hidden and runs nothing, so that it can go back', () => {
    const kind = { hidden: true, cold: true, warm: true, delay: 600_000_000 };
    expect(member('--delay', '10m')).toMatchObject(kind);
  });

  it('with --from is in no view and runs the guest all the same', () => {
    expect(member('--from', 'a:1', '--from', 'b:2')).toMatchObject({ hidden: true, cold: false });
  });

  it('keeps snapshots of its own where it keeps only the log', () => {
    expect(member('--store-only', '--snapshots')).toMatchObject({ cold: true, warm: true });
    expect(() => member('--snapshots')).toThrow('--snapshots goes with --store-only');
  });

  it('has no priority where it never takes over by itself', () => {
    for (const hidden of [['--hidden'], ['--delay', '1m'], ['--from', 'a:1']])
      expect(() => member('--priority', '5', ...hidden)).toThrow('--priority has no meaning');
  });

  it('is no delay without a unit, of nothing, or of years', () => {
    for (const text of ['10', '0s', '31d', '-5m', 'soon'])
      expect(() => member('--delay', text)).toThrow('--delay cannot be');
  });
});

describe('a delayed copy', () => {
  const places = [10, 20, 30, 40].map((at) => ({ at: asMicros(at) }));

  it('is warmed up to the newest checkpoint that is as old as the delay', () => {
    const { due, later } = duePlace(places, { now: asMicros(50), delay: asMicros(25) });
    expect(due?.at).toBe(20);
    expect(later.map(({ at }) => at)).toEqual([30, 40]);
  });

  it('is left alone while no checkpoint is old enough', () => {
    const { due, later } = duePlace(places, { now: asMicros(50), delay: asMicros(100) });
    expect(due).toBeUndefined();
    expect(later).toHaveLength(4);
  });

  it('passes over every other checkpoint where there are many, never the newest', () => {
    expect(everyOther(places).map(({ at }) => at)).toEqual([20, 40]);
  });
});

describe('a promotion by force', () => {
  const history = { epochs: [], lsnFirst: asLsn(1), lsnLast: asLsn(90) };
  const facts: ForceFacts = {
    phase: 'parted',
    primary: false,
    copy: { hello: helloOf({}), history, lsnReleased: asLsn(80) },
    epoch: asEpoch(3),
    view: undefined,
  };

  it('needs a log to go on from, and a replay that does not differ', () => {
    expect(unforceable(facts)).toBeUndefined();
    expect(unforceable({ ...facts, phase: 'following' })).toBeUndefined();
    expect(unforceable({ ...facts, copy: undefined })).toContain('no log');
    expect(unforceable({ ...facts, phase: 'diverged' })).toContain('differs');
    expect(unforceable({ ...facts, phase: 'ended' })).toContain('about to end');
    expect(unforceable({ ...facts, primary: true })).toContain('primary already');
  });

  const report: ForceReport = {
    ...{ vm: 'vm', name: 'kv', replica: 'b', epoch: asEpoch(4) },
    arbiter: 'claimed',
    ...{ lsn: asLsn(70), lsnReceived: asLsn(90), lsnReleased: asLsn(80) },
  };

  it('says how much is cut off, and that answers have left because of it', () => {
    const text = reportLines(report).join('\n');
    expect(text).toContain('20 records behind it');
    expect(text).toContain('outputs of 10 of them have left');
    expect(text).toContain('the old primary is fenced');
    const whole = reportLines({ ...report, lsn: asLsn(90) }).join('\n');
    expect(whole).not.toContain('quarantine');
    expect(whole).not.toContain('never gave');
  });

  it('warns of two primaries when no arbiter answered', () => {
    const text = reportLines({ ...report, arbiter: 'unreachable', reason: 'gone' }).join('\n');
    expect(text).toContain('TWO PRIMARIES');
    expect(text).not.toContain('is fenced');
  });
});
