/**
 * Every source of nondeterminism, planted into one of two machines: the comparison finds it, in the
 * very turn and at the very byte. A second, naive comparison (all outputs as text, memory byte by
 * byte) says what is right.
 */

import { describe, expect, test } from 'vitest';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { Output, ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import {
  compareRuns,
  comparisonReport,
  type Side,
  turnsOf,
} from '../../hypervisor/timeline/compare-runs.ts';
import type { FirstDifference } from '../../hypervisor/timeline/first-difference.ts';
import { asMicros } from '../../log-format/index.ts';
import { TEST_HEADER } from '../support/guest-runner.ts';
import { LONG } from '../support/long.ts';
import { type Fault, faultySide, OFFSET, Probe } from './fault-kit.ts';
import { FAULTS, SOURCE_MAPS } from './faults.ts';
import { type BuildOptions, type Built, extent, MachineWorks } from './machines.ts';
import type { Lsn } from './records.ts';
import { recordSampler, SAMPLER } from './sampler.ts';

// Small enough for the stack of a test's own thread.
const works = new MachineWorks({ stackBytes: 131_072 });
const OPTIONS: BuildOptions = {
  image: new TextEncoder().encode(SAMPLER),
  sourceMap: SOURCE_MAPS[0] as Uint8Array,
  firmware: works.firmware,
};
const history = recordSampler(works.build(OPTIONS));
const turns = history.groups.flatMap(turnsOf);

function healthy(): { side: Side; built: Built } {
  const built = works.build(OPTIONS);
  const port = new LocalMachine(built.machine, {
    wall: () => asMicros(0),
    stopRequested: () => undefined,
  });
  const settle: Side['settle'] = (turn, done) => port.settle(turn, done);
  return { side: { name: 'healthy', settle, memory: () => extent(built) }, built };
}

function faulty(fault: Fault): { side: Side; built: Built } {
  const at = history.turns.get(fault.at);
  if (at === undefined) throw new Error(`no turn is called ${fault.at}`);
  const probe = new Probe(works.golden);
  const tap = fault.tap?.(probe);
  const none = (): Record<string, never> => ({});
  const options = (fault.build ?? ((same) => same))({
    ...OPTIONS,
    ...(tap && { tap: { imports: none, exports: none, ...tap } }),
  });
  const built = works.build(options);
  return { side: faultySide(fault, { built, probe, at, turns }), built };
}

function compared(fault: Fault | undefined): ReturnType<typeof compareRuns> {
  const left = healthy();
  const right = fault === undefined ? healthy() : faulty(fault);
  const result = compareRuns({
    left: left.side,
    right: right.side,
    groups: history.groups,
    ...(fault?.withoutMemory ? {} : { memory: 'everyTurn' }),
  });
  works.release(left.built);
  works.release(right.built);
  return result;
}

interface Naive {
  readonly lsn: Lsn;
  /** First byte of all console output so far that differs. */
  readonly consoleAt: number | undefined;
  readonly memoryAt: number;
}

function settled(side: Side, turn: ReplayGroup): TurnsResult {
  const all: TurnsResult[] = [];
  side.settle(turn, (result) => all.push(result));
  return all[0] as TurnsResult;
}

function consoleText(outputs: readonly { readonly output: Output }[]): string {
  return outputs
    .map(({ output }) =>
      output.device === 'console' ? Buffer.from(output.bytes).toString('latin1') : '',
    )
    .join('');
}

function firstOf(left: ArrayLike<unknown>, right: ArrayLike<unknown>): number {
  let at = 0;
  while (at < left.length && at < right.length && left[at] === right[at]) at += 1;
  return at;
}

/** What is right, found by the simplest means. */
function naively(fault: Fault): Naive | undefined {
  const left = healthy();
  const right = faulty(fault);
  const text = ['', ''];
  for (const turn of turns) {
    const results = [settled(left.side, turn), settled(right.side, turn)] as const;
    results.forEach(({ outputs }, index) => {
      text[index] += consoleText(outputs);
    });
    const memories = [extent(left.built), extent(right.built)] as const;
    const sameMemory = fault.withoutMemory === true || Buffer.compare(...memories) === 0;
    if (JSON.stringify(results[0]) === JSON.stringify(results[1]) && sameMemory) continue;
    const [one = '', other = ''] = text;
    return {
      lsn: turn.firstLsn,
      consoleAt: one === other ? undefined : firstOf(one, other),
      memoryAt: firstOf(...memories),
    };
  }
  return undefined;
}

function report(difference: FirstDifference): string {
  return comparisonReport(difference, {
    left: 'healthy',
    right: 'faulty',
    startedAt: TEST_HEADER.startedAt,
  });
}

test('the words of the engine that faults reach for are where they look', () => {
  const { built } = healthy();
  const { runtime } = works.golden.engine;
  const word = (offset: number): number | undefined =>
    new Uint32Array(built.memory.buffer)[(runtime + offset) >> 2];
  expect(word(OFFSET.stackSize)).toBe(works.limits.stackBytes);
  expect(word(OFFSET.heapLimit)).toBe(works.limits.memoryPages * 65_536 - 16 * 1024 * 1024);
  expect(word(OFFSET.jobs)).toBe(runtime + OFFSET.jobs);
  works.release(built);
});

describe('two runs of one history', () => {
  test('do not differ when nothing is planted', () => {
    const { turns: count, difference } = compared(undefined);
    expect(difference && report(difference)).toBeUndefined();
    expect(count).toBe(turns.length);
  });

  test.each(FAULTS.map((fault, index) => [fault.name, fault, index] as const))(
    'that differ in this are told apart at the turn and the byte: %s',
    (_, fault, index) => {
      const { difference } = compared(fault);
      if (difference === undefined) throw new Error('nothing was found');
      if (process.env.SHOW) console.log(fault.name, '\n', report(difference));
      expect(difference.lsn).toBe(history.turns.get(fault.at));
      expect(report(difference)).toContain(`turn at lsn ${difference.lsn}: `);
      // The naive comparison takes as long again: the gate makes it for every third.
      if (!LONG && index % 3 !== 0) return;
      const right = naively(fault);
      if (right === undefined) throw new Error('naively, nothing was found');
      expect(difference.lsn).toBe(right.lsn);
      const { place } = difference;
      if (place.type === 'outputByte' && place.stream === 'stdout')
        expect(place.streamOffset).toBe(right.consoleAt);
      else expect(right.consoleAt === undefined || place.type === 'outputField').toBe(true);
      if (place.type === 'memory') expect(place.byte.offset).toBe(right.memoryAt);
    },
  );
});
