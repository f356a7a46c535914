/** `hv switchover`: one request to a running primary, and its answer for people. */

import { HvError } from '../base/errors.ts';
import { type Answer, type Found, findPrimary, post } from './act.ts';
import { data, say } from './print.ts';
import { text } from './status-text.ts';

interface Options {
  readonly dir: string;
  readonly json?: true;
}

/** Throws HV_E_NOT_HANDED_OVER when there is no backup to hand over to; the guest goes on then. */
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
  throw new HvError('HV_E_NOT_HANDED_OVER', `not handed over: ${text(answer.fields.reason)}`);
}
