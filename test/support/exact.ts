/**
 * Counts what was lost and doubled, without a search: the last read of a list must hold every
 * acknowledged append once, those that were cut off at most once, each client's in its order; a number
 * must lie between what was acknowledged and that with what was cut off.
 */

import type { Operation } from './history.ts';

export interface ExactCount {
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly findings: readonly string[];
}

/** `history`: as `History.operations` gives it. The last read of each key began after all else ended. */
export function countExactly(history: ReadonlyMap<string, readonly Operation[]>): ExactCount {
  const total = { lost: 0, doubled: 0, outOfOrder: 0, findings: [] as string[] };
  for (const [key, operations] of history) {
    const last = operations.findLast(({ call, end }) => call.type === 'get' && end !== Infinity);
    if (last === undefined) continue;
    const kinds = new Set(operations.map(({ call }) => call.type));
    if (kinds.has('set')) continue;
    if (kinds.has('append')) countList(key, operations, String(last.answer ?? ''), total);
    else if (kinds.has('increment')) countNumber(key, operations, Number(last.answer ?? 0), total);
  }
  return total;
}

interface Total {
  lost: number;
  doubled: number;
  outOfOrder: number;
  readonly findings: string[];
}

function countList(
  key: string,
  operations: readonly Operation[],
  value: string,
  total: Total,
): void {
  const places = new Map<string, number>();
  for (const [place, text] of value.split(',').entries()) {
    if (text === '') continue;
    if (places.has(text)) {
      total.doubled += 1;
      total.findings.push(`${key}: ${text} is there twice`);
    }
    places.set(text, place);
  }
  const reached = new Map<number, number>();
  for (const { client, call, end } of operations) {
    if (call.type !== 'append') continue;
    const text = call.value.slice(0, -1);
    const place = places.get(text);
    if (place === undefined) {
      if (end === Infinity) continue;
      total.lost += 1;
      total.findings.push(`${key}: ${text} was acknowledged and is not there`);
    } else if (place < (reached.get(client) ?? -1)) {
      total.outOfOrder += 1;
      total.findings.push(`${key}: ${text} stands before an earlier one of client ${client}`);
    } else reached.set(client, place);
  }
}

function countNumber(
  key: string,
  operations: readonly Operation[],
  value: number,
  total: Total,
): void {
  const increments = operations.filter(({ call }) => call.type === 'increment');
  const acknowledged = increments.filter(({ end }) => end !== Infinity).length;
  if (value < acknowledged) {
    total.lost += acknowledged - value;
    total.findings.push(`${key}: ${acknowledged} increments were acknowledged, it is ${value}`);
  }
  if (value > increments.length) {
    total.doubled += value - increments.length;
    total.findings.push(`${key}: ${increments.length} increments were sent, it is ${value}`);
  }
}
