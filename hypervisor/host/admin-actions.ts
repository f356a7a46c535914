/** What an operator can have a running replica do, as rows of the admin server's table. */

import { HvError } from '../base/errors.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { parseAddress } from './addresses.ts';
import { type AdminAnswer, type AdminRequest, type AdminRoute, jsonPage } from './admin-server.ts';
import type { SwitchoverResult } from './supervisor.ts';

const BODY_BYTES_MAX = 4_096;

export interface ReplicaActions {
  /** Undefined: this replica is no primary. */
  switchOver(to: ReplicaId | undefined): Promise<SwitchoverResult> | undefined;
  /** Dials a backup that listens at `address`; returns why not. Undefined: it is dialled. */
  protect(address: ReplicaId): string | undefined;
}

export function actionRoutes(actions: () => ReplicaActions | undefined): readonly AdminRoute[] {
  return [
    {
      method: 'POST',
      path: '/switchover',
      bodyBytesMax: BODY_BYTES_MAX,
      answer: (request) => guarded(() => switchOver(actions(), request)),
    },
    {
      method: 'POST',
      path: '/protect',
      bodyBytesMax: BODY_BYTES_MAX,
      answer: (request) => guarded(() => Promise.resolve(protect(actions(), request))),
    },
  ];
}

async function switchOver(
  actions: ReplicaActions | undefined,
  request: AdminRequest,
): Promise<AdminAnswer> {
  const to = wordOf(request, 'to');
  const result = await actions?.switchOver(to);
  if (result === undefined) return noPrimary();
  return jsonPage(result.type === 'handedOver' ? 200 : 409, result);
}

function protect(actions: ReplicaActions | undefined, request: AdminRequest): AdminAnswer {
  const address = wordOf(request, 'address');
  if (address === undefined) return jsonPage(400, failed('no address is given'));
  parseAddress(address, { what: 'the address of a backup' });
  if (actions === undefined) return noPrimary();
  const reason = actions.protect(address);
  if (reason !== undefined) return jsonPage(409, failed(reason));
  return jsonPage(202, { type: 'dialling', address });
}

function noPrimary(): AdminAnswer {
  return jsonPage(409, failed('this replica is no primary'));
}

const failed = (reason: string): object => ({ type: 'failed', reason });

/** A text of the body, which is one object of JSON or nothing. */
function wordOf({ body }: AdminRequest, name: string): string | undefined {
  if (body.length === 0) return undefined;
  const value: unknown = JSON.parse(new TextDecoder().decode(body));
  const word =
    typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)[name]
      : undefined;
  if (word === undefined) return undefined;
  if (typeof word === 'string') return word;
  throw new HvError('HV_E_USAGE', `'${name}' is no text`);
}

async function guarded(answer: () => Promise<AdminAnswer>): Promise<AdminAnswer> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof HvError || error instanceof SyntaxError)
      return jsonPage(400, failed(error.message));
    throw error;
  }
}
