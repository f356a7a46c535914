/** How the admin port of `hv run` and `hv backup` comes up, and their log file. */

import { join } from 'node:path';
import { ADMIN_PORT } from '../base/limits.ts';
import { formatAddress } from '../host/addresses.ts';
import { actionRoutes } from '../host/admin-actions.ts';
import { adminRoutes } from '../host/admin-pages.ts';
import { AdminServer } from '../host/admin-server.ts';
import { HostClock } from '../host/clock.ts';
import { HostLogger } from '../host/logger.ts';
import type { Observation } from '../host/observation.ts';
import { type AdminOptions, LOOPBACK } from './admin-options.ts';
import type { Lifecycle } from './lifecycle.ts';
import { say } from './print.ts';
import type { Secrets } from './secure-links.ts';

const SOCKET_SUFFIX = '.admin.sock';
const STATUS_SUFFIX = '.status.sock';

export function openLog(
  { logFile }: AdminOptions,
  { replica, role }: { readonly replica: string; readonly role: string },
): HostLogger | undefined {
  if (logFile === undefined) return undefined;
  // What somebody asked a file for is all of it.
  return HostLogger.open({ replica, verbose: true, file: logFile }, { role, epoch: 0 });
}

/**
 * Opens the port, which answers until the process exits. Rejects with HV_E_PORT_IN_USE where a taken
 * address was asked for by name, and with HV_E_USAGE.
 */
export async function openAdmin(
  observation: Observation,
  { admin, secrets }: Pick<AdminOptions, 'admin'> & { readonly secrets: Secrets },
): Promise<AdminServer> {
  const server = new AdminServer({
    routes: [...adminRoutes(observation), ...actionRoutes(() => observation.actions)],
    token: secrets.adminToken,
  });
  if (admin === 'off') return server;
  const isAuto = admin === 'auto';
  const place = isAuto ? { host: LOOPBACK, port: ADMIN_PORT } : admin;
  try {
    await server.listen(place, { orAnyPort: isAuto });
  } catch (error) {
    // What nobody asked for is no reason to refuse a guest.
    if (!isAuto) throw error;
    say(`no admin port: ${(error as Error).message}`);
  }
  observation.adminAddress = server.address && formatAddress(server.address);
  return server;
}

/** Also at a socket beside the log, for its owner alone. A replica runs without, too. */
export async function openOwnerSocket(
  server: AdminServer,
  { dir, name }: { readonly dir: string; readonly name: string },
): Promise<void> {
  try {
    await server.listenForOwner(join(dir, name + SOCKET_SUFFIX));
  } catch (error) {
    say(`the admin socket of ${name} is not there: ${(error as Error).message}`);
  }
}

/** Of the replica whose status is answered at `statusPath`. */
export function adminSocketBeside(statusPath: string): string {
  return statusPath.replace(/\.status\.sock$/, SOCKET_SUFFIX);
}

/** Where the status of the replica with this admin socket is answered. */
export function statusBeside(adminPath: string): string {
  return adminPath.replace(/\.admin\.sock$/, STATUS_SUFFIX);
}

/** Programs learn where the port is from the event; people ask `hv status`. */
export function tellAdmin(lifecycle: Lifecycle, { adminAddress }: Observation): void {
  if (adminAddress !== undefined)
    lifecycle.event('admin', new HostClock().wall(), { address: adminAddress });
}
