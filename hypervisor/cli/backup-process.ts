/** The process of `hv backup`: host, signals, join requests and exit status. */

import { asEpoch } from '../../log-format/index.ts';
import { EXIT, HvError } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS, JOIN_RETRY_MS } from '../base/limits.ts';
import { formatAddress, isLoopback, parseAddress } from '../host/addresses.ts';
import { BackupHost } from '../host/backup-host.ts';
import { HostClock } from '../host/clock.ts';
import { refuseColocated, SOME_OTHER_HOST } from '../host/colocation.ts';
import { dialLink } from '../host/link.ts';
import type { LinkSecurity } from '../host/tls.ts';
import type { LinkHandlers } from '../ports.ts';
import { Lifecycle } from './lifecycle.ts';
import { exitWith } from './outcome.ts';
import { explain, say } from './print.ts';
import type { MemberOptions } from './protection-options.ts';
import { openSecurity, tendSecurity } from './secure-links.ts';
import { type SecurityFlags, securityOf } from './security-options.ts';
import { serveOwnStatus } from './status-report.ts';

export interface BackupProcessOptions extends MemberOptions, SecurityFlags {
  readonly listen: string;
  readonly join?: string;
  readonly dir?: string;
  readonly arbiter?: string;
  readonly arbiterColocated?: boolean;
  readonly hangLimit: number;
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export async function runBackup(options: BackupProcessOptions): Promise<void> {
  let host: BackupHost | undefined;
  const lifecycle = new Lifecycle({
    name: () => host?.guestName ?? 'guest',
    joinAt: () => host?.address,
    eventsFd: options.eventsFd,
    verbose: options.verbose === true,
  });
  const wanted = parseAddress(options.listen, { what: 'the address to listen on' });
  // One that only this host can reach has its primary here.
  if (
    options.arbiter !== undefined &&
    options.arbiterColocated !== true &&
    !isLoopback(wanted.host)
  )
    await refuseColocated(options.arbiter, [SOME_OTHER_HOST]);
  const security = openSecurity(securityOf(options, process.env));
  if (options.join !== undefined) security.checkDial(options.join);
  const stopJoining = new AbortController();
  const dir = options.dir ?? `.hv/backup-${wanted.port === 0 ? `pid-${process.pid}` : wanted.port}`;
  host = await BackupHost.start({
    listen: options.listen,
    dir,
    arbiter: options.arbiter,
    arbiterMayBeColocated: options.arbiterColocated === true,
    security,
    hangLimitMs: options.hangLimit,
    member: {
      priority: options.priority,
      hidden: options.hidden === true,
      cold: options.storeOnly === true,
    },
    note: (note, at) => {
      if (note.type === 'following') stopJoining.abort();
      lifecycle.note(note, at);
    },
    inStep: (epoch) => {
      lifecycle.event('in.step', new HostClock().wall(), { epoch });
      say(`in step with the primary (epoch ${epoch}); ready to take over at once`);
    },
    trouble: (event, fields) => lifecycle.trouble(event, fields),
    ended: (outcome, error) => {
      stopJoining.abort();
      if (outcome?.type === 'stopped' && host?.primary === false) {
        const { code, reason } = outcome;
        lifecycle.event('stopped', new HostClock().wall(), { code, reason });
        say(
          `${host.guestName}: the primary stopped on purpose (status ${code}); the log is sealed`,
        );
      }
      exitWith(outcome, error);
    },
  });
  lifecycle.event('listening', new HostClock().wall(), { address: host.address });
  await serveOwnStatus(dir, 'backup', (done) => host.status(done));
  say(`backup listening on ${host.address}`);
  if (security.mode !== 'plain') say(security.describe());
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      if (!host.primary) host.stop(EXIT.ok, name);
    });
  tendSecurity(security, lifecycle, () => {
    // As a primary its supervisor acts on it.
    if (host?.primary === false) host.stop(EXIT.ok, 'SIGHUP');
  });
  if (options.join !== undefined)
    keepAsking(options.join, { host, security, stop: stopJoining.signal });
}

interface Joining {
  readonly host: BackupHost;
  readonly security: LinkSecurity;
  readonly stop: AbortSignal;
}

/** Asks the primary to dial us, again and again until it does: it may be in the middle of a claim. */
function keepAsking(primary: string, { host, security, stop }: Joining): void {
  const since = performance.now();
  let told = '';
  const own = formatAddress(parseAddress(host.address, { what: 'our own address' }));
  const ask = (): void => {
    if (stop.aborted) return;
    const handlers: LinkHandlers = {
      onMessage: (message) => {
        if (message.type === 'bye' && message.reason !== told) {
          told = message.reason;
          say(`${primary}: ${told}`);
        }
      },
      onClose: (reason) => {
        if (stop.aborted) return;
        if (performance.now() - since > HANDSHAKE_TIMEOUT_MS) {
          const text = `the primary ${primary} did not take this backup: ${reason}`;
          process.exit(explain(new HvError('HV_E_JOIN', text)));
        }
        setTimeout(ask, JOIN_RETRY_MS);
      },
    };
    const link = dialLink(primary, '/join', handlers, { security });
    link.send({ type: 'join', epoch: asEpoch(0), address: own });
  };
  ask();
}
