/**
 * What happened between a kill and the first output of the new primary, from the events the replicas
 * wrote, and the lines and the verdict a person reads. Pure.
 */

import { quantilesOf } from './quantiles.ts';
import type { Tally } from './tally.ts';

/** One line of a replica's event stream. `at` is wall time in microseconds. */
export interface ReplicaEvent {
  readonly evt: string;
  readonly at: number;
  readonly epoch?: number;
}

/** Undefined when the line is no event: a replica that writes nonsense is reported, not trusted. */
export function parseEvent(line: string): ReplicaEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { evt, at, epoch } = value as Record<string, unknown>;
  if (typeof evt !== 'string' || typeof at !== 'number') return undefined;
  return { evt, at, ...(typeof epoch === 'number' ? { epoch } : {}) };
}

/** Whether a primary has a backup, by the last thing it said about it. */
export function isProtected(events: readonly ReplicaEvent[]): boolean {
  const last = events.findLast(({ evt }) => evt === 'protected' || evt === 'unprotected');
  return last?.evt === 'protected';
}

/** The phases of a failover, in the order they happen, with the words for people. */
export const PHASES = [
  ['suspected', 'suspected'],
  ['claimed', 'claimed'],
  ['tail.replayed', 'tail replayed'],
  ['live', 'live'],
  ['first.output', 'first output'],
] as const;
export type Phase = (typeof PHASES)[number][0];

export interface Failover {
  /** Seconds since the demo began. */
  readonly second: number;
  readonly pid: number;
  readonly epoch: number | undefined;
  /** Milliseconds from the kill to each phase; a phase that did not come is absent. */
  readonly phasesMs: Readonly<Partial<Record<Phase, number>>>;
  /** Longest wait of a client around this kill; undefined when none was cut off. */
  readonly gapMs: number | undefined;
}

/** Clocks of two processes on one machine may differ by this much: wall time counts whole ms. */
const SKEW_MICROS = 2_000;

/** Milliseconds from the kill to the first event of each phase. */
export function phasesAfter(
  killedAt: number,
  events: readonly ReplicaEvent[],
): Partial<Record<Phase, number>> {
  const out: Partial<Record<Phase, number>> = {};
  for (const [phase] of PHASES) {
    const event = events.find((one) => one.evt === phase && one.at >= killedAt - SKEW_MICROS);
    if (event !== undefined) out[phase] = Math.max(0, event.at - killedAt) / 1000;
  }
  return out;
}

export function failoverLine(failover: Failover): string {
  const { second } = failover;
  const clock = `${String(Math.floor(second / 60)).padStart(2, '0')}:${String(Math.floor(second % 60)).padStart(2, '0')}`;
  const phases = PHASES.map(([phase, words]) => {
    const ms = failover.phasesMs[phase];
    return ms === undefined ? undefined : `${words} +${ms.toFixed(1)} ms`;
  });
  const gap =
    failover.gapMs === undefined
      ? 'no client was cut off'
      : `longest client gap ${failover.gapMs.toFixed(1)} ms`;
  const epoch = failover.epoch === undefined ? [] : [`epoch ${failover.epoch}`];
  return [
    `${clock}  kill -9 primary (pid ${failover.pid})`,
    ...epoch,
    ...phases.filter((text) => text !== undefined),
    gap,
  ].join('  ');
}

export interface Verdict {
  readonly evt: 'verdict';
  readonly ok: boolean;
  readonly seconds: number;
  readonly requests: number;
  readonly answered: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly wrong: number;
  readonly stuck: number;
  readonly failovers: number;
  /** Backups a primary gave up although nobody had killed them. */
  readonly backupsDropped: number;
  /** Absent without a failover that cut a client off. */
  readonly gapMs?: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly findings: readonly string[];
}

/** `seconds` is how long the load ran. */
export function verdictOf(
  tally: Tally,
  run: { seconds: number; failovers: number; backupsDropped: number },
): Verdict {
  const gaps = quantilesOf(tally.gapsMs);
  return {
    evt: 'verdict',
    // Nothing lost of nothing answered proves nothing.
    ok: tally.clean && tally.answered > 0,
    seconds: Math.round(run.seconds * 10) / 10,
    requests: tally.requests,
    answered: tally.answered,
    lost: tally.lost,
    doubled: tally.doubled,
    outOfOrder: tally.outOfOrder,
    wrong: tally.wrong,
    stuck: tally.stuck,
    failovers: run.failovers,
    backupsDropped: run.backupsDropped,
    ...(gaps === undefined
      ? {}
      : { gapMs: { p50: round(gaps.p50), p99: round(gaps.p99), max: round(gaps.max) } }),
    findings: tally.findings,
  };
}

export function verdictLines(verdict: Verdict): string[] {
  const { requests, answered } = verdict;
  const count = (n: number): string => n.toLocaleString('en-US');
  const settled =
    requests > answered
      ? ` (${count(requests - answered)} cut off by a kill and settled by reading back)`
      : '';
  const gap =
    verdict.gapMs === undefined
      ? 'no client was cut off'
      : `client gap p50 ${verdict.gapMs.p50} ms, p99 ${verdict.gapMs.p99} ms, max ${verdict.gapMs.max} ms`;
  return [
    `${verdict.seconds} s: ${count(requests)} requests, ${count(answered)} answered${settled}`,
    `${verdict.lost} lost, ${verdict.doubled} doubled, ${verdict.outOfOrder} out of order, ` +
      `${verdict.wrong} wrong, ${verdict.stuck} clients stuck`,
    `${verdict.failovers} failovers, ${gap}`,
    ...(verdict.backupsDropped === 0
      ? []
      : [`${verdict.backupsDropped} backups dropped as too slow and replaced`]),
    ...verdict.findings.map((finding) => `  ${finding}`),
  ];
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
