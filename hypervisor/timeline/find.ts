/**
 * The first place on a timeline where something becomes true. Looking is expensive, so the quick way
 * looks at the ends of stretches (about as far apart as checkpoints) for the first where it holds,
 * then halves that stretch, turn by turn. It assumes that what has become true inside a stretch is
 * still true at its end; the thorough way looks behind every turn and assumes nothing.
 */

import type { Lsn } from '../../log-format/index.ts';
import { turnAfter } from './log-groups.ts';
import type { MoveEnd, Timeline } from './timeline.ts';

export interface FindOptions {
  /** Whether it holds where the timeline stands. */
  readonly holds: (timeline: Timeline) => boolean;
  /** Look behind every turn. */
  readonly every: boolean;
  readonly shouldStop: () => boolean;
}

export interface FindResult {
  /** Where it holds first; the timeline stands there. Undefined: nowhere, or the search was ended. */
  readonly lsn: Lsn | undefined;
  /** Looks taken. */
  readonly looks: number;
  /** `arrived`: the search came to its end. */
  readonly end: MoveEnd;
}

/** Searches from the timeline's start to its end, and leaves the timeline where it stopped. */
export function findFirst(timeline: Timeline, options: FindOptions): FindResult {
  let looks = 0;
  const holds = (): boolean => {
    looks += 1;
    return options.holds(timeline);
  };
  const answer = (end: MoveEnd, lsn?: Lsn): FindResult => ({ lsn, looks, end });
  timeline.goto(timeline.start);
  if (holds()) return answer('arrived', timeline.start);
  while (timeline.position.lsn < timeline.end) {
    const from = timeline.position.lsn;
    const end = options.every ? timeline.step(1) : timeline.nextStretch();
    if (end !== 'arrived') return answer(end);
    if (options.shouldStop()) return answer('interrupted');
    if (!holds()) continue;
    if (options.every) return answer('arrived', timeline.position.lsn);
    return answer('arrived', bisect(timeline, { from, holds }));
  }
  return answer('arrived');
}

/** Between `from`, where it does not hold, and the position, where it does. */
function bisect(
  timeline: Timeline,
  { from, holds }: { readonly from: Lsn; readonly holds: () => boolean },
): Lsn {
  const turns: Lsn[] = [];
  for (let at = from; ; ) {
    const turn = turnAfter(timeline.log, at);
    if (turn === undefined || turn.lsn > timeline.position.lsn) break;
    turns.push(turn.lsn);
    at = turn.lsn;
  }
  let low = 0;
  let high = turns.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    timeline.goto(turns[middle] as Lsn);
    if (holds()) high = middle;
    else low = middle + 1;
  }
  const found = turns[high] ?? timeline.position.lsn;
  timeline.goto(found);
  return found;
}
