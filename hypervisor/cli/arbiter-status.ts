/** `hv arbiter status`: what an arbiter knows, for people and programs. */

import { HvError } from '../base/errors.ts';
import { CLAIM_TIMEOUT_MS } from '../base/limits.ts';
import { isObject } from '../host/arbiter-answers.ts';
import { parseHttpUrl } from '../host/arbiter-url.ts';
import { idPath, vmId } from '../host/arbiter-words.ts';
import { JsonClient } from '../host/http-json.ts';
import { data } from './print.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Throws HV_E_USAGE for a URL it does not understand, and HV_E_ARBITER when there is no answer. */
export async function showArbiterStatus(
  url: string,
  vm: string | undefined,
  options: { readonly json: boolean },
): Promise<void> {
  const endpoint = parseHttpUrl(url);
  const client = new JsonClient(endpoint);
  const path = vm === undefined ? '/v1/status' : `${idPath(vmId(vm))}/status`;
  const signal = AbortSignal.timeout(CLAIM_TIMEOUT_MS);
  const { status, body } = await client
    .ask({ method: 'GET', path, signal })
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message || String(error) : String(error);
      throw new HvError('HV_E_ARBITER', `the arbiter ${endpoint.origin} does not answer: ${why}`);
    })
    .finally(() => client.close());
  if (status !== 200 || !isObject(body)) {
    const error = isObject(body) ? String(body.error) : 'no clear answer';
    throw new HvError('HV_E_ARBITER', `the arbiter ${endpoint.origin} says ${status}: ${error}`);
  }
  data(options.json ? JSON.stringify(body) : statusWords(body, vm).join('\n'));
}

export function statusWords(body: Fields, vm: string | undefined): string[] {
  const row = (name: string, value: string): string => `  ${name.padEnd(10)} ${value}`;
  const pool = list(body.pool);
  const suspended = body.suspended === true ? [row('judgement', 'suspended: it was asleep')] : [];
  if (vm === undefined)
    return [
      `arbiter: hv ${body.hv}, pid ${body.pid}, up ${(Number(body.uptimeMs) / 1000).toFixed(1)} s`,
      row('guests', `${body.vms} known, ${body.watched} pinging`),
      row('spares', pool),
      ...suspended,
    ];
  const view = isObject(body.view) ? body.view : undefined;
  const successor = isObject(body.successor) ? body.successor : {};
  const promoted =
    successor.type === 'promote' ? String(successor.replica) : `nobody: ${successor.reason}`;
  const replicas = Array.isArray(body.replicas) ? body.replicas.filter(isObject) : [];
  const claimed = body.reserved === true ? ', which has not claimed it yet' : '';
  return [
    `${vm}: ${view === undefined ? 'no view yet' : `epoch ${view.epoch}, primary ${view.primary}${claimed}`}`,
    ...(view === undefined
      ? []
      : [row('primary', String(body.primary)), row('backups', list(view.backups))]),
    row('next', promoted),
    row('spares', [list(body.spares), pool].filter((one) => one !== 'none').join(', ') || 'none'),
    ...suspended,
    ...replicas.map((one) =>
      row(
        String(one.role),
        `${one.replica} ${one.state}: epoch ${one.epoch}, lsn ${one.lsn}, ${one.synced === true ? 'synced' : 'not synced'}, priority ${one.priority}${one.hidden === true ? ', hidden' : ''}`,
      ),
    ),
  ];
}

function list(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : 'none';
}
