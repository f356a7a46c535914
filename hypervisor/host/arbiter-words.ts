/**
 * What an arbiter and its clients say to each other: JSON over HTTP/1.1. Parsers take what a stranger has
 * sent and give back either what it means or, as a text, what is wrong with it.
 *
 *   GET  /v1/vm/:id             the view in force; ?after=EPOCH waits until it is later, ?wait=MS at most
 *   PUT  /v1/vm/:id             {expect, primary, backups, token}: 200 won, 409 lost, 412 ahead of us
 *   POST /v1/vm/:id/ping        a replica says how it is, and is told the view and what to do
 *   GET  /v1/vm/:id/status      who is alive, and who would be promoted
 *   GET  /v1/status, /healthz   the arbiter itself
 */

import { asEpoch, asLsn, type Epoch, sha256Hex } from '../../log-format/index.ts';
import { ARBITER_NAME_CHARS_MAX, VIEW_BACKUPS_MAX } from '../base/limits.ts';
import type { View } from '../protocol/messages.ts';
import type { Ping } from '../protocol/view-replicas.ts';
import type { Advice } from '../protocol/view-service.ts';
import { arbiterKey, isObject } from './arbiter-answers.ts';
import { parseRecord, type ViewRecord } from './arbiter-file.ts';

/** In place of a vm: a spare that would serve any guest pings here. */
export const POOL = '*';

export interface ClaimBody {
  readonly expect: Epoch;
  readonly next: View;
  readonly token: string;
}

/** The answer to a ping. */
export interface PingAnswer {
  readonly view: View | undefined;
  readonly advice: Advice;
  /** Whom to dial, best first; for a primary, and for who is about to be one. */
  readonly spares: readonly string[];
}

type Parsed<T> = { readonly value: T } | { readonly wrong: string };

/**
 * The name an arbiter knows a vm by: its own, unless that is long or could be taken for a hash or for the
 * pool of spares.
 */
export function vmId(vm: string): string {
  const key = arbiterKey(vm);
  if (key.startsWith('~')) return key;
  return vm.startsWith('~') || vm === POOL ? `~${sha256Hex(Buffer.from(vm))}` : vm;
}

/** Where an arbiter answers for what it knows as `id`. */
export function idPath(id: string): string {
  return `/v1/vm/${encodeURIComponent(id).replace(/^\./, '%2E')}`;
}

export function parseClaim(body: unknown): Parsed<ClaimBody> {
  if (!isObject(body)) return { wrong: 'the body is no JSON object' };
  const { expect, primary, backups, token } = body;
  if (!isCount(expect)) return { wrong: 'expect is no epoch (0: no view yet)' };
  if (!isName(primary)) return { wrong: 'primary is no name of a replica' };
  if (!isNames(backups))
    return { wrong: `backups is no list of at most ${VIEW_BACKUPS_MAX} names` };
  if (!isName(token)) return { wrong: 'token is no text that names this claim' };
  const next = { epoch: asEpoch(expect + 1), primary, backups };
  return { value: { expect: asEpoch(expect), next, token } };
}

export function parsePing(body: unknown): Parsed<Ping> {
  if (!isObject(body)) return { wrong: 'the body is no JSON object' };
  const { replica, epoch, role = 'spare', synced = false, lsn = 0, priority = 1 } = body;
  const { hidden = false, primaryLink, needs, wants = 1, boot, seq = 0 } = body;
  if (!isName(replica)) return { wrong: 'replica is no name' };
  if (!isCount(epoch)) return { wrong: 'epoch is none (0: I hold nothing)' };
  if (role !== 'primary' && role !== 'backup' && role !== 'spare')
    return { wrong: 'role is not primary, backup or spare' };
  if (typeof synced !== 'boolean' || typeof hidden !== 'boolean')
    return { wrong: 'synced or hidden is not true or false' };
  if (!isCount(lsn) || !isCount(priority) || !isCount(wants) || !isCount(seq))
    return { wrong: 'lsn, priority, wants or seq is no count' };
  if (primaryLink !== undefined && primaryLink !== 'up' && primaryLink !== 'down')
    return { wrong: 'primaryLink is not up or down' };
  if (needs !== undefined && !isCount(needs)) return { wrong: 'needs is no count' };
  if (boot !== undefined && !isName(boot)) return { wrong: 'boot is no name' };
  const sizes = { lsn: asLsn(lsn), priority, wants, seq, needs };
  const said = { replica, epoch: asEpoch(epoch), role, synced, hidden, primaryLink, boot } as const;
  return { value: { ...said, ...sizes } };
}

/** What a client makes of an answer to a ping; undefined: no arbiter says that. */
export function parsePingAnswer(body: unknown): PingAnswer | undefined {
  if (!isObject(body) || !isObject(body.advice) || !isNames(body.spares)) return undefined;
  const view = body.view === null ? undefined : parseRecord(body.view)?.view;
  if (body.view !== null && view === undefined) return undefined;
  const advice = parseAdvice(body.advice, body.spares);
  return advice && { view, advice, spares: body.spares };
}

function parseAdvice(
  { type, reason }: Record<string, unknown>,
  spares: readonly string[],
): Advice | undefined {
  switch (type) {
    case 'none':
    case 'deposed':
    case 'dropped':
      return { type };
    case 'recruit':
    case 'promoted':
      return { type, spares };
    case 'waiting':
      return typeof reason === 'string' ? { type, reason } : undefined;
    default:
      return undefined;
  }
}

/** The record in an answer, if it is one of what the arbiter knows as `id`. */
export function recordFor(id: string, body: unknown): ViewRecord | undefined {
  const record = parseRecord(body);
  return record?.vm === id ? record : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= ARBITER_NAME_CHARS_MAX;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= VIEW_BACKUPS_MAX && value.every(isName);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
