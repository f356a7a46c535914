/** `POST /promote` of the admin port: a backup becomes primary by the word of its operator. */

import { HvError } from '../base/errors.ts';
import { type AdminRoute, jsonPage } from './admin-server.ts';
import type { ForceOptions, ForceReport } from './force.ts';
import { parseMoment } from './log-moment.ts';

/** The body is `{"name": NAME, "at": MOMENT}`, NAME that of the guest; `at` may be left out. */
export function promoteRoute(promote: (options: ForceOptions) => Promise<ForceReport>): AdminRoute {
  return {
    method: 'POST',
    path: '/promote',
    answer: async ({ body }) => {
      try {
        return jsonPage(200, await promote(optionsIn(body)));
      } catch (error) {
        if (!(error instanceof HvError)) throw error;
        const { code, message } = error;
        return jsonPage(code === 'HV_E_USAGE' ? 409 : 500, { code, message });
      }
    },
  };
}

function optionsIn(body: Uint8Array): ForceOptions {
  const { name, at } = objectIn(body);
  if (typeof name !== 'string')
    throw new HvError('HV_E_USAGE', 'not promoted: the body has to name the guest');
  if (at === undefined) return { name };
  const moment = typeof at === 'string' ? parseMoment(at) : undefined;
  if (moment === undefined)
    throw new HvError('HV_E_USAGE', `not promoted: '${String(at)}' is no lsn, time or -5m`);
  return { name, at: moment };
}

function objectIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new HvError('HV_E_USAGE', 'not promoted: the body is no JSON object');
}
