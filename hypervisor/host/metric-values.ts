/** The figures of a replica, metric by metric. Pure: everything comes from one sight. */

import type { Distribution } from '../replica/distribution.ts';
import { type FigureName, Meters } from '../replica/meters.ts';
import { FAILOVER_CAUSES, type FailoverPhase } from './failover-phases.ts';
import { type Fields, replayRate, type Sight } from './observation.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | Distribution;
}

type Values = Map<string, readonly Sample[]>;

/** By metric name. A metric without samples here has nothing to say in this role. */
export function metricValues(sight: Sight): ReadonlyMap<string, readonly Sample[]> {
  const values: Values = new Map();
  roleValues(values, sight);
  logValues(values, sight);
  guestValues(values, sight);
  lifeValues(values, sight);
  return values;
}

function one(values: Values, name: string, value: number | Distribution | undefined): void {
  if (value !== undefined) values.set(`hv_${name}`, [{ labels: {}, value }]);
}

function many(
  values: Values,
  name: string,
  label: string,
  entries: Iterable<readonly [string, number]>,
): void {
  const samples = [...entries].map(([key, value]) => ({ labels: { [label]: key }, value }));
  values.set(`hv_${name}`, samples);
}

function roleValues(values: Values, { observer, forecast, status, arbiter, disk }: Sight): void {
  const { name = '', script = '', version = '' } = status;
  const labels = { name: String(name), script: String(script), version: String(version) };
  values.set('hv_info', [{ labels, value: 1 }]);
  one(values, 'role', 1);
  one(values, 'epoch', observer.epoch);
  one(values, 'live', Number(observer.live));
  one(values, 'protected', Number(observer.protection.protected));
  one(values, 'failover_possible', Number(forecast.possible));
  one(values, 'backups', observer.view?.backups.length ?? 0);
  one(values, 'arbiter_up', arbiter?.up === undefined ? undefined : Number(arbiter.up));
  one(values, 'arbiter_rtt_seconds', arbiter?.roundTripMs && arbiter.roundTripMs / 1000);
  one(values, 'disk_free_bytes', disk?.free);
  one(values, 'disk_used_ratio', disk?.usedRatio);
}

const LSN_STAGES: readonly (readonly [string, FigureName])[] = [
  ['appended', 'lsnAppended'],
  ['sent', 'lsnSent'],
  ['acked', 'lsnAcked'],
  ['replayed', 'lsnReplayed'],
  ['released', 'lsnReleased'],
  ['durable', 'lsnDurable'],
];

const BYTE_STAGES: readonly (readonly [string, FigureName])[] = [
  ['raw', 'rawBytes'],
  ['wire', 'wireBytes'],
  ['disk', 'diskBytes'],
];

function logValues(values: Values, { observer, behindMs, meters = new Meters() }: Sight): void {
  const figure = (name: FigureName): number => meters.figure(name);
  const stages = (list: typeof LSN_STAGES): (readonly [string, number])[] =>
    list.map(([stage, name]) => [stage, figure(name)] as const);
  many(values, 'log_lsn', 'stage', stages(LSN_STAGES));
  many(values, 'log_bytes_total', 'stage', stages(BYTE_STAGES));
  many(values, 'log_entries_total', 'kind', meters.records());
  const upTo = figure(observer.role === 'primary' ? 'lsnAcked' : 'lsnReplayed');
  // Control records are not replayed, and nobody acks a primary that runs alone.
  const behind = figure('behindSince') === 0 ? 0 : Math.max(0, figure('lsnAppended') - upTo);
  one(values, 'log_lag_entries', behind);
  one(values, 'log_lag_bytes', figure('behindBytes'));
  one(values, 'log_lag_seconds', behindMs / 1000);
  one(values, 'log_fsync_seconds', meters.sync);
  one(values, 'log_segments', figure('segments'));
  one(values, 'log_lost', Number(observer.logLost));
  one(values, 'ack_rtt_seconds', meters.ack);
  one(values, 'output_hold_seconds', meters.hold);
  one(values, 'outputs_held', figure('heldCount'));
  one(values, 'outputs_held_bytes', figure('heldBytes'));
  one(values, 'outputs_released_total', figure('released'));
  one(values, 'outputs_suppressed_total', figure('suppressed'));
  one(values, 'backpressure_seconds_total', figure('stoppedMs') / 1000);
}

function guestValues(values: Values, { status, meters = new Meters() }: Sight): void {
  const meter = (status.meter ?? status.lastMeter ?? {}) as Fields;
  const limits = (status.limits ?? {}) as Fields;
  const busy = status.busy as Fields | null | undefined;
  one(values, 'turn_seconds', meters.turn);
  one(values, 'turn_ticks', meters.turnTicks);
  one(values, 'guest_turns_total', meters.figure('turns'));
  one(values, 'guest_ticks_total', meters.figure('ticks'));
  many(
    values,
    'guest_traps_total',
    'trap',
    Object.entries((meter.traps ?? {}) as Readonly<Record<string, number>>),
  );
  one(values, 'guest_memory_bytes', Number(meter.bytes ?? 0));
  one(values, 'guest_memory_limit_bytes', Number(limits.heapBytes ?? 0));
  one(values, 'guest_busy_seconds', Number(busy?.ms ?? 0) / 1000);
  one(values, 'replay_entries_per_second', replayRate(meters));
  const guestMs = (meters.figure('replayedTo') - meters.figure('replayedFrom')) / 1000;
  const replayMs = meters.figure('replayedMs');
  one(values, 'replay_speed_ratio', replayMs > 0 ? guestMs / replayMs : 0);
}

const PHASE_METRICS: Readonly<Record<FailoverPhase, string>> = {
  detect: 'failover_detect_seconds',
  claim: 'failover_claim_seconds',
  tail: 'failover_tail_seconds',
  live: 'failover_live_seconds',
  firstOutput: 'failover_first_output_seconds',
};

function lifeValues(values: Values, { observer, events }: Sight): void {
  one(values, 'backups_lost_total', observer.backupsLost);
  one(values, 'backups_refused_total', observer.backupsRefused);
  one(values, 'degraded_total', observer.degradations);
  one(values, 'divergence_total', observer.divergences);
  one(values, 'heartbeat_rtt_seconds', observer.heartbeat);
  one(values, 'heartbeat_missed_total', observer.heartbeatsMissed);
  one(values, 'checkpoint_seconds', observer.checkpointPause);
  one(values, 'checkpoint_bytes', observer.checkpointBytes);
  one(values, 'checkpoint_failing', Number(observer.checkpointFailing));
  one(values, 'state_transfer_seconds', observer.transfer);
  const cause = observer.lastFailover?.cause;
  many(
    values,
    'failover_total',
    'cause',
    FAILOVER_CAUSES.map((one) => [one, Number(cause === one)] as const),
  );
  for (const [phase, name] of Object.entries(PHASE_METRICS))
    one(values, name, observer.failover[phase as FailoverPhase]);
  many(values, 'events_total', 'level', Object.entries(events));
}
