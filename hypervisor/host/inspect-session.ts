/**
 * One `hv inspect`: a log, the timeline on it, and the inspector that looks into copies of its
 * machine. Answers requests one by one; nothing it does changes the log or the timeline's machine.
 */

import { asLsn, INTERRUPT } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { EVALUATION_TICKS_MAX } from '../base/limits.ts';
import { Inspector } from '../machine/inspector.ts';
import type { Checkpoints } from '../timeline/checkpoints.ts';
import { divergenceReport } from '../timeline/divergence.ts';
import { findFirst } from '../timeline/find.ts';
import type { Timeline, TimelinePosition } from '../timeline/timeline.ts';
import { diffTrees } from '../timeline/tree-diff.ts';
import type {
  EvaluationResult,
  InspectRequest,
  InspectResult,
  LogFacts,
  Packet,
  Place,
  Target,
} from './inspect-words.ts';
import type { LogIndex } from './log-index.ts';
import { engineParts } from './machine-factory.ts';
import { lsnOfTarget, openTimeline } from './open-timeline.ts';

const DIFF_LIMITS = { depth: 8, entriesMax: 10_000 };
const DIFF_CHANGES_MAX = 1_000;
/** How far back packets are looked for. */
const PACKET_RECORDS_MAX = 20_000;
const NETWORK_KINDS: ReadonlySet<number> = new Set(
  Object.entries(INTERRUPT).flatMap(([name, kind]) => (name.startsWith('net') ? [kind] : [])),
);

export interface SessionOptions {
  readonly path: string;
  /** True: what runs ends at its next turn or interrupt poll. */
  readonly shouldStop: () => boolean;
  readonly checkpoints?: Checkpoints;
}

export class InspectSession {
  readonly #index: LogIndex;
  readonly #timeline: Timeline;
  readonly #shouldStop: () => boolean;
  #inspector: Inspector | undefined;
  #isLoaded = false;
  /** On the way back to where the user was, which nothing ends early. */
  #isReturning = false;

  /** Throws what LogIndex and buildMachine throw. */
  constructor(options: SessionOptions) {
    this.#shouldStop = () => !this.#isReturning && options.shouldStop();
    const { path, checkpoints } = options;
    const { timeline, index } = openTimeline({ path, checkpoints, shouldStop: this.#shouldStop });
    this.#timeline = timeline;
    this.#index = index;
  }

  get timeline(): Timeline {
    return this.#timeline;
  }

  /** Throws HvError: HV_E_USAGE, HV_E_DIVERGED, HV_E_LOG_DAMAGED. */
  answer(request: InspectRequest): InspectResult {
    switch (request.type) {
      case 'info':
        return { type: 'info', facts: this.#facts() };
      case 'evaluate':
        return { type: 'evaluated', result: this.#evaluate(request.expression) };
      case 'variables':
        return { type: 'variables', variables: this.#loaded().variables() };
      case 'complete':
        return { type: 'completions', completions: this.#loaded().completions(request.prefix) };
      default:
        this.#isLoaded = false;
        return this.#moving(request);
    }
  }

  place(): Place {
    const { lsn, ticks } = this.#timeline.position;
    const { turn } = this.#timeline;
    return {
      lsn,
      ticks,
      micros: this.#timeline.time - this.#index.header.startedAt,
      record: this.#index.record(lsn),
      turn,
      end: this.#timeline.end,
      halted: this.#timeline.halted,
    };
  }

  close(): void {
    this.#index.close();
  }

  /** Requests that move the timeline, if only to come back. */
  #moving(
    request: Exclude<InspectRequest, { type: 'info' | 'evaluate' | 'variables' | 'complete' }>,
  ): InspectResult {
    const timeline = this.#timeline;
    switch (request.type) {
      case 'goto':
        return { type: 'moved', end: this.#goTo(request.target) };
      case 'step':
        if (timeline.position.lsn >= timeline.end) return { type: 'moved', end: 'none' };
        return { type: 'moved', end: timeline.step(request.count) };
      case 'back':
        if (timeline.position.lsn <= timeline.start) return { type: 'moved', end: 'none' };
        return { type: 'moved', end: timeline.back(request.count) };
      case 'next':
        return { type: 'moved', end: this.#next(request) ?? 'none' };
      case 'find':
        return this.#find(request.expression, request.every);
      case 'diff':
        return this.#andBack(() => this.#diff(request.from, request.to));
      case 'outputs':
        return { type: 'outputs', outputs: this.#outputs(request.count) };
      case 'packets':
        return { type: 'packets', packets: this.#packets(request.count) };
      default:
        return unreachable(request);
    }
  }

  #next({ kind, connection }: { kind: number | undefined; connection: number | undefined }) {
    if (kind === undefined && connection === undefined) return this.#timeline.nextGroup();
    return this.#timeline.next(
      ({ record }) =>
        (kind === undefined || record.kind === kind) &&
        (connection === undefined || (NETWORK_KINDS.has(record.kind) && record.id === connection)),
    );
  }

  #goTo(target: Target): 'arrived' | 'interrupted' | 'diverged' {
    if (target.type !== 'tick')
      return this.#timeline.goto(
        lsnOfTarget(target, { timeline: this.#timeline, index: this.#index }),
      );
    const { ticks, relative } = target;
    return this.#timeline.gotoTick(asLsn(target.lsn), ticks, { relative });
  }

  #loaded(): Inspector {
    if (this.#inspector === undefined) {
      const { header, blobs } = this.#index;
      const { firmware, image, sourcemap: sourceMap } = blobs;
      const shouldStop = this.#shouldStop;
      this.#inspector = new Inspector({
        parts: engineParts(),
        header,
        firmware,
        image,
        sourceMap,
        shouldStop,
      });
    }
    if (!this.#isLoaded) this.#inspector.load(this.#timeline.inspect());
    this.#isLoaded = true;
    return this.#inspector;
  }

  #evaluate(expression: string): EvaluationResult {
    const result = this.#loaded().evaluate(expression, { ticksMax: EVALUATION_TICKS_MAX });
    if (result.ok || result.kind !== 'limit' || !this.#shouldStop()) return result;
    return { ok: false, kind: 'interrupted', error: 'the expression was interrupted' };
  }

  #find(expression: string, every: boolean): InspectResult {
    const here = this.#timeline.position;
    const first = this.#evaluate(expression);
    if (!first.ok && first.kind === 'syntax') return { type: 'evaluated', result: first };
    let error: string | undefined;
    let isKnown = false;
    const holds = (): boolean => {
      this.#isLoaded = false;
      const result = this.#evaluate(`!!(${expression}\n)`);
      isKnown ||= result.ok;
      if (!result.ok) error = result.error;
      return result.ok && result.json === true;
    };
    const shouldStop = this.#shouldStop;
    const { lsn, looks, end } = findFirst(this.#timeline, { holds, every, shouldStop });
    this.#isLoaded = false;
    if (lsn === undefined) this.#return(here);
    return { type: 'found', lsn, looks, end, error: isKnown ? undefined : error };
  }

  #diff(from: Target, to: Target): InspectResult {
    const [before, after] = [from, to].map((target) => {
      this.#isLoaded = false;
      const end = this.#goTo(target);
      const { lsn } = this.#timeline.position;
      return end === 'arrived' ? { lsn, tree: this.#loaded().tree(DIFF_LIMITS) } : undefined;
    });
    if (before === undefined || after === undefined) return { type: 'moved', end: 'interrupted' };
    const changes = diffTrees(before.tree, after.tree, DIFF_CHANGES_MAX + 1);
    return {
      type: 'diff',
      from: before.lsn,
      to: after.lsn,
      changes: changes.slice(0, DIFF_CHANGES_MAX),
      cut: changes.length > DIFF_CHANGES_MAX,
    };
  }

  #outputs(count: number | undefined): Extract<InspectResult, { type: 'outputs' }>['outputs'] {
    const turn = this.#timeline.turn?.lsn;
    if (count === undefined && turn === undefined) return [];
    const turns =
      count === undefined
        ? this.#timeline.outputsSince(turn ?? this.#timeline.start)
        : this.#timeline.outputsLast(count);
    return turns.flatMap((one) => one.outputs.map(({ output }) => ({ turn: one.turn, output })));
  }

  #packets(count: number): readonly Packet[] {
    const { lsn: here } = this.#timeline.position;
    const first = Math.max(this.#index.firstLsn, here - PACKET_RECORDS_MAX);
    const packets: Packet[] = [];
    let from = here;
    for (let at = here; at >= first && packets.length < count; at = asLsn(at - 1)) {
      const record = this.#index.record(at);
      from = at;
      if (record?.type === 'interrupt' && NETWORK_KINDS.has(record.kind))
        packets.unshift({ direction: 'in', lsn: at, record });
    }
    for (const { turn, outputs } of this.#timeline.outputsSince(from))
      for (const { output } of outputs)
        if (output.device === 'net') packets.push({ direction: 'out', lsn: turn, output });
    // A stable sort: what a turn lets out comes behind what started it.
    return packets.sort((one, two) => one.lsn - two.lsn).slice(-count);
  }

  /** Does `act`, which moves, and puts the timeline back where it was. */
  #andBack(act: () => InspectResult): InspectResult {
    const here = this.#timeline.position;
    try {
      return act();
    } finally {
      this.#return(here);
    }
  }

  #return({ lsn, ticks }: TimelinePosition): void {
    this.#isLoaded = false;
    const to = asLsn(Math.min(lsn, this.#timeline.end));
    this.#isReturning = true;
    try {
      if (ticks === undefined || to !== lsn) this.#timeline.goto(to);
      else this.#timeline.gotoTick(lsn, ticks, { relative: false });
    } finally {
      this.#isReturning = false;
    }
  }

  #facts(): LogFacts {
    const { header, firstLsn, lastLsn, records, batches, segments, bytes, epoch } = this.#index;
    const { verified, checkpoints, divergence } = this.#timeline;
    return {
      header,
      firstLsn,
      lastLsn,
      records,
      batches,
      segments,
      bytes,
      epoch,
      micros: this.#lastTime() - header.startedAt,
      ending: this.#ending(),
      verified,
      checkpoints: checkpoints.lsns().length,
      divergence: divergence && { lsn: divergence.lsn, report: divergenceReport(divergence) },
    };
  }

  #ending(): LogFacts['ending'] {
    const { ending } = this.#index;
    return ending.type === 'damaged' ? { type: 'damaged', message: ending.error.message } : ending;
  }

  #lastTime(): number {
    const { lastLsn, firstLsn, header } = this.#index;
    for (let lsn = lastLsn; lsn >= firstLsn; lsn = asLsn(lsn - 1)) {
      const record = this.#index.record(lsn);
      if (record !== undefined && 'time' in record) return record.time;
    }
    return header.startedAt;
  }
}
