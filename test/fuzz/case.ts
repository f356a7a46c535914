/**
 * One case of the fuzzer: a program and a schedule, recorded live, replayed turn by turn in lock-step
 * with the recording, and replayed group by group as a backup does. All three must agree in every
 * output byte, figure and byte of memory.
 */

import fc from 'fast-check';
import { ENGINE_IMPORTS } from '../../hypervisor/machine/engine-abi.ts';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { HeldOutput, ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import {
  compareRuns,
  comparisonReport,
  type Side,
  turnsOf,
} from '../../hypervisor/timeline/compare-runs.ts';
import { firstDifferingByte } from '../../hypervisor/timeline/first-difference.ts';
import { asMicros } from '../../log-format/index.ts';
import { TEST_HEADER } from '../support/guest-runner.ts';
import { type Built, type EngineTap, extent, type MachineWorks } from './machines.ts';
import { program } from './program.ts';
import { type Recording, record, recordedSide } from './record.ts';
import { throughCodec } from './records.ts';
import { type Schedule, schedule } from './schedule.ts';

export interface Case {
  readonly program: string;
  readonly schedule: Schedule;
}

export const fuzzCase: fc.Arbitrary<Case> = fc.record({ program, schedule });

/** The case of a seed: the same for ever with the same arbitraries. */
export function caseOf(seed: number): Case {
  const [only] = fc.sample(fuzzCase, { seed, numRuns: 1 });
  if (only === undefined) throw new Error('a seed gives a case');
  return only;
}

export interface Outcome {
  readonly turns: number;
  readonly records: number;
  readonly midTurns: number;
  readonly outputBytes: number;
  /** The main script itself threw: the program did not get to its end. */
  readonly threwAtTop: boolean;
  /** Text of the first difference; undefined when all runs agree. */
  readonly divergence: string | undefined;
}

export interface CaseOptions {
  /** A bug planted into the replayed machine: its `Date` is a millisecond ahead. */
  readonly planted?: boolean;
  /** The backup boots its firmware instead of waking the golden image. */
  readonly cold?: boolean;
}

const NO_WORLD: ConstructorParameters<typeof LocalMachine>[1] = {
  wall: () => asMicros(0),
  stopRequested: () => undefined,
};

const AHEAD: EngineTap = {
  imports: (real) => ({
    [ENGINE_IMPORTS.dateNow]: () => (real[ENGINE_IMPORTS.dateNow]?.() ?? 0) + 1,
  }),
  exports: () => ({}),
};

export function runCase(works: MachineWorks, one: Case, options: CaseOptions = {}): Outcome {
  const image = new TextEncoder().encode(one.program);
  const { seed, turnTicksMax = 0 } = one.schedule;
  const header = { seed: seed.toString(16).padStart(64, '0'), turnTicksMax };
  const build = (cold = false): Built => works.build({ image, header, cold });
  const live = build();
  const recording = record(live, one.schedule);
  const groups = throughCodec(recording.groups, TEST_HEADER.startedAt);
  const again = options.planted ? works.build({ image, header, tap: AHEAD }) : build();
  const other = build(options.cold === true);
  const divergence =
    replayTurns(recording, groups, again) ?? replayGroups(recording, groups, other);
  for (const built of [live, again, other]) works.release(built);
  return {
    turns: recording.answers.size,
    records: recording.groups.reduce((sum, { records }) => sum + records.length, 0),
    midTurns: recording.midTurns,
    ...consoleOf(recording),
    divergence,
  };
}

function consoleOf({ answers }: Recording): Pick<Outcome, 'outputBytes' | 'threwAtTop'> {
  let outputBytes = 0;
  let first = '';
  for (const [index, { outputs }] of [...answers.values()].entries())
    for (const { output } of outputs) {
      if (output.device !== 'console') continue;
      outputBytes += output.bytes.length;
      if (index === 0) first += new TextDecoder().decode(output.bytes);
    }
  return { outputBytes, threwAtTop: !first.includes('end of main') };
}

/** In lock-step with the recording: names the turn and the byte. */
function replayTurns(
  recording: Recording,
  groups: readonly ReplayGroup[],
  built: Built,
): string | undefined {
  const port = new LocalMachine(built.machine, NO_WORLD);
  const right: Side = {
    name: 'replayed',
    settle: (group, done) => port.settle(group, done),
    memory: () => extent(built),
  };
  const left = recordedSide(recording);
  const { difference } = compareRuns({ left, right, groups, memory: 'lastTurn' });
  if (difference === undefined) return undefined;
  const names = { left: left.name, right: right.name, startedAt: TEST_HEADER.startedAt };
  return comparisonReport(difference, names);
}

/** As a backup: whole groups, checked against their ends; then memory. */
function replayGroups(
  { answers, built: live }: Recording,
  groups: readonly ReplayGroup[],
  built: Built,
): string | undefined {
  const port = new LocalMachine(built.machine, NO_WORLD);
  for (const group of groups) {
    let found: string | undefined;
    const turns = turnsOf(group).flatMap(({ firstLsn }) => answers.get(firstLsn) ?? []);
    port.replay(group, (result, divergence) => {
      if (divergence !== undefined)
        found = `the backup's end differs at lsn ${divergence.lsn}: ${JSON.stringify(divergence)}`;
      else if (!sameGroup(turns, result)) found = `the backup's group at ${group.firstLsn} differs`;
    });
    if (found !== undefined) return found;
  }
  const byte = firstDifferingByte(extent(live), extent(built));
  return byte && `the backup's memory differs at ${byte.offset}: ${byte.left} and ${byte.right}`;
}

function sameGroup(turns: readonly TurnsResult[], group: TurnsResult): boolean {
  const outputs = turns.flatMap((turn) => turn.outputs);
  const last = turns.at(-1);
  return (
    outputs.length === group.outputs.length &&
    outputs.every((held, index) => sameOutput(held, group.outputs[index])) &&
    last?.alarmAt === group.alarmAt &&
    last?.immediatesLeft === group.immediatesLeft &&
    last?.halted?.code === group.halted?.code
  );
}

function sameOutput(left: HeldOutput, right: HeldOutput | undefined): boolean {
  if (right === undefined || left.lsn !== right.lsn) return false;
  const others = Object.entries(right.output);
  return Object.entries(left.output).every(([, value], index) => {
    const other: unknown = others[index]?.[1];
    if (!(value instanceof Uint8Array)) return value === other;
    return other instanceof Uint8Array && Buffer.compare(value, other) === 0;
  });
}
