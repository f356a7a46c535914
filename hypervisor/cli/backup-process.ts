/** The process of `hv backup`: host, signals, join requests and exit status. */

import { EXIT, HvError } from '../base/errors.ts';
import { isLoopback, parseAddress } from '../host/addresses.ts';
import type { AdminServer } from '../host/admin-server.ts';
import { BackupHost } from '../host/backup-host.ts';
import { HostClock } from '../host/clock.ts';
import { refuseColocated, SOME_OTHER_HOST } from '../host/colocation.ts';
import { Observation } from '../host/observation.ts';
import type { BackupOutcome, PrimaryOutcome } from '../replica/hooks.ts';
import { openAdmin, openLog, openOwnerSocket, tellAdmin } from './admin.ts';
import { type AdminOptions, adminArguments } from './admin-options.ts';
import { Joining } from './joining.ts';
import { Lifecycle } from './lifecycle.ts';
import { hangArguments } from './limit-options.ts';
import { warnOfWideModes } from './mode-warning.ts';
import { exitWith } from './outcome.ts';
import { say } from './print.ts';
import { type MemberOptions, memberArguments, memberOf } from './protection-options.ts';
import { endWithParent, mayRejoin, type Rejoin, rejoin } from './rejoin.ts';
import { openSecrets, tendSecrets } from './secure-links.ts';
import { type SecurityFlags, securityOf } from './security-options.ts';
import { serveOwnStatus } from './status-report.ts';

export interface BackupProcessOptions extends MemberOptions, SecurityFlags, AdminOptions {
  readonly listen: string;
  readonly join?: string;
  readonly dir?: string;
  readonly seek?: string;
  readonly rejoin: boolean;
  readonly arbiter?: string;
  readonly arbiterColocated?: boolean;
  readonly hangLimit: number;
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export async function runBackup(options: BackupProcessOptions): Promise<void> {
  let host: BackupHost | undefined;
  const observation = new Observation('backup');
  const secrets = openSecrets(securityOf(options, process.env), options);
  const { security } = secrets;
  const admin = await openAdmin(observation, { admin: options.admin, secrets });
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
  for (const address of [options.join ?? [], options.from].flat()) security.checkDial(address);
  if (options.seek !== undefined) endWithParent();
  if (options.join !== undefined && options.from.length > 0)
    throw new HvError('HV_E_USAGE', '--join asks a primary and --from a backup: pass one of them');
  let joining: Joining | undefined;
  const dir = options.dir ?? `.hv/backup-${wanted.port === 0 ? `pid-${process.pid}` : wanted.port}`;
  host = await BackupHost.start({
    listen: options.listen,
    dir,
    arbiter: options.arbiter,
    seeks: options.seek,
    arbiterMayBeColocated: options.arbiterColocated === true,
    security,
    readsAgain: secrets.readsAgain,
    hangLimitMs: options.hangLimit,
    member: memberOf(options),
    note: (note, at) => {
      joining?.noted(note);
      lifecycle.note(note, at);
    },
    heard: () => observation.observer.heard(Date.now()),
    beat: (roundTripMs) => observation.observer.beat(roundTripMs),
    checkpoint: (taken) => observation.observer.checkpoint(taken),
    inStep: (epoch) => {
      lifecycle.event('in.step', new HostClock().wall(), { epoch });
      say(`in step with the primary (epoch ${epoch}); ready to take over at once`);
    },
    trouble: (event, fields) => lifecycle.trouble(event, fields),
    ended: (outcome, error) => {
      joining?.found();
      if (host?.primary === false) tellStop(outcome, host.guestName, lifecycle);
      const next = comesBack(mayRejoin(outcome), { host, dir, options });
      if (next === undefined) exitWith(outcome, error);
      admin.close();
      rejoin(next);
    },
  });
  lifecycle.event('listening', new HostClock().wall(), { address: host.address });
  await show(host, { observation, admin, lifecycle, dir });
  warnOfWideModes(dir);
  say(`backup listening on ${host.address}`);
  if (security.mode !== 'plain') say(security.describe());
  const backup = host;
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => backup.primary || backup.stop(EXIT.ok, stopHere(name)));
  tendSecrets(secrets, lifecycle, () => {
    // As a primary its supervisor acts on it.
    if (host?.primary === false) host.stop(EXIT.ok, stopHere('SIGHUP'));
  });
  const asked = options.join === undefined ? options.from : [options.join];
  if (asked.length > 0) {
    joining = new Joining(asked, { own: host.address, security, patient: options.from.length > 0 });
    joining.ask();
  }
}

const STOPPED_HERE = 'this backup was stopped by ';

/** Told from the stop of a guest, whose reason may be a signal as well. */
function stopHere(signal: string): string {
  return STOPPED_HERE + signal;
}

/** A primary that stopped on purpose has ended its backups with it. */
function tellStop(
  outcome: BackupOutcome | PrimaryOutcome | undefined,
  name: string,
  lifecycle: Lifecycle,
): void {
  if (outcome?.type !== 'stopped') return;
  const { code, reason } = outcome;
  lifecycle.event('stopped', new HostClock().wall(), { code, reason });
  if (reason.startsWith(STOPPED_HERE)) say(`${name}: ${reason}; its copy of the log stays`);
  else say(`${name}: the primary stopped on purpose (status ${code}); the log is sealed`);
}

/** How this process goes on after its reign; undefined: it ends. */
function comesBack(
  isDeposed: boolean,
  given: {
    readonly host: BackupHost | undefined;
    readonly dir: string;
    readonly options: BackupProcessOptions;
  },
): Rejoin | undefined {
  const { host, dir, options } = given;
  const next = host?.succession;
  if (!isDeposed || !options.rejoin || next === undefined) return undefined;
  const { eventsFd, verbose } = options;
  return {
    ...{ ...next, dir, eventsFd, verbose: verbose === true },
    security: securityOf(options, process.env),
    isSuccessor: options.seek !== undefined,
    also: [
      ...memberArguments(options),
      ...adminArguments(options),
      ...hangArguments(options.hangLimit),
    ],
  };
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
    actions: replica.actions,
    promote: (options) => replica.promote(options),
  });
  tellAdmin(lifecycle, observation);
  await serveOwnStatus(dir, 'backup', (done) => observation.status(done));
  await openOwnerSocket(admin, { dir, name: 'backup' });
}
