/**
 * One replica as the outside sees it: puts together what its threads count, what its notes said and
 * what the arbiter answers, for `hv status`, `/metrics` and the pages beside it.
 */

import { statfsSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { type AckRule, electionQuorum } from '../protocol/ack-level.ts';
import type { Meters } from '../replica/meters.ts';
import type { ReplicaActions } from './admin-actions.ts';
import { type ArbiterState, arbiterState } from './arbiter-reach.ts';
import { EventBuffer } from './event-buffer.ts';
import { levelOf } from './events.ts';
import type { ForceOptions, ForceReport } from './force.ts';
import {
  type Forecast,
  type ForecastBackup,
  forecastOfBackup,
  forecastOfPrimary,
} from './forecast.ts';
import { metersNow } from './meters-clock.ts';
import { Observer } from './observer.ts';
import type { ArbiterFigures } from './watched-arbiter.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The replica that is looked at. */
export interface Observed {
  /** What `hv status` prints of the replica itself. Calls back soon, whatever the guest does. */
  status(done: (status: object) => void): void;
  readonly meters: Meters;
  readonly arbiter: string | undefined;
  readonly detectMs: number | undefined;
  readonly logDir: string | undefined;
  readonly actions?: ReplicaActions | undefined;
  /** By the word of an operator; only backups can be. */
  promote?(options: ForceOptions): Promise<ForceReport>;
}

/** Everything known at one moment. */
export interface Sight {
  /** Of the replica itself, the last one that had its figures where the guest is busy now. */
  readonly status: Fields;
  /** Undefined before there is a replica. */
  readonly meters: Meters | undefined;
  readonly observer: Observer;
  readonly arbiter: ArbiterState | undefined;
  readonly forecast: Forecast;
  /** Age of the oldest record that is behind, and of the oldest output that is held; milliseconds. */
  readonly behindMs: number;
  readonly heldMs: number;
  readonly disk: { readonly free: number; readonly usedRatio: number } | undefined;
  readonly events: Readonly<Record<string, number>>;
}

export class Observation {
  readonly observer: Observer;
  readonly events: EventBuffer = new EventBuffer();
  /** Where the admin port is; set once it listens. */
  adminAddress: string | undefined;
  readonly #eventCounts: Record<string, number> = { info: 0, warn: 0, error: 0 };
  #observed: Observed | undefined;
  #lastMeter: unknown = null;
  #lastArbiter: ArbiterFigures | undefined;
  #lastRule: AckRule | undefined;

  constructor(role: 'primary' | 'backup') {
    this.observer = new Observer(role, Date.now());
  }

  /** There is a replica from here on. */
  attach(observed: Observed): void {
    this.#observed = observed;
  }

  /** What the replica can be told to do. */
  get actions(): ReplicaActions | undefined {
    return this.#observed?.actions;
  }

  /** An event as it goes to programs. */
  event(evt: string, json: string): void {
    const level = levelOf(evt);
    this.#eventCounts[level] = (this.#eventCounts[level] ?? 0) + 1;
    this.observer.event(evt);
    this.events.push(evt, json);
  }

  /** See `BackupHost.promote`. */
  promote(options: ForceOptions): Promise<ForceReport> {
    const promoted = this.#observed?.promote?.(options);
    const reason = 'not promoted: this replica has never been a backup';
    return promoted ?? Promise.reject(new HvError('HV_E_USAGE', reason));
  }

  look(done: (sight: Sight) => void): void {
    const observed = this.#observed;
    if (observed === undefined) {
      const { role } = this.observer;
      done(this.#sight({ role, pid: process.pid }, undefined));
      return;
    }
    observed.status((status) => {
      const fields = status as Fields;
      done(this.#sight(fields, this.#arbiter(fields, observed)));
    });
  }

  /** What `hv status` and `/status` say. */
  status(done: (status: object) => void): void {
    this.look((sight) => done({ ...sight.status, ...this.#told(sight) }));
  }

  /** While the guest computes its thread does not answer; what it said last is told still. */
  #arbiter({ replication }: Fields, { arbiter: url }: Observed): ArbiterState | undefined {
    const told = (replication as { readonly arbiter?: ArbiterFigures } | null | undefined)?.arbiter;
    this.#lastArbiter = told ?? this.#lastArbiter;
    return url === undefined ? undefined : arbiterState(url, this.#lastArbiter);
  }

  #sight(fields: Fields, arbiter: ArbiterState | undefined): Sight {
    const { observer } = this;
    const meters = this.#observed?.meters;
    if (fields.meter !== null && fields.meter !== undefined) this.#lastMeter = fields.meter;
    const status = fields.meter === null ? { ...fields, lastMeter: this.#lastMeter } : fields;
    const now = meters === undefined ? 0 : metersNow(meters);
    const age = (since: number): number => (since === 0 ? 0 : Math.max(0, now - since));
    return {
      status,
      meters,
      observer,
      arbiter,
      forecast: this.#forecast(fields, arbiter),
      behindMs: age(meters?.figure('behindSince') ?? 0),
      heldMs: age(meters?.figure('heldSince') ?? 0),
      disk: diskOf(this.#observed?.logDir),
      events: { ...this.#eventCounts },
    };
  }

  #forecast(status: Fields, arbiter: ArbiterState | undefined): Forecast {
    const { observer } = this;
    const detectMs = this.#observed?.detectMs;
    const meters = this.#observed?.meters;
    const replication = (status.replication ?? {}) as Fields;
    if (observer.role === 'backup') {
      const { phase = 'waits for a primary', toReplay = 0, counts, kind, cold } = replication;
      return forecastOfBackup({
        ...{ synced: observer.synced, arbiter, detectMs },
        ...{
          phase: String(phase),
          counts: counts !== false,
          kind: String(kind),
          cold: cold === true,
        },
        lag: Number(toReplay),
        replayRate: meters === undefined ? 0 : replayRate(meters),
      });
    }
    const viewBackups = observer.view?.backups ?? [];
    this.#lastRule = (replication.rule as AckRule | undefined) ?? this.#lastRule;
    return forecastOfPrimary({
      ...{ live: observer.live, arbiter, detectMs, viewBackups },
      byRank:
        this.#lastRule !== undefined && electionQuorum(this.#lastRule, viewBackups.length) === 1,
      backups: (replication.backups ?? this.#lastBackups) as readonly ForecastBackup[],
      lsnAppended: meters?.figure('lsnAppended') ?? 0,
    });
  }

  /** While the guest computes its thread does not answer; the shared figures still do. */
  get #lastBackups(): readonly ForecastBackup[] {
    const lsnAcked = this.#observed?.meters.figure('lsnAcked') ?? 0;
    const lost = new Set(this.observer.lost.map(({ peer }) => peer));
    return (this.observer.view?.backups ?? []).map((peer) => ({
      ...{ peer, lsnAcked, lsnReplayed: lsnAcked },
      state: lost.has(peer) ? 'lost' : 'gated',
    }));
  }

  #told(sight: Sight): Fields {
    const { meters, observer, arbiter, forecast, behindMs, heldMs, disk } = sight;
    const { protection, lastFailover } = observer;
    const ms = (seconds: number | undefined): number | null =>
      seconds === undefined ? null : seconds * 1000;
    return {
      admin: this.adminAddress ?? null,
      protection: {
        protected: protection.protected,
        since: new Date(protection.since).toISOString(),
        forMs: Math.max(0, Math.round(Date.now() - protection.since)),
        lost: observer.lost,
        degradations: observer.degradations,
      },
      failover: forecast,
      lastFailover: lastFailover ?? null,
      arbiter: arbiter ?? null,
      lag: { ms: behindMs, bytes: meters?.figure('behindBytes') ?? 0 },
      latency: {
        ackP50Ms: ms(meters?.ack.quantile(0.5)),
        ackP99Ms: ms(meters?.ack.quantile(0.99)),
        holdP50Ms: ms(meters?.hold.quantile(0.5)),
        holdP99Ms: ms(meters?.hold.quantile(0.99)),
      },
      outputs: {
        held: meters?.figure('heldCount') ?? 0,
        heldMs,
        released: meters?.figure('released') ?? 0,
      },
      totals: {
        acks: meters?.ack.count ?? 0,
        ticks: meters?.figure('ticks') ?? 0,
        records: [...(meters?.records().values() ?? [])].reduce((sum, one) => sum + one, 0),
        diskBytes: meters?.figure('diskBytes') ?? 0,
      },
      disk: disk ?? null,
      logLost: observer.logLost,
    };
  }
}

/** Records a second of replaying; 0: nothing was measured. */
export function replayRate(meters: Meters): number {
  const ms = meters.figure('replayedMs');
  return ms > 0 ? (meters.figure('replayedRecords') / ms) * 1000 : 0;
}

function diskOf(dir: string | undefined): Sight['disk'] {
  if (dir === undefined) return undefined;
  try {
    const { bsize, blocks, bavail, bfree } = statfsSync(dir);
    const used = blocks - bfree;
    // As df counts: what is kept back for the system's own users is neither used nor free.
    return { free: bavail * bsize, usedRatio: used / Math.max(1, used + bavail) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
