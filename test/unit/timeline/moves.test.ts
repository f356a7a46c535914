/** What a timeline does on its way: places inside turns, checks, outputs, searches. */

import { describe, expect, test } from 'vitest';
import { accepted, received } from '../../../bench/recorder.ts';
import { recordedSources } from '../../../hypervisor/machine/local-machine.ts';
import {
  type Checkpoints,
  LayeredCheckpoints,
  MemoryCheckpoints,
} from '../../../hypervisor/timeline/checkpoints.ts';
import { findFirst } from '../../../hypervisor/timeline/find.ts';
import { groupAround, groupFrom } from '../../../hypervisor/timeline/log-groups.ts';
import type { Timeline } from '../../../hypervisor/timeline/timeline.ts';
import {
  INTERRUPT,
  type LogRecord,
  type Lsn,
  sha256Hex,
  toHex,
} from '../../../log-format/index.ts';
import {
  forged,
  inspectorOf,
  lsn,
  openGolden,
  placeOf,
  record,
  straight,
  timelineOf,
  type World,
} from './timeline-world.ts';

/** Counts in a loop whose length is what a client sends, and says how far it came. */
const COUNTING = `
let rounds = 0, turns = 0, blinking = false;
require('net').createServer((socket) => socket.on('data', (data) => {
  turns += 1;
  blinking = turns % 7 === 3;
  for (let left = Number(data); left > 0; left--) rounds += 1;
  socket.write('r' + rounds + ' ' + Date.now() + '\\n');
})).listen(4000);
console.log('listening');
`;

const drive = (groups: number) => (recorder: Parameters<Parameters<typeof record>[1]>[0]) => {
  recorder.group([accepted(2), accepted(4)]);
  for (let group = 0; group < groups; group++)
    recorder.group([
      received(2, String(100 + group)),
      received(4, String(50 * group)),
      received(2, '7'),
    ]);
};

const counting = (groups = 12): Promise<World> => record(COUNTING, drive(groups));

const look = (world: World) => {
  const inspector = inspectorOf(world);
  return (timeline: Timeline, expression: string): unknown => {
    inspector.load(timeline.inspect());
    const found = inspector.evaluate(expression, { ticksMax: 1_000_000 });
    return found.ok ? found.json : found.error;
  };
};

/** The lsn of turn number `number` (from 1) whose record `accepts` takes. */
function nth(world: World, number: number, accepts: (record: LogRecord) => boolean): number {
  let left = number;
  for (let at = 1; at <= world.index.lastLsn; at++) {
    const found = world.index.record(lsn(at));
    if (found !== undefined && accepts(found) && --left === 0) return at;
  }
  throw new Error('there is no such record');
}

const NOTHING = { nextTicks: () => Number.POSITIVE_INFINITY, poll: () => undefined };

const isData = (one: LogRecord): boolean =>
  one.type === 'interrupt' && one.kind === INTERRUPT.netData;

describe('a place inside a turn', () => {
  test('is what the guest was at exactly that tick, and leaves no trace', async () => {
    const world = await counting();
    const expected = straight(world);
    const at = nth(world, 20, isData);
    const timeline = timelineOf(world);
    timeline.goto(lsn(at));
    const { from, to } = timeline.turnSpan ?? { from: 0, to: 0 };
    expect(to - from).toBeGreaterThan(300);
    const see = look(world);
    const rounds: unknown[] = [];
    for (const ticks of [from, from + 1, from + 150, from + 151, from + 300, to - 1, to]) {
      expect(timeline.gotoTick(lsn(at), ticks, { relative: false })).toBe('arrived');
      expect(timeline.position).toEqual({ lsn: at, ticks });
      const { memory, stackPointer, now } = timeline.inspect();
      const other = copyAt(world, at, ticks);
      expect(toHex(memory)).toBe(toHex(other.memory));
      expect({ stackPointer, now }).toEqual({ stackPointer: other.stackPointer, now: other.now });
      rounds.push(see(timeline, 'rounds'));
      const [, , hash] = expected.get(at)?.split(' ') ?? [];
      expect(sha256Hex(timeline.memory())).toBe(hash);
    }
    const numbers = rounds.map(Number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBeGreaterThan(3);
    timeline.gotoTick(lsn(at), 150, { relative: true });
    expect(timeline.position.ticks).toBe(from + 150);
    expect(see(timeline, 'rounds')).toBe(numbers[2]);
    expect(timeline.step(1)).toBe('arrived');
    expect(timeline.position).toEqual({ lsn: at, ticks: undefined });
    expect(placeOf(timeline)).toBe(expected.get(at));
  });

  test('that the turn does not have, or in no turn, is refused with what there is', async () => {
    const world = await counting(3);
    const timeline = timelineOf(world);
    const at = nth(world, 2, isData);
    timeline.goto(lsn(at));
    const span = timeline.turnSpan;
    expect(() => timeline.gotoTick(lsn(at), 9e9, { relative: false })).toThrow(
      `goes from tick ${span?.from} to ${span?.to}`,
    );
    expect(timeline.position).toEqual({ lsn: at, ticks: undefined });
    expect(() => timeline.gotoTick(lsn(at), 1, { relative: false })).toThrow('is not in the turn');
    const end = nth(world, 1, (one) => one.type === 'end');
    expect(() => timeline.gotoTick(lsn(end), 0, { relative: true })).toThrow('is no turn but end');
    expect(() => timeline.goto(lsn(timeline.end + 1))).toThrow(`goes from 0 (nothing has run) to`);
  });

  test('lies before or behind a record of the same turn as its tick says', async () => {
    const world = await record(
      COUNTING,
      (recorder) => {
        recorder.group([accepted(2)]);
        recorder.group([received(2, '60000')]);
      },
      { microsPerLook: 6_000 },
    );
    const resyncs: LogRecord[] = [];
    for (let at = 1; at <= world.index.lastLsn; at++) {
      const one = world.index.record(lsn(at));
      if (one?.type === 'resync') resyncs.push(one);
    }
    expect(resyncs.length).toBeGreaterThan(2);
    const middle = resyncs[1];
    if (middle?.type !== 'resync') throw new Error('a resync is one');
    const timeline = timelineOf(world);
    const timeAt = (ticks: number): number => {
      timeline.gotoTick(middle.turn, ticks, { relative: false });
      return timeline.time;
    };
    expect(timeAt(middle.ticks)).toBeLessThan(middle.time);
    expect(timeAt(middle.ticks + 1)).toBeGreaterThanOrEqual(middle.time);
    expect(placeOf(timelineAt(world, world.index.lastLsn))).toBe(
      straight(world).get(world.index.lastLsn),
    );
  });
});

/** Memory and stack pointer at a tick, by a machine that nobody but this test drives. */
function copyAt({ index, machine }: World, at: number, ticks: number) {
  const one = machine();
  let copy:
    | { memory: Uint8Array; stackPointer: number | undefined; now: number | undefined }
    | undefined;
  const take = (): void => {
    const { memory, stackPointer, now } = one.inspectionSource();
    const used = new DataView(memory.buffer, memory.byteOffset).getUint32(86_864, true);
    copy = { memory: memory.slice(0, used), stackPointer, now };
  };
  for (let first = index.firstLsn; ; ) {
    const group = groupFrom(index, first);
    if (group === undefined) throw new Error('the place is in the log');
    for (const turn of group.turns) {
      const recorded = recordedSources(group)(turn.lsn);
      if (turn.lsn !== at) one.turn(turn.record, turn.lsn, recorded);
      else {
        if (one.ticks === ticks) take();
        const stop = { nextTicks: () => (copy ? Number.POSITIVE_INFINITY : ticks) };
        const poll = (now: number) => {
          if (now === ticks) take();
          return undefined;
        };
        one.turn(turn.record, turn.lsn, { ...stop, poll });
        if (copy === undefined) throw new Error('the tick is in the turn');
        return copy;
      }
      one.collect();
    }
    first = lsn(group.lastLsn + 1);
  }
}

function timelineAt(world: World, at: number): Timeline {
  const timeline = timelineOf(world);
  timeline.goto(lsn(at));
  return timeline;
}

describe('a divergence', () => {
  const other = (one: LogRecord): LogRecord =>
    one.type === 'interrupt' ? { ...one, payload: new TextEncoder().encode('1') } : one;

  test('is placed at its turn by the checks of the turns, and nothing behind it is reached', async () => {
    const world = await counting();
    const expected = straight(world);
    const at = nth(world, 20, isData);
    const group = groupAround(world.index, lsn(at));
    expect(group?.turns.length).toBe(3);
    const timeline = timelineOf(world, { log: forged(world.index, at, other) });
    expect(timeline.goto(timeline.end)).toBe('diverged');
    expect(timeline.divergence).toMatchObject({ turn: at });
    expect(timeline.position.lsn).toBe(at - 1);
    expect(timeline.end).toBe(at - 1);
    expect(placeOf(timeline)).toBe(expected.get(at - 1));
    expect(() => timeline.goto(lsn(at))).toThrow(
      expect.objectContaining({ code: 'HV_E_DIVERGED' }),
    );
    expect(timeline.step(1)).toBe('arrived');
    expect(timeline.position.lsn).toBe(at - 1);
    expect(timeline.back(3)).toBe('arrived');
    expect(placeOf(timeline)).toBe(expected.get(timeline.position.lsn));
    for (const kept of timeline.checkpoints.lsns()) expect(kept).toBeLessThan(at);
  });

  test('is met by a single step into its turn, before the end of the group', async () => {
    const world = await counting();
    const at = nth(world, 20, isData);
    const timeline = timelineOf(world, { log: forged(world.index, at, other) });
    timeline.goto(lsn(at - 1));
    expect(timeline.step(1)).toBe('diverged');
    expect(timeline.divergence).toMatchObject({ turn: at });
  });

  test('in a log of format 1 is met at the end of its group, which is then out of reach', () => {
    const world = openGolden('kv');
    const at = nth(world, 10, isData);
    const change = (one: LogRecord): LogRecord =>
      one.type === 'interrupt' ? { ...one, payload: new TextEncoder().encode('PING\r\n') } : one;
    const timeline = timelineOf(world, { log: forged(world.index, at, change) });
    expect(timeline.goto(timeline.end)).toBe('diverged');
    expect(timeline.position.lsn).toBeLessThan(at);
    expect(placeOf(timeline)).toBe(straight(world).get(timeline.position.lsn));
  });

  test('does not hide in a group of which only the rest was run, behind a checkpoint', async () => {
    const world = await counting();
    const at = nth(world, 20, isData);
    const end = groupAround(world.index, lsn(at))?.lastLsn ?? 0;
    const checkpoints = oneCheckpoint(world, at);
    const honest = timelineOf(world, { checkpoints });
    expect(honest.goto(lsn(end))).toBe('arrived');
    expect(placeOf(honest)).toBe(straight(world).get(end));
    const log = forged(world.index, end, (one) =>
      one.type === 'end' ? { ...one, digest: one.digest ^ 1 } : one,
    );
    const timeline = timelineOf(world, { log, checkpoints });
    expect(timeline.goto(lsn(end))).toBe('diverged');
    expect(timeline.position.lsn).toBeLessThan(end);
  });
});

/** A store with one checkpoint, in the middle of a group. */
function oneCheckpoint({ index, machine }: World, at: number): Checkpoints {
  const one = machine();
  for (let first = index.firstLsn; ; ) {
    const group = groupFrom(index, first);
    for (const turn of group?.turns ?? []) {
      if (turn.lsn > at) continue;
      one.turn(turn.record, turn.lsn, NOTHING);
      one.collect();
    }
    if (group === undefined || group.lastLsn >= at) break;
    first = lsn(group.lastLsn + 1);
  }
  const { state, memory } = one.save();
  const copy = { state, memory: memory.map((run) => ({ at: run.at, bytes: run.bytes.slice() })) };
  return {
    nearest: (place) => (place >= at ? { lsn: lsn(at) } : undefined),
    lsns: () => [lsn(at)],
    load: () => copy,
    offer: () => undefined,
  };
}

describe('a move', () => {
  test('starts from checkpoints that were there before, and does without those that are broken', async () => {
    const world = await counting();
    const expected = straight(world);
    const at = nth(world, 20, isData);
    const given = oneCheckpoint(world, at);
    const store = new MemoryCheckpoints(1 << 26);
    const layered = new LayeredCheckpoints(store, given);
    const jumping = timelineOf(world, { checkpoints: layered, now: () => 0 });
    jumping.goto(lsn(at + 1));
    expect(jumping.outputsLast(1)[0]?.turn).toBeLessThanOrEqual(at + 1);
    expect(placeOf(jumping)).toBe(expected.get(at + 1));
    expect(layered.lsns()).toEqual([at]);
    let isBroken = false;
    const broken = {
      ...given,
      nearest: (place: Lsn) => (isBroken ? undefined : given.nearest(place)),
      load: () => {
        isBroken = true;
        return undefined;
      },
    };
    const checkpoints = new LayeredCheckpoints(new MemoryCheckpoints(1 << 26), broken);
    const timeline = timelineOf(world, { checkpoints });
    expect(timeline.goto(timeline.end)).toBe('arrived');
    expect(isBroken).toBe(true);
    expect(placeOf(timeline)).toBe(expected.get(timeline.end));
  });

  test('that is interrupted ends behind a turn, from where every other goes on', async () => {
    const world = await counting();
    const expected = straight(world);
    let left = 17;
    const timeline = timelineOf(world, { shouldStop: () => left-- <= 0 });
    expect(timeline.goto(timeline.end)).toBe('interrupted');
    const { lsn: at } = timeline.position;
    expect(world.index.record(at)?.type).toBe('interrupt');
    expect(placeOf(timeline)).toBe(expected.get(at));
    left = 1_000;
    expect(timeline.goto(timeline.end)).toBe('arrived');
    expect(placeOf(timeline)).toBe(expected.get(world.index.lastLsn));
    expect(timeline.verified).toBe(world.index.lastLsn);
  });

  test('to the next turn of a connection passes all others, and stays when there is none', async () => {
    const world = await counting(3);
    const timeline = timelineOf(world);
    const fourth = ({ record: one }: { record: { id: number } }): boolean => one.id === 4;
    const seen: number[] = [];
    while (timeline.next(fourth) === 'arrived') seen.push(timeline.position.lsn);
    const wanted = Array.from({ length: world.index.records }, (_, at) => at + 1).filter((at) => {
      const one = world.index.record(lsn(at));
      return one?.type === 'interrupt' && one.id === 4;
    });
    expect(seen).toEqual(wanted);
    expect(timeline.position.lsn).toBe(wanted.at(-1));
  });

  test('group by group stops at the checks, one after the other', async () => {
    const world = await counting(3);
    const timeline = timelineOf(world);
    const types: unknown[] = [];
    while (timeline.nextGroup() === 'arrived') {
      types.push(world.index.record(timeline.position.lsn)?.type);
      expect(timeline.verified).toBe(timeline.position.lsn);
    }
    expect(new Set(types)).toEqual(new Set(['end']));
    expect(timeline.position.lsn).toBe(timeline.end);
  });

  test('into the tail of a killed process runs its turns, which nothing verifies', async () => {
    const world = await record(COUNTING, drive(4), { seal: false });
    const timeline = timelineOf(world);
    expect(world.index.record(world.index.lastLsn)?.type).toBe('interrupt');
    expect(timeline.goto(timeline.end)).toBe('arrived');
    expect(timeline.verified).toBeLessThan(timeline.end);
    expect(placeOf(timeline)).toBe(straight(world).get(world.index.lastLsn));
    timeline.back(2);
    timeline.goto(timeline.end);
    expect(placeOf(timeline)).toBe(straight(world).get(world.index.lastLsn));
  });
});

describe('outputs', () => {
  test('up to a place are the same whether they were met on the way or looked up again', async () => {
    const world = await counting(30);
    const walking = timelineOf(world, { now: () => 0 });
    const jumping = timelineOf(world);
    jumping.goto(jumping.end);
    expect(jumping.checkpoints.lsns().length).toBeGreaterThan(3);
    for (const at of [20, 47, 81, 100, 119]) {
      walking.goto(lsn(at));
      jumping.goto(lsn(at));
      for (const count of [1, 5, 40]) {
        const there = placeOf(jumping);
        expect(jumping.outputsLast(count)).toEqual(walking.outputsLast(count));
        expect(placeOf(jumping)).toBe(there);
      }
      expect(jumping.outputsSince(lsn(at - 9))).toEqual(walking.outputsSince(lsn(at - 9)));
    }
  });
});

describe('a search', () => {
  const search = async (world: World, expression: string, every: boolean) => {
    const timeline = timelineOf(world);
    const see = look(world);
    const holds = (where: Timeline): boolean => see(where, `!!(${expression})`) === true;
    const found = findFirst(timeline, { holds, every, shouldStop: () => false });
    return { ...found, at: timeline.position.lsn };
  };

  test('finds the first turn behind which it is true, as looking behind every turn does', async () => {
    const world = await counting();
    for (const expression of ['rounds > 900', 'turns >= 1', 'turns === 36', 'true']) {
      const quick = await search(world, expression, false);
      const thorough = await search(world, expression, true);
      expect(quick.lsn, expression).toBeDefined();
      expect(quick.lsn).toBe(thorough.lsn);
      expect(quick.at).toBe(quick.lsn);
      expect(quick.looks).toBeLessThanOrEqual(thorough.looks);
    }
    expect((await search(world, 'turns > 36', false)).lsn).toBeUndefined();
  });

  test('misses what is true for a moment between two looks, unless it looks behind every turn', async () => {
    const world = await counting();
    const thorough = await search(world, 'blinking', true);
    expect(thorough.lsn).toBe(nth(world, 3, isData));
    const timeline = timelineOf(world, { now: () => 0 });
    const see = look(world);
    const holds = (where: Timeline): boolean => see(where, 'blinking') === true;
    const quick = findFirst(timeline, { holds, every: false, shouldStop: () => false });
    expect(quick).toMatchObject({ lsn: undefined, end: 'arrived' });
  });

  test('leaves the machine as a straight replay would, whatever it looked at', async () => {
    const world = await counting();
    const timeline = timelineOf(world);
    const see = look(world);
    const holds = (where: Timeline): boolean =>
      see(where, 'turns++, rounds = 0, turns > 20') === true;
    const { lsn: at } = findFirst(timeline, { holds, every: false, shouldStop: () => false });
    expect(placeOf(timeline)).toBe(straight(world).get(at ?? 0));
  });
});
