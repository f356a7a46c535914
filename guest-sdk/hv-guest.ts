/**
 * `hv/guest`: what a guest may ask of its hypervisor and tell it. All of it is the same on every
 * replica and in every replay: there is no way to ask which of them one is.
 */

import { HEALTH_STATES, REPORT } from '../log-format/abi.ts';
import { bootConfig } from './boot-config.ts';
import { commit } from './commit.ts';
import { traps } from './drivers/traps.ts';
import { validateOneOf, validateString } from './node/validators.ts';

function health(state: unknown, reason: unknown = ''): void {
  validateOneOf(state, 'state', [...HEALTH_STATES]);
  validateString(reason, 'reason');
  traps.report(
    REPORT.health,
    (HEALTH_STATES as readonly unknown[]).indexOf(state),
    reason as string,
  );
}

const hv = {
  /** Of a log that was recorded before there were run ids, the text that no run has. */
  get runId(): string {
    return bootConfig().runId ?? '';
  },
  position: (): number => traps.position(),
  commit,
  checkpoint: (): void => traps.report(REPORT.checkpoint, 0, ''),
  health,
};

/** Of what `require('hv/guest')` returns. */
export const exported = { hv };
