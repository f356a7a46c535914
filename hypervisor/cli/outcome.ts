/** How a replica's end becomes lines and an exit status. */

import { EXIT, HvError } from '../base/errors.ts';
import type { BackupOutcome, PrimaryOutcome } from '../replica/hooks.ts';
import { explain } from './print.ts';

/** Ends the process. `outcome` undefined: `error` says why. */
export function exitWith(
  outcome: BackupOutcome | PrimaryOutcome | undefined,
  error: HvError | undefined,
): never {
  if (error !== undefined) process.exit(explain(error));
  if (outcome === undefined) process.exit(EXIT.internal);
  switch (outcome.type) {
    case 'stopped':
      if (outcome.code === EXIT.limit && outcome.reason.includes('--cpu'))
        explain(new HvError('HV_E_CPU_LIMIT', outcome.reason));
      return process.exit(outcome.code);
    case 'fenced': {
      const epoch = outcome.view === undefined ? 'a later epoch' : `epoch ${outcome.view.epoch}`;
      const who = outcome.view?.primary ?? 'another replica';
      return process.exit(
        explain(new HvError('HV_E_FENCED', `FENCED: ${who} is primary of ${epoch}`)),
      );
    }
    case 'handedOver':
      return process.exit(EXIT.ok);
    case 'diverged':
      return process.exit(explain(new HvError('HV_E_DIVERGED', outcome.report)));
  }
}
