/**
 * The pages of the admin port. Actions are added here: one row `{ method: 'POST', path, answer }` in
 * `adminRoutes`, and the server sees to it that only who is authenticated reaches it.
 */

import type { ServerResponse } from 'node:http';
import type { GuestHealth } from '../../log-format/index.ts';
import {
  ADMIN_STREAMS_MAX,
  EVENTS_KEEPALIVE_MS,
  EVENTS_QUEUE_BYTES_MAX,
  HEALTH_LATE_MS_MAX,
  HEALTH_SILENT_MS_MAX,
  LAG_RECORDS_FREE,
  READY_BEHIND_MS_MAX,
  READY_HELD_MS_MAX,
} from '../base/limits.ts';
import { ADMIN_HEADERS, type AdminAnswer, type AdminRoute, jsonPage } from './admin-server.ts';
import type { EventBuffer, KeptEvent } from './event-buffer.ts';
import type { Fields, Observation, Sight } from './observation.ts';
import { promoteRoute } from './promote-route.ts';

export function adminRoutes(observation: Observation): readonly AdminRoute[] {
  const look = (): Promise<Sight> => new Promise((done) => observation.look(done));
  const events = new EventStreams(observation.events);
  return [
    { method: 'GET', path: '/metrics', answer: async () => metrics(await look()) },
    {
      method: 'GET',
      path: '/healthz',
      answer: async () => {
        const lateMs = await loopLateMs();
        return verdict(healthFaults(await look(), lateMs));
      },
    },
    { method: 'GET', path: '/readyz', answer: async () => verdict(readyFaults(await look())) },
    {
      method: 'GET',
      path: '/status',
      answer: () => new Promise((done) => observation.status((all) => done(jsonPage(200, all)))),
    },
    {
      method: 'GET',
      path: '/events',
      answer: async ({ headers, query }) =>
        events.open(Number(headers['last-event-id'] ?? query.get('after') ?? 0)),
    },
    promoteRoute((options) => observation.promote(options)),
  ];
}

async function metrics(sight: Sight): Promise<AdminAnswer> {
  const { metricsPage, METRICS_CONTENT_TYPE } = await import('./metrics.ts');
  const body = await metricsPage(sight);
  return { type: 'page', status: 200, contentType: METRICS_CONTENT_TYPE, body };
}

function verdict(faults: readonly string[]): AdminAnswer {
  return faults.length === 0 ? jsonPage(200, { ok: true }) : jsonPage(503, { ok: false, faults });
}

/** How late this thread is for something that is due at once. */
function loopLateMs(): Promise<number> {
  const since = performance.now();
  return new Promise((done) => setTimeout(() => done(performance.now() - since), 0));
}

/** Why this process should be restarted; none: it is alive. */
export function healthFaults({ status }: Sight, lateMs: number): readonly string[] {
  const faults: string[] = [];
  if (lateMs > HEALTH_LATE_MS_MAX) faults.push(`the main thread is ${Math.round(lateMs)} ms late`);
  const silentMs = Number((status.busy as Fields | null | undefined)?.silentMs ?? 0);
  if (silentMs > HEALTH_SILENT_MS_MAX)
    faults.push(`the guest has given no sign of life for ${Math.round(silentMs)} ms`);
  return faults;
}

interface CopyFacts {
  readonly lag?: number;
  readonly counts?: boolean;
  readonly phase?: string;
}

/** What the guest last said of itself; of before while it is busy now. */
function guestHealth(status: Fields): GuestHealth | undefined {
  const meter = status.meter ?? status.lastMeter;
  return (meter as { readonly health?: GuestHealth } | null | undefined)?.health;
}

/** Why this replica does not do what its role asks for; none: it is ready. */
export function readyFaults({ observer, status, behindMs, heldMs }: Sight): readonly string[] {
  if (observer.role === 'primary') {
    const faults: string[] = [];
    if (!observer.live) faults.push('this primary is not live');
    const health = guestHealth(status);
    if (health?.state === 'failing')
      faults.push(`the guest says that it is failing: ${health.reason}`);
    if (heldMs > READY_HELD_MS_MAX)
      faults.push(`an output has waited ${Math.round(heldMs)} ms for its acks`);
    return faults;
  }
  const faults: string[] = [];
  const { lag = 0, counts = true, phase } = (status.replication ?? {}) as CopyFacts;
  // One that is by design in no view has done its part when it follows.
  if (!counts && phase !== 'following') return ['this backup follows nobody'];
  if (counts && !observer.synced) return ['this backup is not in the view'];
  if (lag > LAG_RECORDS_FREE) faults.push(`this backup is ${lag} records behind`);
  if (behindMs > READY_BEHIND_MS_MAX)
    faults.push(`this backup is ${Math.round(behindMs)} ms behind`);
  return faults;
}

/** Readers of `/events` (server-sent events). One that does not read is dropped, and may come back. */
export class EventStreams {
  readonly #events: EventBuffer;
  #open = 0;

  constructor(events: EventBuffer) {
    this.#events = events;
  }

  /** Sends what was kept behind event `after`, then what comes. */
  open(after: number): AdminAnswer {
    if (this.#open >= ADMIN_STREAMS_MAX)
      return jsonPage(503, { ok: false, faults: ['too many readers of events'] });
    return { type: 'stream', begin: (response) => this.#begin(response, after) };
  }

  #begin(response: ServerResponse, after: number): void {
    this.#open += 1;
    response.writeHead(200, { ...ADMIN_HEADERS, 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    const send = (text: string): void => {
      response.write(text);
      if (response.writableLength > EVENTS_QUEUE_BYTES_MAX) response.destroy();
    };
    const sendEvent = ({ id, evt, json }: KeptEvent): void =>
      send(`id: ${id}\nevent: ${evt}\ndata: ${json}\n\n`);
    for (const event of this.#events.after(Number.isFinite(after) ? after : 0)) sendEvent(event);
    const unsubscribe = this.#events.subscribe(sendEvent);
    const timer = setInterval(() => send(': still here\n\n'), EVENTS_KEEPALIVE_MS);
    timer.unref();
    response.once('close', () => {
      this.#open -= 1;
      clearInterval(timer);
      unsubscribe();
    });
  }
}
