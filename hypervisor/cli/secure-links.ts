/** The security of a process's links: loaded at its start, loaded again at SIGHUP. */

import { HvError } from '../base/errors.ts';
import { HostClock } from '../host/clock.ts';
import { terminalIsGone } from '../host/terminal-gone.ts';
import { type LinkSecurity, loadSecurity, type SecurityOptions } from '../host/tls.ts';
import type { Lifecycle } from './lifecycle.ts';
import { say } from './print.ts';

const DAY_MS = 86_400_000;

/** Loads what is asked for and says what people should know. Throws HV_E_SECURITY_FILE. */
export function openSecurity(options: SecurityOptions): LinkSecurity {
  const security = loadSecurity(options);
  if (options.mode === 'plain' && options.insecure)
    say(
      'WARNING: --insecure: whoever reaches the ports of this replica can read and change everything, and become it',
    );
  warn(security);
  return security;
}

function warn(security: LinkSecurity): void {
  const warning = security.warning();
  if (warning !== undefined) say(`WARNING: ${warning}`);
}

/**
 * From now on SIGHUP reads the files again, where there are any, and a certificate near its end is
 * reported daily. A file that cannot be used is reported
 * and changes nothing. `onTerminalGone`: it was a real hang-up, and nobody else acts on it.
 */
export function tendSecurity(
  security: LinkSecurity,
  lifecycle: Lifecycle,
  onTerminalGone: () => void = () => {},
): void {
  if (security.mode === 'plain') return;
  setInterval(() => warn(security), DAY_MS).unref();
  process.on('SIGHUP', () => {
    if (terminalIsGone()) return onTerminalGone();
    try {
      security.reload();
    } catch (error) {
      if (!(error instanceof HvError)) throw error;
      lifecycle.event('security.failed', new HostClock().wall(), { reason: error.message });
      say(`ERROR: what was loaded before stays in force: ${error.message}   [${error.code}]`);
      return;
    }
    lifecycle.event('security.reloaded', new HostClock().wall(), { mode: security.mode });
    say(`reloaded: ${security.describe()}`);
    warn(security);
  });
}
