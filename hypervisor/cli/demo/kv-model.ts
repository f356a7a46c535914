/**
 * What a client of the key-value demo does and what must come of it. Operations are numbered from 1
 * and fully determined by their number, so the state after k of them is known, and what is read back
 * after a failover says which k it was. Pure: sockets are in kv-client.ts.
 *
 * One reset connection leaves a client with acknowledged operations 1..acked and, after them,
 * operations up to `sent` that may have happened or not. A connection delivers in order, so exactly
 * the states k with acked <= k <= sent are right; everything else is a fault.
 */

import type { Tally } from './tally.ts';

/** Operations that share a log key: bounds what one APPEND copies and one read-back transfers. */
export const SEGMENT_OPERATIONS = 2_000;

const KINDS = 4;

export interface Operation {
  readonly number: number;
  readonly words: readonly string[];
  /** The only right reply, as `describeReply` prints it. */
  readonly expected: string;
}

/** The values of a client's keys; `log` is its log keys in order, joined. */
export interface ReadBack {
  readonly log: string;
  readonly count: string | undefined;
  readonly register: string | undefined;
  /** First operation whose append `log` can hold: older log keys are not read at every failover. */
  readonly logFrom: number;
}

/** Issues operations in order and knows each one's reply. */
export class KvScript {
  readonly prefix: string;
  #next = 1;
  #logLength = 0;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** Number of the operation `issue` returns next. */
  get next(): number {
    return this.#next;
  }

  issue(): Operation {
    const number = this.#next;
    this.#next += 1;
    if ((number - 1) % SEGMENT_OPERATIONS === 0) this.#logLength = 0;
    switch (number % KINDS) {
      case 1: {
        const token = `${number},`;
        this.#logLength += token.length;
        const words = ['APPEND', this.logKey(segmentOf(number)), token];
        return { number, words, expected: String(this.#logLength) };
      }
      case 2:
        return {
          number,
          words: ['INCR', this.countKey],
          expected: String(countAfter(number)),
        };
      case 3:
        return { number, words: ['SET', this.registerKey, String(number)], expected: 'OK' };
      default:
        return {
          number,
          words: ['GET', this.registerKey],
          expected: String(registerAfter(number)),
        };
    }
  }

  /** The next operation is the one after `applied`. */
  rewind(applied: number): void {
    this.#next = applied + 1;
    this.#logLength = 0;
    for (let n = segmentStart(applied); n <= applied; n += 1) {
      if (n % KINDS === 1) this.#logLength += String(n).length + 1;
    }
  }

  logKey(segment: number): string {
    return `${this.prefix}:log:${segment}`;
  }

  get countKey(): string {
    return `${this.prefix}:count`;
  }

  get registerKey(): string {
    return `${this.prefix}:register`;
  }
}

export function segmentOf(number: number): number {
  return Math.floor((number - 1) / SEGMENT_OPERATIONS);
}

/** First operation of the log key that operation `number` belongs to. */
export function segmentStart(number: number): number {
  return segmentOf(Math.max(number, 1)) * SEGMENT_OPERATIONS + 1;
}

/** Increments among operations 1..k. */
function countAfter(k: number): number {
  return Math.floor((k + 2) / KINDS);
}

/** Value of the register after operations 1..k; 0 when never set. */
function registerAfter(k: number): number {
  const last = k - ((k + 1) % KINDS);
  return last > 0 ? last : 0;
}

/** Appends among operations from..to, by number. */
function appendsBetween(from: number, to: number): number[] {
  const out: number[] = [];
  for (let n = from; n <= to; n += 1) if (n % KINDS === 1) out.push(n);
  return out;
}

/** States k that a key's value allows, both ends included. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Compares what was read back with what may be. Returns how many operations have been applied, or
 * undefined after a fault, which it has counted: the keys are of no further use then.
 */
export function judge(
  seen: ReadBack,
  span: { readonly acked: number; readonly sent: number },
  report: { readonly tally: Tally; readonly client: string },
): number | undefined {
  const { tally, client } = report;
  const ranges = [
    judgeLog(seen, span, report),
    judgeNumber(seen.count, countAfter, span, (fault, count) =>
      tally.fault(fault, count, `${client} counter is ${seen.count ?? 'gone'}, ${describe(span)}`),
    ),
    judgeNumber(seen.register, registerAfter, span, (fault) =>
      // A register holds one write: how many older ones went with it, the counter says.
      tally.fault(
        fault === 'doubled' ? 'wrong' : fault,
        1,
        `${client} register is ${seen.register ?? 'gone'}, ${describe(span)}`,
      ),
    ),
  ];
  let from = span.acked;
  let to = span.sent;
  for (const range of ranges) {
    if (range === undefined) return undefined;
    from = Math.max(from, range.from);
    to = Math.min(to, range.to);
  }
  if (from <= to) return from;
  tally.fault(
    'outOfOrder',
    1,
    `${client} keys disagree about which operation was the last: ` +
      ranges.map((range) => `${range?.from}-${range?.to}`).join(', '),
  );
  return undefined;
}

function describe(span: { readonly acked: number; readonly sent: number }): string {
  return `operations acknowledged ${span.acked}, sent ${span.sent}`;
}

function judgeLog(
  seen: ReadBack,
  span: { readonly acked: number; readonly sent: number },
  report: { readonly tally: Tally; readonly client: string },
): Range | undefined {
  const { tally, client } = report;
  const times = new Map<number, number>();
  let inversions = 0;
  let previous = 0;
  for (const token of seen.log.split(',').slice(0, -1)) {
    const number = Number(token);
    inversions += number < previous ? 1 : 0;
    previous = number;
    times.set(number, (times.get(number) ?? 0) + 1);
  }
  const acked = appendsBetween(seen.logFrom, span.acked);
  const open = appendsBetween(Math.max(seen.logFrom, span.acked + 1), span.sent);
  const lost = acked.filter((n) => !times.has(n));
  const doubled = [...times].filter(([, count]) => count > 1);
  const foreign = [...times.keys()].filter((n) => !isAppend(n, seen.logFrom, span.sent));
  const present = open.filter((n) => times.has(n));
  const holes = present.filter((n, i) => n !== open[i]);
  const unterminated = seen.log !== '' && !seen.log.endsWith(',');

  tally.fault('lost', lost.length, `${client} appends ${sample(lost)}, ${describe(span)}`);
  const extra = doubled.reduce((sum, [, count]) => sum + count - 1, 0);
  tally.fault('doubled', extra, `${client} appends ${sample(doubled.map(([n]) => n))}`);
  tally.fault('outOfOrder', inversions, `${client} appends stand in another order than sent`);
  tally.fault(
    'outOfOrder',
    holes.length,
    `${client} appends ${sample(holes)} without those before`,
  );
  tally.fault('wrong', foreign.length, `${client} appends ${sample(foreign)} never sent`);
  tally.fault('wrong', unterminated ? 1 : 0, `${client} log ends inside an entry`);
  if (lost.length + extra + inversions + holes.length + foreign.length > 0 || unterminated) {
    return undefined;
  }
  const nextOpen = open[present.length];
  return {
    from: Math.max(span.acked, present.at(-1) ?? 0),
    to: nextOpen === undefined ? span.sent : nextOpen - 1,
  };
}

function isAppend(n: number, from: number, to: number): boolean {
  return Number.isInteger(n) && n % KINDS === 1 && n >= from && n <= to;
}

function sample(numbers: readonly number[]): string {
  return numbers.length > 5
    ? `${numbers.slice(0, 5).join(' ')} and ${numbers.length - 5} more`
    : numbers.join(' ');
}

/** A key whose value grows with the state: `valueAfter(k)` never falls. */
function judgeNumber(
  text: string | undefined,
  valueAfter: (k: number) => number,
  span: { readonly acked: number; readonly sent: number },
  fault: (fault: 'lost' | 'doubled' | 'wrong', count: number) => void,
): Range | undefined {
  const value = Number(text ?? 0);
  const least = valueAfter(span.acked);
  const most = valueAfter(span.sent);
  if (!Number.isInteger(value)) fault('wrong', 1);
  else if (value < least) fault('lost', least - value);
  else if (value > most) fault('doubled', value - most);
  else {
    let from = span.acked;
    while (from < span.sent && valueAfter(from) < value) from += 1;
    let to = from;
    while (to < span.sent && valueAfter(to + 1) === value) to += 1;
    if (valueAfter(from) === value) return { from, to };
    fault('wrong', 1);
  }
  return undefined;
}
