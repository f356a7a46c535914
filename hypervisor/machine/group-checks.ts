/**
 * Compares what a replayed group computed with what its records say: outputs byte for byte where the
 * log holds them, figures and memory of a checkpoint, and the `end`, whose checks place a difference
 * at its turn.
 */

import {
  asLsn,
  type CheckpointRecord,
  type EndRecord,
  type LogRecord,
  type Lsn,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import type { CheckpointFigures, MachineDivergence, ReplayGroup, TurnsResult } from '../ports.ts';
import { outputBytes } from './output-bytes.ts';

/** Undefined when the replay computed what the log says. `figures` is asked for a checkpoint only. */
export function compareGroup(
  group: ReplayGroup,
  result: TurnsResult,
  figures: () => CheckpointFigures,
): MachineDivergence | undefined {
  const last = group.records.at(-1);
  assert(last?.type === 'end', 'a group to replay is closed by its end');
  const { records, firstLsn } = group;
  const { type: _, ...expected } = last;
  const found = { expected, got: result.end, turn: firstDifferentTurn(group, last, result.end) };
  const output = compareOutputs(records, result);
  if (output !== undefined)
    return { ...found, lsn: asLsn(firstLsn + output.index), output, checkpoint: undefined };
  if (found.turn !== undefined || !sameEnd(expected, result.end)) {
    const lsn = asLsn(firstLsn + records.length - 1);
    return { ...found, lsn, output: undefined, checkpoint: undefined };
  }
  const index = records.findIndex((record) => record.type === 'checkpoint');
  const record = records[index];
  if (record?.type !== 'checkpoint') return undefined;
  const checkpoint = compareFigures(record, figures());
  if (checkpoint === undefined) return undefined;
  return { ...found, lsn: asLsn(firstLsn + index), output: undefined, checkpoint };
}

/** For who replays a group turn by turn: its end alone. */
export function compareEnd(
  lsn: Lsn,
  end: EndRecord,
  got: Omit<EndRecord, 'type'>,
): MachineDivergence | undefined {
  if (sameEnd(end, got)) return undefined;
  const { type: _, ...expected } = end;
  return { lsn, expected, got, turn: undefined, output: undefined, checkpoint: undefined };
}

function sameEnd(expected: Omit<EndRecord, 'type'>, got: Omit<EndRecord, 'type'>): boolean {
  return (
    expected.ticks === got.ticks &&
    expected.digest === got.digest &&
    expected.outputs === got.outputs &&
    expected.outputsCrc === got.outputsCrc
  );
}

/** By the checks of the turns; undefined when all agree, or the end differs and holds none. */
function firstDifferentTurn(
  group: ReplayGroup,
  expected: EndRecord,
  got: Omit<EndRecord, 'type'>,
): Lsn | undefined {
  const isSame = sameEnd(expected, got);
  const turns = group.records.flatMap((record, index) =>
    record.type === 'interrupt' ? [asLsn(group.firstLsn + index)] : [],
  );
  if (turns.length === 1) return isSame ? undefined : turns[0];
  const { checks } = expected;
  if (checks.length === 0) return undefined;
  for (let turn = 0; 2 * turn < checks.length; turn++) {
    const at = 2 * turn;
    if (checks[at] !== got.checks[at] || checks[at + 1] !== got.checks[at + 1]) return turns[turn];
  }
  // Fewer turns were recorded than ran, or two different digests end alike.
  return isSame ? undefined : turns[checks.length / 2];
}

/** `index`: of the record in the group. */
function compareOutputs(
  records: readonly LogRecord[],
  result: TurnsResult,
): (NonNullable<MachineDivergence['output']> & { readonly index: number }) | undefined {
  const first = records.findIndex((record) => record.type === 'output');
  if (first < 0) return undefined;
  const expected = records.flatMap((record) => (record.type === 'output' ? [record.bytes] : []));
  const count = Math.max(expected.length, result.outputs.length);
  for (let number = 0; number < count; number++) {
    const held = result.outputs[number];
    const got = held && outputBytes(held.output);
    const wanted = expected[number];
    if (wanted !== undefined && got !== undefined && sameBytes(wanted, got)) continue;
    const index = Math.min(first + number, records.length - 1);
    return { index, expected: wanted, got };
  }
  return undefined;
}

function compareFigures(
  { turns, heapBytes, heapBlocks, pages, memory }: CheckpointRecord,
  got: CheckpointFigures,
): MachineDivergence['checkpoint'] {
  const expected = { turns, heapBytes, heapBlocks, pages, memory };
  const same =
    turns === got.turns &&
    heapBytes === got.heapBytes &&
    heapBlocks === got.heapBlocks &&
    pages === got.pages &&
    sameBytes(memory, got.memory);
  return same ? undefined : { expected, got };
}

function sameBytes(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, at) => byte === two[at]);
}
