/**
 * `hv drill`: the failover that is rehearsed is one that works. A planned switchover uses the same parts as
 * an unplanned one, but the detection: the backup's replay, the arbiter, the new primary's listeners, the
 * old host's way back. Nothing is lost if one of them fails: the guest goes on.
 */

import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { HvError } from '../base/errors.ts';
import { parseAddress } from '../host/addresses.ts';
import { findAll, findPrimary } from './act.ts';
import { handOver } from './operate.ts';
import { data, say } from './print.ts';
import { fieldsOf, text } from './status-text.ts';

const SERVES_MS = 30_000;
const BACK_MS = 60_000;
const LOOK_MS = 20;

interface DrillOptions {
  readonly dir: string;
  readonly check?: string;
  readonly json?: true;
}

/** Throws at the first step that fails: HV_E_NOT_HANDED_OVER, and HV_E_DRILL behind the handover. */
export async function drill(name: string, { dir, check, json }: DrillOptions): Promise<void> {
  const place =
    check === undefined ? undefined : parseAddress(check, { what: 'the port to check' });
  const primary = await findPrimary(name, dir);
  const backups = fieldsOf(fieldsOf(primary.status.replication)?.view)?.backups;
  if (!Array.isArray(backups) || backups.length === 0)
    throw new HvError(
      'HV_E_NOT_HANDED_OVER',
      `${name} is UNPROTECTED: there is nobody to hand over to, and the drill was not begun`,
    );
  const since = performance.now();
  const { fields } = await handOver(primary, undefined);
  if (json !== true)
    say(`${name}: handed over to ${text(fields.to)} in ${Math.round(Number(fields.ms))} ms`);
  const servesMs = place && (await until(() => takes(place), SERVES_MS, since));
  if (place !== undefined && servesMs === undefined)
    throw new HvError(
      'HV_E_DRILL',
      `${name} was handed over, but nobody takes connections at ${check} after ${SERVES_MS / 1000} s`,
    );
  const backMs = await until(() => isBack(name, dir), BACK_MS, since);
  const round = (ms: number | undefined): number | undefined => ms && Math.round(ms);
  if (json === true)
    data(JSON.stringify({ name, ...fields, servesMs: round(servesMs), backMs: round(backMs) }));
  if (servesMs !== undefined && json !== true)
    say(`${name}: takes connections again ${round(servesMs)} ms after the drill began`);
  if (backMs === undefined)
    throw new HvError(
      'HV_E_DRILL',
      `${name} runs at ${text(fields.to)}, but this host is not back as its backup after ${BACK_MS / 1000} s (a primary needs --listen to come back)`,
    );
  if (json !== true)
    say(
      `${name}: this host is its backup again, in step, after ${round(backMs)} ms. A failover would work`,
    );
}

/** Milliseconds from `since` until `holds`; undefined: not within `ms`. */
async function until(
  holds: () => Promise<boolean>,
  ms: number,
  since: number,
): Promise<number | undefined> {
  while (performance.now() - since < ms) {
    if (await holds()) return performance.now() - since;
    await pause(LOOK_MS);
  }
  return undefined;
}

function takes({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: host === '' ? 'localhost' : host, port });
    const end = (taken: boolean): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.setTimeout(1_000, () => end(false));
  });
}

async function isBack(name: string, dir: string): Promise<boolean> {
  const found = await findAll(name, dir);
  return found.some(({ status }) => {
    const copy = fieldsOf(status.replication);
    return status.role === 'backup' && copy?.synced === true && Number(copy.lag) < 1_000;
  });
}
