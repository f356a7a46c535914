/** The process of `hv backup`: host, signals, join requests and exit status. */

import { asEpoch } from '../../log-format/index.ts';
import { EXIT, HvError } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS, JOIN_RETRY_MS } from '../base/limits.ts';
import { formatAddress, isLoopback, parseAddress } from '../host/addresses.ts';
import { BackupHost } from '../host/backup-host.ts';
import { HostClock } from '../host/clock.ts';
import { dialLink } from '../host/link.ts';
import { Lifecycle } from './lifecycle.ts';
import { warnOfWideModes } from './mode-warning.ts';
import { exitWith } from './outcome.ts';
import { explain, say } from './print.ts';
import { serveOwnStatus } from './status-report.ts';

export interface BackupProcessOptions {
  readonly listen: string;
  readonly join?: string;
  readonly dir?: string;
  readonly arbiter?: string;
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
  const stopJoining = new AbortController();
  const dir = options.dir ?? `.hv/backup-${wanted.port === 0 ? `pid-${process.pid}` : wanted.port}`;
  host = await BackupHost.start({
    listen: options.listen,
    dir,
    arbiter: options.arbiter,
    hangLimitMs: options.hangLimit,
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
      if (outcome?.type === 'stopped' && host?.primary === false)
        say(
          `${host.guestName}: the primary stopped on purpose (status ${outcome.code}); the log is sealed`,
        );
      exitWith(outcome, error);
    },
  });
  lifecycle.event('listening', new HostClock().wall(), { address: host.address });
  await serveOwnStatus(dir, 'backup', (done) => host.status(done));
  warnOfWideModes(dir);
  say(`backup listening on ${host.address}`);
  if (!isLoopback(wanted.host))
    say('this port is not authenticated yet: let only the primary reach it');
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      if (!host.primary) host.stop(EXIT.ok, name);
    });
  if (options.join !== undefined) keepAsking(options.join, host, stopJoining.signal);
}

/** Asks the primary to dial us, again and again until it does: it may be in the middle of a claim. */
function keepAsking(primary: string, host: BackupHost, stop: AbortSignal): void {
  const since = performance.now();
  let told = '';
  const own = formatAddress(parseAddress(host.address, { what: 'our own address' }));
  const ask = (): void => {
    if (stop.aborted) return;
    const link = dialLink(primary, '/join', {
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
    });
    link.send({ type: 'join', epoch: asEpoch(0), address: own });
  };
  ask();
}
