/** The process of `hv backup`: host, signals, join requests and exit status. */

import type { Epoch } from '../../log-format/index.ts';
import { EXIT } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { isLoopback, parseAddress } from '../host/addresses.ts';
import type { AdminServer } from '../host/admin-server.ts';
import { BackupHost } from '../host/backup-host.ts';
import type { MemberKind } from '../host/backup-options.ts';
import { HostClock } from '../host/clock.ts';
import { refuseColocated, SOME_OTHER_HOST } from '../host/colocation.ts';
import { lockCopies } from '../host/log-lock.ts';
import { type MountOption, mountArguments } from '../host/mount-option.ts';
import { Observation } from '../host/observation.ts';
import type { BackupOutcome, PrimaryOutcome } from '../replica/hooks.ts';
import { openAdmin, openLog, openOwnerSocket, tellAdmin } from './admin.ts';
import { type AdminOptions, adminArguments } from './admin-options.ts';
import { Joining, type JoiningOptions } from './joining.ts';
import { Lifecycle } from './lifecycle.ts';
import { hangArguments } from './limit-options.ts';
import { warnOfWideModes } from './mode-warning.ts';
import { exitWith } from './outcome.ts';
import { explain, say } from './print.ts';
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
  readonly as: string;
  readonly rejoin: boolean;
  readonly arbiter?: string;
  readonly arbiterColocated?: boolean;
  readonly hangLimit: number;
  readonly mount?: readonly MountOption[];
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export async function runBackup(options: BackupProcessOptions): Promise<void> {
  let host: BackupHost | undefined;
  const wanted = parseAddress(options.listen, { what: 'the address to listen on' });
  const observation = new Observation('backup');
  const secrets = openSecrets(securityOf(options, process.env), options);
  const { security } = secrets;
  const admin = await openAdmin(observation, { admin: options.admin, secrets });
  const lifecycle = new Lifecycle({
    observation,
    logger: openLog(options, { replica: options.listen, role: 'backup' }),
    name: () => host?.guestName ?? 'guest',
    joinAt: () => host?.address,
    keptIn: () => dir,
    eventsFd: options.eventsFd,
    verbose: options.verbose === true,
  });
  // One that only this host can reach has its primary here.
  const mayShare = options.arbiterColocated === true || isLoopback(wanted.host);
  if (options.arbiter !== undefined && !mayShare)
    await refuseColocated(options.arbiter, [SOME_OTHER_HOST]);
  for (const address of [options.join ?? [], options.from].flat()) security.checkDial(address);
  if (options.seek !== undefined) endWithParent();
  let joining: Joining | undefined;
  security.checkListen(options.listen);
  const member = memberOf(options);
  const dir = ownDirectory(options, wanted.port);
  host = await BackupHost.start({
    listen: options.listen,
    dir,
    arbiter: options.arbiter,
    seeks: options.seek,
    arbiterMayBeColocated: options.arbiterColocated === true,
    security,
    readsAgain: secrets.readsAgain,
    ...{ hangLimitMs: options.hangLimit, mounts: options.mount ?? [] },
    member,
    note: (note, at) => {
      joining?.noted(note);
      lifecycle.note(note, at);
    },
    heard: () => observation.observer.heard(Date.now()),
    beat: (roundTripMs) => observation.observer.beat(roundTripMs),
    checkpoint: (taken) => observation.observer.checkpoint(taken),
    inStep: (epoch) => {
      lifecycle.event('in.step', new HostClock().wall(), { epoch });
      say(inStepLine(epoch, member));
    },
    trouble: (event, fields) => lifecycle.trouble(event, fields),
    ended: (outcome, error) => {
      joining?.found();
      if (host?.primary === false) tellStop(outcome, host, lifecycle);
      const next = comesBack(mayRejoin(outcome), { host, dir, options });
      if (next === undefined) exitWith(outcome, error);
      admin.close();
      rejoin(next);
    },
  });
  lifecycle.event('listening', new HostClock().wall(), { address: host.address });
  await show(host, { observation, admin, lifecycle, dir, name: options.as });
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
    joining = newJoining(asked, { own: host.address, security, follows: options.from.length > 0 });
    joining.ask();
  }
}

function inStepLine(epoch: Epoch, { hidden, chained }: MemberKind): string {
  const whom = chained ? 'the replica it follows' : 'the primary';
  const next = hidden ? 'it takes over only by hv promote --force' : 'ready to take over at once';
  return `in step with ${whom} (epoch ${epoch}); ${next}`;
}

/** One that follows others goes on asking; one that is to join and cannot ends the process. */
function newJoining(
  asked: readonly string[],
  given: Pick<JoiningOptions, 'own' | 'security'> & { readonly follows: boolean },
): Joining {
  const { own, security, follows } = given;
  return new Joining(asked, {
    own,
    security,
    path: follows ? '/follow' : '/join',
    patienceMs: follows ? Number.POSITIVE_INFINITY : HANDSHAKE_TIMEOUT_MS,
    tell: say,
    failed: (error) => process.exit(explain(error)),
  });
}

/**
 * Where the copies go, this process's until it ends: also while another one takes its place, so that whoever
 * is refused the directory hears of the one that was started here.
 */
function ownDirectory({ dir: asked, as }: BackupProcessOptions, port: number): string {
  const dir = asked ?? `.hv/backup-${port === 0 ? `pid-${process.pid}` : port}`;
  const lock = lockCopies(dir, as);
  process.once('exit', () => lock.release());
  return dir;
}

const STOPPED_HERE = 'this backup was stopped by ';

/** Told from the stop of a guest, whose reason may be a signal as well. */
function stopHere(signal: string): string {
  return STOPPED_HERE + signal;
}

/** A primary that stopped on purpose has ended its backups with it; a signal ends this one alone. */
function tellStop(
  outcome: BackupOutcome | PrimaryOutcome | undefined,
  { guestName: name, settings }: BackupHost,
  lifecycle: Lifecycle,
): void {
  if (outcome?.type !== 'stopped') return;
  const { code, reason } = outcome;
  lifecycle.event('stopped', new HostClock().wall(), { code, reason });
  if (!reason.startsWith(STOPPED_HERE))
    say(`${name}: the primary stopped on purpose (status ${code}); the log is sealed`);
  else if (settings === undefined) say(reason);
  else say(`${name}: ${reason}; its copy of the log stays`);
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
    ...{ ...next, name: host?.guestName ?? options.as, dir, eventsFd, verbose: verbose === true },
    security: securityOf(options, process.env),
    isSuccessor: options.seek !== undefined,
    also: [
      ...memberArguments(options),
      ...adminArguments(options),
      ...hangArguments(options.hangLimit),
      ...mountArguments(options.mount),
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
    readonly name: string;
  },
): Promise<void> {
  const { observation, admin, lifecycle, dir, name } = given;
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
  await serveOwnStatus(dir, name, (done) => observation.status(done));
  await openOwnerSocket(admin, { dir, name });
}
