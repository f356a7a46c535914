import { describe, expect, test } from 'vitest';
import type { HeldOutput } from '../../../hypervisor/ports.ts';
import type { TimelineEvent } from '../../../hypervisor/timeline/export/events.ts';
import { ExportFeed, type ReplayedTurn } from '../../../hypervisor/timeline/export/feed.ts';
import { asLsn, asMicros, asTicks, type LogRecord, type Lsn } from '../../../log-format/index.ts';
import { batchOf, end, interrupt, STARTED_AT } from '../log-format/samples.ts';

const view = (): LogRecord => ({
  type: 'view',
  time: asMicros(STARTED_AT),
  epoch: batchOf(1, 1, []).epoch,
  primary: 'a',
  backups: [],
});
const resync = (turn: number): LogRecord => ({
  type: 'resync',
  turn: asLsn(turn),
  ticks: asTicks(1),
  time: asMicros(STARTED_AT + 900),
});
const exits = (lsn: number, code: number): HeldOutput => ({
  lsn: asLsn(lsn),
  output: { device: 'exit', code },
});

interface Replayed {
  /** Turns that become known with the record of this lsn; 0: with the end of the log. */
  readonly turns?: ReadonlyMap<number, readonly ReplayedTurn[]>;
  readonly divergesAt?: number;
}

/** A feed over a replay that is told what to find; what it hands on, in short. */
function feedOf({ turns = new Map(), divergesAt }: Replayed, range = { from: 1, to: 1e9 }) {
  const handed: string[] = [];
  let known: ReplayedTurn[] = [];
  const push = (event: TimelineEvent) => {
    const mark = event.shown ? '' : '-';
    if (event.type === 'record') handed.push(`${mark}${event.lsn} ${event.record.type}`);
    else if (event.output.device === 'exit')
      handed.push(
        `${mark}${event.lsn} > ${event.output.code} of ${event.turn} at ${event.time - STARTED_AT}${event.verified ? '' : ' ?'}`,
      );
  };
  const report = { records: 0, turns: 0, verified: 0, lastLsn: asLsn(0), unverifiedTurns: 1 };
  const replayer = {
    push: ({ firstLsn }: { firstLsn: Lsn }) => {
      known.push(...(turns.get(firstLsn) ?? []));
      return firstLsn !== divergesAt;
    },
    finish: () => {
      known.push(...(turns.get(0) ?? []));
      return { ...report, divergence: undefined, exit: undefined, end: undefined };
    },
  };
  const takeTurns = () => {
    const taken = known;
    known = [];
    return taken;
  };
  const replay = { replayer, takeTurns };
  const feed = new ExportFeed({ encoder: { push }, startedAt: STARTED_AT, ...range, replay });
  return { feed, handed };
}

const turn = (lsn: number, outputs: HeldOutput[]): ReplayedTurn => ({
  lsn: asLsn(lsn),
  ticks: 1,
  endedAt: STARTED_AT,
  outputs,
});

describe('a feed', () => {
  const records = [view(), interrupt(10), interrupt(20), resync(2), end(1), view()];
  const turns = new Map([[5, [turn(2, [exits(2, 21), exits(4, 22)]), turn(3, [exits(4, 31)])]]]);

  test('puts each output behind the record it depends on, with the turn it is from', () => {
    const { feed, handed } = feedOf({ turns });
    expect(feed.push(batchOf(1, 1, records), 100)).toBe(true);
    expect(handed).toEqual([
      '1 view',
      '2 interrupt',
      '2 > 21 of 2 at 10',
      '3 interrupt',
      '4 resync',
      '4 > 22 of 2 at 900',
      '4 > 31 of 3 at 900',
      '5 end',
      '6 view',
    ]);
  });

  test('hands on nothing of a group before its end agrees', () => {
    const { feed, handed } = feedOf({ turns });
    feed.push(batchOf(1, 1, records.slice(0, 4)), 100);
    expect(handed).toEqual(['1 view']);
  });

  test('hands on the records of a group that diverges and none of its outputs', () => {
    const { feed, handed } = feedOf({ turns, divergesAt: 5 });
    expect(feed.push(batchOf(1, 1, records), 100)).toBe(false);
    expect(handed).toEqual(['1 view', '2 interrupt', '3 interrupt', '4 resync', '5 end']);
    expect(feed.lastLsn).toBe(5);
  });

  test('runs the tail of a killed log, and says that nothing checks it', () => {
    const { feed, handed } = feedOf({ turns: new Map([[0, [turn(2, [exits(2, 9)])]]]) });
    feed.push(batchOf(1, 1, records.slice(0, 2)), 100);
    expect(feed.finish()?.unverifiedTurns).toBe(1);
    expect(handed).toEqual(['1 view', '2 interrupt', '2 > 9 of 2 at 10 ?']);
  });

  test('does not run the tail before damage, where what cut it may be lost', () => {
    const { feed, handed } = feedOf({ turns: new Map([[0, [turn(2, [exits(2, 9)])]]]) });
    feed.push(batchOf(1, 1, records.slice(0, 2)), 100);
    feed.abandon();
    expect(handed).toEqual(['1 view', '2 interrupt']);
  });

  test('shows a range, and stops behind the group in which it ends', () => {
    const { feed, handed } = feedOf({ turns }, { from: 3, to: 3 });
    expect(feed.push(batchOf(1, 1, records), 100)).toBe(false);
    expect(handed.filter((line) => !line.startsWith('-'))).toEqual(['3 interrupt']);
    expect(handed).not.toContain('-6 view');
  });
});
