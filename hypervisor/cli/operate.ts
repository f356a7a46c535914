/** `hv switchover` and `hv protect`: one request to a running primary, and its answer for people. */

import { setTimeout as pause } from 'node:timers/promises';
import { HvError } from '../base/errors.ts';
import { askStatus } from '../host/status-socket.ts';
import { type Answer, type Found, findPrimary, post } from './act.ts';
import { data, say } from './print.ts';
import { type Fields, fieldsOf, text } from './status-text.ts';

/** A backup has this long to join, at 100 MiB of heap and a slow disk, before `hv protect` gives up waiting. */
const JOIN_MS = 60_000;
const LOOK_MS = 100;

interface Options {
  readonly dir: string;
  readonly json?: true;
}

/** Throws HV_E_BACKUP_UNREACHABLE when there is no backup to hand over to; the guest goes on then. */
export async function switchOver(
  name: string,
  options: Options & { readonly to?: string },
): Promise<void> {
  const primary = await findPrimary(name, options.dir);
  const { fields } = await handOver(primary, options.to);
  if (options.json === true) data(JSON.stringify(fields));
  else
    say(
      `${name}: handed over to ${text(fields.to)} (epoch ${text(fields.epoch)}) in ${Math.round(Number(fields.ms))} ms; nothing was lost or sent twice`,
    );
}

export async function handOver(primary: Found, to: string | undefined): Promise<Answer> {
  const answer = await post(primary, '/switchover', to === undefined ? {} : { to });
  if (answer.status === 200) return answer;
  throw new HvError(
    'HV_E_BACKUP_UNREACHABLE',
    `not handed over: ${text(answer.fields.reason)}; the guest goes on where it is`,
  );
}

/** Throws HV_E_BACKUP_UNREACHABLE when the backup has not joined in time; the primary goes on trying. */
export async function protect(name: string, address: string, options: Options): Promise<void> {
  const since = performance.now();
  const primary = await findPrimary(name, options.dir);
  const asked = await post(primary, '/protect', { address });
  if (asked.status !== 202) throw new HvError('HV_E_USAGE', text(asked.fields.reason));
  while (performance.now() - since < JOIN_MS) {
    const joined = await inView(primary, address);
    if (joined !== undefined) {
      const ms = Math.round(performance.now() - since);
      if (options.json === true) data(JSON.stringify({ name, backup: address, ms, ...joined }));
      else say(`${name}: backup ${address} joined in ${ms} ms (epoch ${text(joined.epoch)})`);
      return;
    }
    await pause(LOOK_MS);
  }
  throw new HvError(
    'HV_E_BACKUP_UNREACHABLE',
    `${address} has not joined within ${JOIN_MS / 1000} s; the primary goes on trying. Is hv backup --listen ${address} running there?`,
  );
}

async function inView(primary: Found, address: string): Promise<Fields | undefined> {
  const status = await askStatus(primary.path.replace(/\.admin\.sock$/, '.status.sock'));
  const view = fieldsOf(fieldsOf(status?.replication)?.view);
  const backups = Array.isArray(view?.backups) ? (view.backups as unknown[]) : [];
  return backups.includes(address) ? { epoch: view?.epoch } : undefined;
}
