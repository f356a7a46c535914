/** What each request to an arbiter means. Everything a stranger sent is parsed here or in the words. */

import {
  ARBITER_NAME_CHARS_MAX,
  ARBITER_POLL_MS_MAX,
  VIEW_DEAD_PINGS,
  VIEW_PING_MS,
} from '../base/limits.ts';
import { recordOf, type ViewRecord } from './arbiter-file.ts';
import type { ArbiterPolls } from './arbiter-polls.ts';
import type { ArbiterStore } from './arbiter-store.ts';
import type { ArbiterWatch } from './arbiter-watch.ts';
import { POOL, parseClaim, parsePing } from './arbiter-words.ts';
import { HV_VERSION } from './version.ts';

export interface Answer {
  readonly status: number;
  readonly body: object;
}

export interface Asked {
  readonly method: string;
  /** As sent: a path like `/v1/vm/..` is one of a vm, not of the folder above. */
  readonly target: string;
  /** Parsed JSON; undefined: none. */
  readonly body: unknown;
  /** Nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

export interface Parts {
  readonly store: ArbiterStore;
  readonly watch: ArbiterWatch;
  readonly polls: ArbiterPolls;
  readonly startedAt: number;
}

/** Methods by what stands behind the id. */
const METHODS: Readonly<Record<string, readonly string[]>> = {
  '': ['GET', 'PUT'],
  ping: ['POST'],
  status: ['GET'],
};

export async function answerTo(asked: Asked, parts: Parts): Promise<Answer> {
  const [path = '', query = ''] = asked.target.split('?', 2);
  if (path === '/v1/status' && asked.method === 'GET')
    return { status: 200, body: ownStatus(parts) };
  const match = /^\/v1\/vm\/([^/]+)(?:\/([a-z]+))?$/.exec(path);
  const methods = match === null ? undefined : METHODS[match[2] ?? ''];
  const id = decoded(match?.[1] ?? '');
  if (methods === undefined || id === undefined) return wrong(404, `there is no ${path}`);
  if (!methods.includes(asked.method))
    return wrong(405, `${path} takes ${methods.join(' and ')}, not ${asked.method}`);
  if (match?.[2] === 'ping') return ping(id, asked.body, parts);
  if (id === POOL) return wrong(400, 'the pool of spares has no view');
  if (match?.[2] === 'status') return { status: 200, body: status(id, parts) };
  return asked.method === 'PUT' ? claim(id, asked.body, parts) : read(id, query, asked.gone, parts);
}

async function read(
  id: string,
  query: string,
  signal: AbortSignal,
  { store, polls }: Parts,
): Promise<Answer> {
  const asked = new URLSearchParams(query);
  const after = asked.get('after');
  if (after !== null) {
    const wait = asked.get('wait') ?? String(ARBITER_POLL_MS_MAX);
    if (!/^\d{1,15}$/.test(after)) return wrong(400, 'after is no epoch');
    if (!/^\d{1,9}$/.test(wait)) return wrong(400, 'wait is no number of milliseconds');
    const waitMs = Math.min(Number(wait), ARBITER_POLL_MS_MAX);
    if ((store.get(id)?.view.epoch ?? 0) <= Number(after))
      await polls.wait(id, Number(after), { waitMs, signal });
  }
  const record = store.get(id);
  if (record !== undefined) return { status: 200, body: recordOf(record) };
  return { status: 404, body: { error: 'there is no view yet', vm: id, epoch: 0 } };
}

async function claim(id: string, body: unknown, { store }: Parts): Promise<Answer> {
  const parsed = parseClaim(body);
  if ('wrong' in parsed) return wrong(400, parsed.wrong);
  const answer = await store.claim({ vm: id, ...parsed.value, reserved: false });
  switch (answer.type) {
    case 'won':
      return { status: 200, body: recordOf(answer.stored) };
    case 'lost':
      return { status: 409, body: { current: recordOf(answer.stored) } };
    case 'ahead': {
      const known = answer.stored?.view.epoch ?? 0;
      const error = `this arbiter knows epoch ${known} at most, the claim follows ${parsed.value.expect}: is it the one the other host uses?`;
      return { status: 412, body: { error, current: shown(answer.stored) } };
    }
    case 'unavailable':
      return wrong(503, answer.reason);
  }
}

async function ping(id: string, body: unknown, { watch }: Parts): Promise<Answer> {
  const parsed = parsePing(body);
  if ('wrong' in parsed) return wrong(400, parsed.wrong);
  const answer = await watch.ping(id, parsed.value);
  if (answer.type === 'refused') return wrong(422, answer.reason);
  const { type, ...more } = answer.advice;
  const { spares = [], ...rest } = 'spares' in more ? more : { ...more, spares: [] };
  return {
    status: 200,
    body: { view: shown(answer.record), spares, advice: { type, ...rest } },
  };
}

function status(id: string, { store, watch }: Parts): object {
  const { view: _, ...known } = watch.status(id);
  return { vm: id, view: shown(store.get(id)), ...known, pool: watch.pool };
}

/** Names are kept back: a table of 65,536 is no status. */
function ownStatus({ store, watch, polls, startedAt }: Parts): object {
  return {
    hv: HV_VERSION,
    pid: process.pid,
    uptimeMs: Math.round(performance.now() - startedAt),
    vms: store.size,
    watched: watch.watched,
    polls: polls.count,
    suspended: watch.suspended,
    pool: watch.pool,
    pingMs: VIEW_PING_MS,
    deadPings: VIEW_DEAD_PINGS,
  };
}

function shown(record: ViewRecord | undefined): object | null {
  return record === undefined ? null : recordOf(record);
}

function decoded(segment: string): string | undefined {
  try {
    const id = decodeURIComponent(segment);
    return id !== '' && id.length <= ARBITER_NAME_CHARS_MAX ? id : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

export function wrong(status: number, error: string): Answer {
  return { status, body: { error } };
}
