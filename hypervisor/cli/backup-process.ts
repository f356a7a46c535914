/** The process of `hv backup`: host, signals, join requests and exit status. */

import { EXIT } from '../base/errors.ts';
import { isLoopback, parseAddress } from '../host/addresses.ts';
import type { AdminServer } from '../host/admin-server.ts';
import { BackupHost } from '../host/backup-host.ts';
import { HostClock } from '../host/clock.ts';
import { refuseColocated, SOME_OTHER_HOST } from '../host/colocation.ts';
import { Observation } from '../host/observation.ts';
import type { LinkSecurity } from '../host/tls.ts';
import type { BackupOutcome, PrimaryOutcome } from '../replica/hooks.ts';
import { openAdmin, openLog, openOwnerSocket, tellAdmin } from './admin.ts';
import type { AdminOptions } from './admin-options.ts';
import { Joining } from './joining.ts';
import { Lifecycle } from './lifecycle.ts';
import { exitWith } from './outcome.ts';
import { say } from './print.ts';
import { type MemberOptions, memberOf } from './protection-options.ts';
import { mayRejoin, type Rejoin, rejoin } from './rejoin.ts';
import { openSecurity, tendSecurity } from './secure-links.ts';
import { type SecurityFlags, securityOf } from './security-options.ts';
import { serveOwnStatus } from './status-report.ts';

export interface BackupProcessOptions extends MemberOptions, SecurityFlags, AdminOptions {
  readonly listen: string;
  readonly rejoin?: string;
  readonly dir?: string;
  readonly arbiter?: string;
  readonly arbiterColocated?: boolean;
  readonly hangLimit: number;
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export async function runBackup(options: BackupProcessOptions): Promise<void> {
  let host: BackupHost | undefined;
  const observation = new Observation('backup');
  const { observer } = observation;
  const admin = await openAdmin(observation, options);
  const lifecycle = new Lifecycle({
    observation,
    logger: openLog(options, { replica: options.listen, role: 'backup' }),
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
  for (const address of options.from) security.checkDial(address);
  const member = memberOf(options);
  let joining: Joining | undefined;
  const dir = options.dir ?? `.hv/backup-${wanted.port === 0 ? `pid-${process.pid}` : wanted.port}`;
  host = await BackupHost.start({
    listen: options.listen,
    dir,
    arbiter: options.arbiter,
    seeks: options.rejoin,
    arbiterMayBeColocated: options.arbiterColocated === true,
    security,
    hangLimitMs: options.hangLimit,
    member,
    note: (note, at) => {
      if (note.type === 'following') joining?.found();
      // Who follows a backup looks for the next one; a primary dials by itself.
      if (note.type === 'parted' && options.from.length > 0) joining?.ask();
      lifecycle.note(note, at);
    },
    heard: () => observer.heard(Date.now()),
    beat: (roundTripMs) => observer.beat(roundTripMs),
    checkpoint: (taken) => observer.checkpoint(taken),
    inStep: (epoch) => {
      lifecycle.event('in.step', new HostClock().wall(), { epoch });
      say(`in step with the primary (epoch ${epoch}); ready to take over at once`);
    },
    trouble: (event, fields) => lifecycle.trouble(event, fields),
    ended: (outcome, error) => {
      joining?.found();
      if (outcome?.type === 'stopped' && host?.primary === false)
        say(
          `${host.guestName}: the primary stopped on purpose (status ${outcome.code}); the log is sealed`,
        );
      const next = comesBack(outcome, { host, dir, options });
      if (next === undefined) exitWith(outcome, error);
      admin.close();
      rejoin(next);
    },
  });
  lifecycle.event('listening', new HostClock().wall(), { address: host.address });
  await show(host, { observation, admin, lifecycle, dir });
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
  joining = joiningOf(options, { own: host.address, security });
  joining?.ask();
}

/** Who is asked to dial; undefined: whoever dials is welcome. */
function joiningOf(
  { join, from }: BackupProcessOptions,
  given: { readonly own: string; readonly security: LinkSecurity },
): Joining | undefined {
  const asked = join === undefined ? from : [join];
  if (asked.length === 0) return undefined;
  return new Joining(asked, { ...given, patient: from.length > 0 });
}

/** From here on others can look at the replica. */
async function show(
  replica: BackupHost,
  given: {
    readonly observation: Observation;
    readonly admin: AdminServer;
    readonly lifecycle: Lifecycle;
    readonly dir: string;
  },
): Promise<void> {
  const { observation, admin, lifecycle, dir } = given;
  observation.attach({
    status: (done) => replica.status(done),
    get meters() {
      return replica.meters;
    },
    get arbiter() {
      return replica.settings?.arbiter;
    },
    get detectMs() {
      return replica.settings?.detectMs;
    },
    logDir: dir,
    promote: (options) => replica.promote(options),
    actions: replica.actions,
  });
  tellAdmin(lifecycle, observation);
  await serveOwnStatus(dir, 'backup', (done) => observation.status(done));
  await openOwnerSocket(admin, { dir, name: 'backup' });
}

/** How this process goes on after its reign; undefined: it ends. */
function comesBack(
  outcome: BackupOutcome | PrimaryOutcome | undefined,
  given: {
    readonly host: BackupHost | undefined;
    readonly dir: string;
    readonly options: BackupProcessOptions;
  },
): Rejoin | undefined {
  const { host, dir, options } = given;
  const { vm, settings, lastAddress: address } = host ?? {};
  if (outcome === undefined || !mayRejoin(outcome) || host?.terminated === true) return undefined;
  if (address === undefined || vm === undefined || settings === undefined) return undefined;
  const { eventsFd, verbose, priority, hidden, storeOnly, snapshots, delay, from } = options;
  return {
    ...{ address, dir, vm, arbiter: settings.arbiter, eventsFd, verbose: verbose === true },
    security: securityOf(options, process.env),
    also: [
      ...(priority === 0 ? [] : ['--priority', String(priority)]),
      ...(hidden === true ? ['--hidden'] : []),
      ...(storeOnly === true ? ['--store-only'] : []),
      ...(snapshots === true ? ['--snapshots'] : []),
      ...(delay === undefined ? [] : ['--delay', `${delay / 1000}ms`]),
      ...from.flatMap((address) => ['--from', address]),
    ],
  };
}
