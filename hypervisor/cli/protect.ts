/** `hv protect`: has a running primary dial a backup, and tells how far that is until it protects the guest. */

import { setTimeout as pause } from 'node:timers/promises';
import { HvError } from '../base/errors.ts';
import { askStatus } from '../host/status-socket.ts';
import { findPrimary, post } from './act.ts';
import { statusBeside } from './admin.ts';
import { data, say } from './print.ts';
import { type Fields, fieldsOf, text } from './status-text.ts';

/** A backup has this long to join, at 100 MiB of heap and a slow disk, before `hv protect` gives up waiting. */
const JOIN_MS = 60_000;
const LOOK_MS = 100;

interface Options {
  readonly dir: string;
  readonly json?: true;
}

/** How far a backup is on its way into the view. */
export type JoinState =
  | { readonly type: 'joined'; readonly epoch: unknown }
  /** It follows the log and is never in a view (`--hidden`, `--delay`). */
  | { readonly type: 'observes' }
  | { readonly type: 'refused'; readonly reason: string }
  /** What was asked is primary no more. */
  | { readonly type: 'deposed' }
  /** `words`: what there is to say of it, '' for nothing yet. */
  | { readonly type: 'underWay'; readonly words: string };

/** Throws HV_E_NOT_JOINED when the backup refuses or has not joined in time; the primary goes on trying then. */
export async function protect(name: string, address: string, options: Options): Promise<void> {
  const since = performance.now();
  const primary = await findPrimary(name, options.dir);
  const triesBefore = triesOf(primary.status, address);
  const asked = await post(primary, '/protect', { address });
  if (asked.status !== 202) throw new HvError('HV_E_USAGE', text(asked.fields.reason));
  let told = '';
  while (performance.now() - since < JOIN_MS) {
    const state = joinState(await askStatus(statusBeside(primary.path)), address, triesBefore);
    const ms = Math.round(performance.now() - since);
    if (state.type !== 'underWay') return tellEnd(state, { name, address, ms, json: options.json });
    if (state.words !== '' && state.words !== told) say(`${name}: ${state.words}`);
    told = state.words === '' ? told : state.words;
    await pause(LOOK_MS);
  }
  const last = told === '' ? 'nothing was heard of it; the primary goes on trying' : told;
  throw new HvError(
    'HV_E_NOT_JOINED',
    `${address} has not joined within ${JOIN_MS / 1000} s: ${last}`,
  );
}

function tellEnd(
  state: Exclude<JoinState, { readonly type: 'underWay' }>,
  given: {
    readonly name: string;
    readonly address: string;
    readonly ms: number;
    readonly json: true | undefined;
  },
): void {
  const { name, address, ms, json } = given;
  switch (state.type) {
    case 'refused':
      throw new HvError('HV_E_NOT_JOINED', `${address} does not join: ${state.reason}`);
    case 'deposed':
      throw new HvError(
        'HV_E_NOT_JOINED',
        `the replica that was asked is primary no more; see hv status, and ask where '${name}' runs now`,
      );
    case 'joined':
    case 'observes': {
      const epoch = state.type === 'joined' ? state.epoch : null;
      if (json === true) data(JSON.stringify({ name, backup: address, ms, epoch }));
      else if (state.type === 'joined')
        say(`${name}: backup ${address} joined in ${ms} ms (epoch ${text(epoch)})`);
      else
        say(
          `${name}: ${address} follows after ${ms} ms. It is hidden or delayed: no output waits for it, and it takes over only by hv promote --force`,
        );
    }
  }
}

/**
 * What the status of a primary says of a backup that it was asked to dial. `triesBefore`: links to it that
 * had failed by then; what it said earlier is no answer.
 */
export function joinState(
  status: Fields | undefined,
  address: string,
  triesBefore: number,
): JoinState {
  if (status === undefined) return { type: 'underWay', words: 'the primary does not answer' };
  if (status.role !== 'primary') return { type: 'deposed' };
  const replication = fieldsOf(status.replication);
  const view = fieldsOf(replication?.view);
  if (Array.isArray(view?.backups) && view.backups.includes(address))
    return { type: 'joined', epoch: view.epoch };
  const session = oneOf(replication?.backups, address);
  if (session?.state === 'observing') return { type: 'observes' };
  if (session?.state === 'streaming' || session?.state === 'catchingUp')
    return { type: 'underWay', words: `${address} has answered and gets the log` };
  const failed = oneOf(replication?.failedDials, address);
  const isNew = Number(failed?.tries) > triesBefore;
  const reason = text(failed?.reason);
  if (failed?.givenUp === true && isNew) return { type: 'refused', reason };
  if (failed?.givenUp === true)
    return {
      type: 'underWay',
      words: `${address} did not join before (${reason}) and is dialled again within the minute`,
    };
  if (failed === undefined || !isNew) return { type: 'underWay', words: '' };
  const goesOn = reason.endsWith('?') ? ' The' : '; the';
  return {
    type: 'underWay',
    words: `no link to ${address}: ${reason}${goesOn} primary goes on trying`,
  };
}

function triesOf(status: Fields, address: string): number {
  return Number(oneOf(fieldsOf(status.replication)?.failedDials, address)?.tries ?? 0);
}

function oneOf(list: unknown, peer: string): Fields | undefined {
  const all: readonly unknown[] = Array.isArray(list) ? list : [];
  return all.map(fieldsOf).find((one) => one?.peer === peer);
}
