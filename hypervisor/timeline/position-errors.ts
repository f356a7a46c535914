/** Why a place on a timeline cannot be gone to. */

import type { Lsn } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { Divergence } from './divergence.ts';
import { type TimelineLog, type TurnSpan, turnAt } from './log-groups.ts';

export function outOfRange(lsn: number, start: Lsn, end: Lsn): HvError {
  return new HvError(
    'HV_E_USAGE',
    `position ${lsn} is out of range: this log goes from ${start} (nothing has run) to ${end}`,
  );
}

export function behindDivergence(lsn: Lsn, end: Lsn, divergence: Divergence): HvError {
  return new HvError(
    'HV_E_DIVERGED',
    `lsn ${lsn} lies behind the divergence at lsn ${divergence.lsn}: the last position is ${end}`,
    { details: { end, lsn: divergence.lsn } },
  );
}

export function noTurn(log: TimelineLog, lsn: Lsn): HvError {
  const type = log.record(lsn)?.type ?? 'nothing';
  const turn = turnAt(log, lsn);
  const hint = turn === undefined ? '' : `; the turn before it is at lsn ${turn.lsn}`;
  return new HvError('HV_E_USAGE', `lsn ${lsn} is no turn but ${type}: it has no ticks${hint}`);
}

export function noSuchTick(lsn: Lsn, tick: number, { from, to }: TurnSpan): HvError {
  return new HvError(
    'HV_E_USAGE',
    `tick ${tick} is not in the turn at lsn ${lsn}, which goes from tick ${from} to ${to} (${lsn}:+0 to ${lsn}:+${to - from})`,
  );
}
