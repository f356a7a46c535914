/** Names of guests, which are names of directories too. */

import { HvError } from '../base/errors.ts';

/** One component of a path, nothing that shells or paths read otherwise; HV_E_USAGE if it is not. */
export function checkName(name: string | undefined): string | undefined {
  if (name === undefined || /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new HvError(
    'HV_E_USAGE',
    `--name '${name}' is no name: letters, digits, dot, dash and underscore, at most 64`,
  );
}
