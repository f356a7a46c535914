/** The process of `hv run`: the hypervisor of one guest, and a local backup if asked for. */

import { basename, extname } from 'node:path';
import { HvError } from '../base/errors.ts';
import { parseAddress } from '../host/addresses.ts';
import type { AdminServer } from '../host/admin-server.ts';
import type { TakenCheckpoint } from '../host/checkpoint-store.ts';
import type { KeepPolicy } from '../host/checkpointer.ts';
import { HostClock } from '../host/clock.ts';
import { refuseColocated } from '../host/colocation.ts';
import { safeName } from '../host/directories.ts';
import { Hypervisor, type RecordMode } from '../host/hypervisor.ts';
import { type MountOption, mountArguments } from '../host/mount-option.ts';
import { Observation } from '../host/observation.ts';
import type { RecoveryReport } from '../host/recovery.ts';
import type { SupervisorHooks } from '../host/supervisor.ts';
import type { LinkSecurity, SecurityOptions } from '../host/tls.ts';
import type { CheckpointEvery } from '../replica/checkpoint-policy.ts';
import { counted } from '../timeline/record-words.ts';
import { openAdmin, openLog, openOwnerSocket, tellAdmin } from './admin.ts';
import { type AdminOptions, adminArguments } from './admin-options.ts';
import { Lifecycle } from './lifecycle.ts';
import { type CpuLimit, hangArguments, limitsOf } from './limit-options.ts';
import { type LoadingFlags, loadingOf } from './loading-options.ts';
import { type LocalBackup, startLocalBackup } from './local-backup.ts';
import { warnOfWideModes } from './mode-warning.ts';
import { exitWith } from './outcome.ts';
import { say } from './print.ts';
import { type ProtectionOptions, ruleOf } from './protection-options.ts';
import { mayRejoin, type Rejoin, rejoin } from './rejoin.ts';
import { tellEmpty } from './resume-text.ts';
import { openSecrets, tendSecrets } from './secure-links.ts';
import { type SecurityFlags, securityOf } from './security-options.ts';
import { serveOwnStatus } from './status-report.ts';

export interface RunOptions extends ProtectionOptions, SecurityFlags, AdminOptions, LoadingFlags {
  readonly name?: string;
  readonly dir: string;
  readonly resume?: boolean;
  readonly checkpoint: CheckpointEvery;
  readonly keep: KeepPolicy;
  readonly recordOutputs?: boolean;
  readonly movesPorts?: boolean;
  readonly record: boolean;
  readonly recordNowhere?: boolean;
  readonly env: readonly string[];
  readonly memory?: number;
  readonly stack?: number;
  readonly diskQuota?: number;
  readonly mount?: readonly MountOption[];
  readonly cpu: readonly CpuLimit[];
  readonly hangLimit: number;
  readonly rejoin: boolean;
  readonly eventsFd?: number;
  readonly verbose?: boolean;
}

export async function runGuest(
  script: string | undefined,
  args: readonly string[],
  options: RunOptions,
): Promise<void> {
  if (script === undefined && options.resume !== true)
    throw new HvError('HV_E_USAGE', 'no script given');
  let name = script ?? options.name ?? 'guest';
  let address: string | undefined;
  const [record, rule] = [recordMode(options), ruleOf(options)];
  const securityAsked = securityOf(options, process.env);
  const secrets = openSecrets(securityAsked, options);
  const observation = new Observation('primary');
  const admin = await openAdmin(observation, { admin: options.admin, secrets });
  const lifecycle = new Lifecycle({
    observation,
    logger: openLog(options, { replica: name, role: 'primary' }),
    name: () => name,
    joinAt: () => address,
    keptIn: () => (record === 'disk' ? options.dir : undefined),
    dials: options.backup.filter((one) => one !== 'local'),
    ...{ eventsFd: options.eventsFd, verbose: options.verbose === true },
  });
  const { local, backups } = await findBackups(options, securityAsked, script);
  let running: Hypervisor | undefined;
  try {
    const hypervisor = await Hypervisor.start({
      // A backup on this machine is not what its operator means to go on with.
      handsOver: local === undefined,
      script,
      resume: options.resume === true,
      args,
      cwd: process.cwd(),
      ...loadingOf(options, process.env),
      terminal: terminalFacts(),
      name: options.name,
      dir: options.dir,
      record,
      backups,
      listen: options.listen,
      arbiter: options.arbiter,
      security: secrets.security,
      readsAgain: secrets.readsAgain,
      detectMs: options.detect,
      checkpoint: options.checkpoint,
      keep: options.keep,
      recordOutputs: options.recordOutputs === true,
      movesPorts: options.movesPorts === true,
      ownLog: rule.level === 'durable' ? 'durable' : 'written',
      rule,
      spares: options.spare,
      ...limitsOf(options),
      hangLimitMs: options.hangLimit,
      hooks: {
        ...told(lifecycle, observation, () => name),
        ended: (outcome, error) => {
          if (error !== undefined) local?.kill();
          const given = { options, hypervisor: running, securityAsked };
          const next = comesBack(mayRejoin(outcome), given);
          if (next === undefined) exitWith(outcome, error);
          admin.close();
          rejoin(next);
        },
      },
    });
    running = hypervisor;
    tendSecrets(secrets, lifecycle);
    name = hypervisor.name;
    address = hypervisor.address;
    const { pid } = process;
    lifecycle.event('started', new HostClock().wall(), { pid, log: hypervisor.logDir, address });
    await show(hypervisor, { observation, admin, lifecycle, options });
    warnOfWideModes(hypervisor.logDir);
    tellStart(hypervisor, {
      chatty: options.verbose === true || backups.length > 0,
      local,
      security: secrets.security,
    });
  } catch (error) {
    local?.kill();
    throw error;
  }
}

/** What the guest's process is told of, for people and programs. */
function told(
  lifecycle: Lifecycle,
  { observer }: Observation,
  name: () => string,
): Omit<SupervisorHooks, 'ended'> {
  return {
    note: (note, at) => lifecycle.note(note, at),
    trouble: (event, fields) => lifecycle.trouble(event, fields),
    beat: (roundTripMs) => observer.beat(roundTripMs),
    checkpoint: (taken) => {
      observer.checkpoint(taken);
      tellCheckpoint(lifecycle, taken);
    },
    recovered: (report) => tellRecovery(lifecycle, name(), report),
    hint: (text) => say(text),
    beginsEmpty: (found) => tellEmpty(lifecycle, found),
  };
}

/** How this process goes on when another replica is primary; undefined: it ends. */
function comesBack(
  isDeposed: boolean,
  given: {
    readonly options: RunOptions;
    readonly hypervisor: Hypervisor | undefined;
    readonly securityAsked: SecurityOptions;
  },
): Rejoin | undefined {
  const { options, hypervisor, securityAsked: security } = given;
  const { address, arbiter, vm, name } = hypervisor ?? {};
  if (!isDeposed || !options.rejoin || hypervisor?.supervisor.terminated === true) return undefined;
  if (!address || !arbiter || !vm || !name) return undefined;
  const { dir, eventsFd, verbose } = options;
  return {
    ...{ address, dir, name, vm, arbiter, security, eventsFd, verbose: verbose === true },
    isSuccessor: false,
    also: [
      ...adminArguments(options),
      ...hangArguments(options.hangLimit),
      ...mountArguments(options.mount),
    ],
  };
}

/** From here on others can look at the guest. */
async function show(
  hypervisor: Hypervisor,
  given: {
    readonly observation: Observation;
    readonly admin: AdminServer;
    readonly lifecycle: Lifecycle;
    readonly options: RunOptions;
  },
): Promise<void> {
  const { observation, admin, lifecycle, options } = given;
  const { name, logDir } = hypervisor;
  observation.attach({
    status: (done) => hypervisor.status(done),
    meters: hypervisor.supervisor.meters,
    arbiter: hypervisor.arbiter,
    detectMs: options.detect,
    logDir,
    actions: {
      switchOver: (to) => hypervisor.supervisor.switchOver(to),
      protect: (peer) => hypervisor.supervisor.addBackup(peer),
    },
  });
  tellAdmin(lifecycle, observation);
  // Without a log nobody else is kept from the name, and nothing is left behind.
  if (logDir !== undefined) {
    await serveOwnStatus(options.dir, name, (done) => observation.status(done));
    await openOwnerSocket(admin, { dir: options.dir, name });
  }
}

function tellCheckpoint(lifecycle: Lifecycle, taken: TakenCheckpoint): void {
  const { lsn, base, bytes, pauseMs, writeMs } = taken;
  lifecycle.event('checkpoint', new HostClock().wall(), { lsn, base, bytes, pauseMs, writeMs });
}

function tellStart(
  { name, logDir, address }: Hypervisor,
  facts: {
    readonly chatty: boolean;
    readonly local: LocalBackup | undefined;
    readonly security: LinkSecurity;
  },
): void {
  const { chatty, local, security } = facts;
  if (chatty) say(`${name}: recording to ${logDir ?? 'nowhere'}`);
  if (local !== undefined)
    say(
      `${name}: the local backup is pid ${local.pid}; it takes over when this process is killed, and kill ${local.pid} then ends it. Its console: ${local.console}`,
    );
  if (address !== undefined) say(`${name}: fresh backups join at ${address}`);
  if (chatty && security.mode !== 'plain') say(`${name}: ${security.describe()}`);
}

/**
 * The backups to dial, the local one started. Throws HV_E_ARBITER_COLOCATED before that where backups are
 * on other hosts and the arbiter would die with one of them.
 */
async function findBackups(
  options: RunOptions,
  security: SecurityOptions,
  script: string | undefined,
): Promise<{ local: LocalBackup | undefined; backups: readonly string[] }> {
  const { arbiter, arbiterColocated, backup, dir, hangLimit, mount = [] } = options;
  const remote = backup.filter((one) => one !== 'local');
  const hosts = remote.map((one) => parseAddress(one, { what: 'the address of a backup' }).host);
  if (arbiter !== undefined && arbiterColocated !== true) await refuseColocated(arbiter, hosts);
  const wantsLocal = remote.length < backup.length;
  const name = safeName(options.name ?? basename(script ?? '', extname(script ?? '')));
  const local = wantsLocal
    ? await startLocalBackup(dir, {
        name,
        hangLimitMs: hangLimit,
        security,
        admin: options,
        mounts: mount,
      })
    : undefined;
  return {
    local,
    backups: backup.map((one) => (one === 'local' && local ? local.address : one)),
  };
}

function tellRecovery(lifecycle: Lifecycle, name: string, report: RecoveryReport): void {
  const { checkpoint, skipped, records, tornBytes, wasSealed } = report;
  lifecycle.event('recovered', new HostClock().wall(), {
    checkpoint,
    records,
    tornBytes,
    wasSealed,
    skipped: skipped.map(({ lsn, unusable }) => ({ lsn, reason: unusable.reason })),
  });
  for (const { lsn, unusable } of skipped)
    say(`${name}: the checkpoint at lsn ${lsn} cannot be used: ${unusable.reason}`);
  const from = checkpoint === 0 ? 'from its beginning' : `from the checkpoint at lsn ${checkpoint}`;
  const torn = tornBytes === 0 ? '' : `, ${counted(tornBytes, 'torn byte')} cut off its end`;
  say(`${name}: its log was replayed ${from}, ${counted(records, 'record')}${torn}`);
}

function recordMode({ record, recordNowhere }: RunOptions): RecordMode {
  if (recordNowhere !== true) return record ? 'disk' : 'off';
  if (!record)
    throw new HvError('HV_E_USAGE', '--no-record and --record-nowhere exclude each other');
  return 'nowhere';
}

function terminalFacts(): {
  stdinIsTTY: boolean;
  stdoutIsTTY: boolean;
  stderrIsTTY: boolean;
  columns: number;
} {
  return {
    stdinIsTTY: process.stdin.isTTY === true,
    stdoutIsTTY: process.stdout.isTTY === true,
    stderrIsTTY: process.stderr.isTTY === true,
    columns: process.stdout.columns ?? 80,
  };
}
