/**
 * Two machines in lock-step over the same records, turn by turn, up to the first turn in which they
 * differ. A group's `end` says that some turn of it went another way; this says which one, and where.
 */

import {
  asLsn,
  asMicros,
  asTicks,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  type MidTurnRecord,
} from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';
import type { MachinePort, ReplayGroup, TurnsResult } from '../ports.ts';
import { recordLine } from './divergence.ts';
import {
  type DifferingByte,
  type FirstDifference,
  firstDifference,
  type Place,
  StreamOffsets,
  type TurnAnswer,
} from './first-difference.ts';

/** One of the two: a machine in the caller's thread, or the answers it once gave. */
export interface Side {
  /** For people: `recorded`, `replayed`, a host's name. */
  readonly name: string;
  /** Answers before it returns; `group` holds one turn. */
  readonly settle: MachinePort['settle'];
  /** Guest memory as it is now. Both sides have it, or it is not compared. */
  readonly memory?: () => Uint8Array;
}

export interface ComparisonOptions {
  readonly left: Side;
  readonly right: Side;
  /** Groups as for `MachinePort.replay`, in order; their `end` records are not looked at. */
  readonly groups: Iterable<ReplayGroup>;
  /**
   * When memory is compared. After every turn names the very turn at the price of reading all of it
   * each time; after the last one names that turn, whichever it was that went wrong.
   */
  readonly memory?: 'everyTurn' | 'lastTurn';
}

export interface Comparison {
  /** Turns both sides have run. */
  readonly turns: number;
  readonly difference: FirstDifference | undefined;
}

/** Runs both sides and stops at the first turn that differs. */
export function compareRuns({ left, right, groups, memory }: ComparisonOptions): Comparison {
  const offsets = new StreamOffsets();
  let turns = 0;
  let last: { group: ReplayGroup; answers: readonly [TurnsResult, TurnsResult] } | undefined;
  const compare = (
    group: ReplayGroup,
    [one, other]: readonly [TurnsResult, TurnsResult],
    { looks }: { looks: boolean },
  ): FirstDifference | undefined => {
    const answers = [answer(one, left, looks), answer(other, right, looks)] as const;
    const found = firstDifference(...answers, offsets);
    const record = group.records[0];
    return (
      found && {
        lsn: group.firstLsn,
        record: record?.type === 'interrupt' ? record : undefined,
        ...found,
      }
    );
  };
  for (const group of groups) {
    for (const turn of turnsOf(group)) {
      const answers = [settled(left, turn), settled(right, turn)] as const;
      turns += 1;
      const difference = compare(turn, answers, { looks: memory === 'everyTurn' });
      if (difference !== undefined) return { turns, difference };
      offsets.add(answers[0].outputs);
      last = { group: turn, answers };
    }
  }
  if (memory !== 'lastTurn' || last === undefined) return { turns, difference: undefined };
  return { turns, difference: compare(last.group, last.answers, { looks: true }) };
}

function settled(side: Side, turn: ReplayGroup): TurnsResult {
  let result: TurnsResult | undefined;
  side.settle(turn, (given) => {
    result = given;
  });
  return defined(result, 'a side of a comparison answers before it returns');
}

function answer(result: TurnsResult, side: Side, looks: boolean): TurnAnswer {
  return { result, memory: looks ? side.memory?.() : undefined };
}

/** In the place of another turn's interrupt: a mid-turn record of no turn applies nowhere. */
const NOWHERE: MidTurnRecord = {
  type: 'resync',
  turn: asLsn(0),
  ticks: asTicks(0),
  time: asMicros(0),
};

/**
 * The turns of a group as groups of their own, without an end. Every record keeps its lsn, because
 * outputs are held for it.
 */
export function turnsOf({ firstLsn, records }: ReplayGroup): ReplayGroup[] {
  return records.flatMap((record, index) => {
    if (record.type !== 'interrupt') return [];
    const lsn = asLsn(firstLsn + index);
    const until = records.findLastIndex((one) => 'turn' in one && one.turn === lsn);
    const rest = records.slice(index + 1, until + 1).map(ownOf(lsn));
    return [{ firstLsn: lsn, records: [record, ...rest] }];
  });
}

function ownOf(turn: Lsn): (record: LogRecord) => LogRecord {
  return (record) => ('turn' in record && record.turn === turn ? record : NOWHERE);
}

/** The whole report, several lines, without a final newline. */
export function comparisonReport(
  difference: FirstDifference,
  { left, right, startedAt }: { left: string; right: string; startedAt: Micros },
): string {
  const width = Math.max(left.length, right.length);
  const names = [left.padEnd(width), right.padEnd(width)] as const;
  const { lsn, record, place, figures } = difference;
  const shown = figures.map(
    (figure) =>
      `      ${figure.name.padEnd(11)} ${names[0]} ${figure.left}   ${names[1]} ${figure.right}`,
  );
  return [
    `FIRST DIFFERENCE in the turn at lsn ${lsn}: ${placeText(place, names)}`,
    ...contextOf(place, names),
    ...shown,
    '    the turn:',
    `      ${turnLine(lsn, record, startedAt)}`,
  ].join('\n');
}

function turnLine(lsn: Lsn, record: InterruptRecord | undefined, startedAt: Micros): string {
  return record === undefined ? `lsn ${lsn}` : recordLine(lsn, record, startedAt);
}

function placeText(place: Place, names: readonly [string, string]): string {
  const sides = (left: string, right: string): string =>
    `${names[0].trimEnd()} ${left}, ${names[1].trimEnd()} ${right}`;
  if (place.type === 'figure')
    return `outputs agree, ${place.figure.name} ${sides(place.figure.left, place.figure.right)}`;
  if (place.type === 'outputField')
    return `output ${place.index}, ${place.field} ${sides(place.left, place.right)}`;
  const { offset, left, right } = place.byte;
  const values = sides(byteText(left), byteText(right));
  if (place.type === 'memory') return `outputs agree, memory at 0x${offset.toString(16)} ${values}`;
  return `output ${place.index}, ${place.stream}, byte ${offset}, byte ${place.streamOffset} of the stream, ${values}`;
}

function contextOf(place: Place, names: readonly [string, string]): string[] {
  if (place.type !== 'outputByte' && place.type !== 'memory') return [];
  const show = place.type === 'memory' ? hexText : quoted;
  const { context } = place.byte;
  assert(context.from <= place.byte.offset, 'a context begins before its byte');
  return [
    `      ${names[0]} ${show(context.left, place.byte)}`,
    `      ${names[1]} ${show(context.right, place.byte)}`,
  ];
}

function byteText(byte: number | undefined): string {
  return byte === undefined ? 'has none' : `0x${byte.toString(16).padStart(2, '0')}`;
}

/** Latin-1 with escapes, the differing byte between ⟦ ⟧. */
function quoted(bytes: Uint8Array, { offset, context }: DifferingByte): string {
  const at = offset - context.from;
  const text = (part: Uint8Array): string =>
    JSON.stringify(new TextDecoder('latin1').decode(part)).slice(1, -1);
  return `"${text(bytes.subarray(0, at))}⟦${text(bytes.subarray(at, at + 1))}⟧${text(bytes.subarray(at + 1))}"`;
}

function hexText(bytes: Uint8Array, { offset, context }: DifferingByte): string {
  return [...bytes]
    .map((byte, index) => {
      const digits = byte.toString(16).padStart(2, '0');
      return index === offset - context.from ? `⟦${digits}⟧` : digits;
    })
    .join(' ');
}
