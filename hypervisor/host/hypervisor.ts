/**
 * A guest run as primary: bundles the script, prepares the log, starts the worker and supervises it.
 * The main thread's half of `hv run`; nothing here knows a terminal.
 */

import { randomBytes } from 'node:crypto';
import { basename, extname, resolve } from 'node:path';
import {
  asLsn,
  type BootConfig,
  FORMAT_VERSION,
  type LogHeader,
  sha256Hex,
  toHex,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { TICKS_PER_MICRO } from '../base/limits.ts';
import type { AckRule } from '../protocol/ack-level.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import type { OwnLogMode } from '../protocol/own-log.ts';
import type { CheckpointEvery } from '../replica/checkpoint-policy.ts';
import { formatAddress } from './addresses.ts';
import { answerJoin } from './answer-join.ts';
import { bootConfig } from './boot-config.ts';
import { type BundleOptions, bundleGuest, type GuestImage } from './bundle.ts';
import { removeUnfinished } from './checkpoint-files.ts';
import type { KeepPolicy } from './checkpointer.ts';
import { HostClock } from './clock.ts';
import { type EarlierLog, earlierLog } from './earlier-log.ts';
import { loadFirmware } from './engine-parts.ts';
import { checkName } from './guest-name.ts';
import { LinkListener, type ListenerCounters } from './link.ts';
import { type DirectoryLock, lockDirectory } from './log-lock.ts';
import { engineParts, type GuestBlobs, MACHINE_VERSION } from './machine-factory.ts';
import { checkMounts, type MountOption } from './mount-option.ts';
import { nothingToGoOnFrom, nothingToResume } from './nothing-to-resume.ts';
import { refuseOtherLimits, resumableHeader } from './resume.ts';
import { refuseWithoutLog, resolveArbiter } from './run-checks.ts';
import { commonStatus } from './status.ts';
import { Supervisor, type SupervisorHooks, type SupervisorOptions } from './supervisor.ts';
import { startWorker } from './threads.ts';
import { type LinkSecurity, LOCAL_ONLY } from './tls.ts';
import { HV_VERSION } from './version.ts';
import {
  newControl,
  type PrimarySettings,
  type PrimaryStart,
  type ResumeStart,
} from './worker-protocol.ts';

/** What becomes of the log. `nowhere` encodes and drops it: only to measure what encoding costs. */
export type RecordMode = 'disk' | 'nowhere' | 'off';

/** What a guest may use, exactly. 0 ticks: no limit. */
export type GuestLimits = Pick<
  LogHeader,
  'memoryPages' | 'stackBytes' | 'turnTicksMax' | 'secondTicksMax'
>;

export interface HypervisorOptions {
  /** Path of the script; undefined: that of the log is continued. */
  readonly script: string | undefined;
  /** How the image is made of it. */
  readonly loading?: Omit<BundleOptions, 'cwd'>;
  /** Go on from the log of an earlier run, if there is one. */
  readonly resume: boolean;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Terminal facts the guest may see. */
  readonly terminal: Pick<BootConfig, 'stdinIsTTY' | 'stdoutIsTTY' | 'stderrIsTTY' | 'columns'>;
  /** Base name of the log directory; by default the script's. */
  readonly name: string | undefined;
  /** Where logs go. */
  readonly dir: string;
  readonly record: RecordMode;
  /** `host:port` of each backup. */
  readonly backups: readonly ReplicaId[];
  /** `host:port` for fresh backups that ask to join; undefined: none. */
  readonly listen: string | undefined;
  readonly arbiter: string | undefined;
  /** How links are authenticated; by default plain, and to this machine only. */
  readonly security?: LinkSecurity;
  /** See `SupervisorOptions`. */
  readonly readsAgain?: boolean;
  readonly detectMs: number;
  /** What of the log on disk outputs wait for (`hv run --ack`). */
  readonly ownLog: Exclude<OwnLogMode, 'none'>;
  readonly rule: AckRule;
  /** `host:port` of idle replicas that may be recruited when a backup is lost. */
  readonly spares: readonly ReplicaId[];
  readonly checkpoint: CheckpointEvery;
  readonly keep: KeepPolicy;
  /** Outputs go into the log, so that a replay compares them byte for byte. */
  readonly recordOutputs: boolean;
  /** A listener of an earlier life whose port is taken moves to a free one. */
  readonly movesPorts: boolean;
  /** Recorded in the log's header: every replica and every replay keeps them. */
  readonly limits: GuestLimits;
  /** Those that somebody asked for: a log that was recorded under others is refused. */
  readonly limitsAsked?: Partial<GuestLimits>;
  /** What the guest's files may hold; undefined: half of its heap. Recorded in the boot. */
  readonly diskBytesMax?: number | undefined;
  /** Directories of the host that the guest has. */
  readonly mounts?: readonly MountOption[];
  /** Silence of a guest at work that ends it by force; Infinity: none does. */
  readonly hangLimitMs: number;
  /** SIGTERM hands a protected guest over instead of stopping it on both sides. */
  readonly handsOver?: boolean;
  readonly hooks: SupervisorHooks;
}

export class Hypervisor {
  readonly name: string;
  /** Undefined when nothing is recorded. */
  readonly logDir: string | undefined;
  readonly supervisor: Supervisor;
  /** An earlier run goes on. */
  readonly resumes: boolean;
  /** Who decides the view; undefined for a guest that will never have a backup. */
  readonly arbiter: string | undefined;
  readonly #header: LogHeader;
  readonly #listener: LinkListener | undefined;
  /** Also when the listener is closed. */
  readonly #address: string | undefined;

  private constructor(
    supervisor: Supervisor,
    facts: {
      header: LogHeader;
      logDir: string | undefined;
      listener: LinkListener | undefined;
      resumes: boolean;
      arbiter: string | undefined;
    },
  ) {
    this.supervisor = supervisor;
    this.name = facts.header.name;
    this.#header = facts.header;
    this.logDir = facts.logDir;
    this.#listener = facts.listener;
    this.#address = facts.listener && formatAddress(facts.listener.address);
    this.resumes = facts.resumes;
    this.arbiter = facts.arbiter;
  }

  /** Names the run, at the arbiter too. */
  get vm(): string {
    return this.#header.vm;
  }

  /** Address of the listener for fresh backups, as bound. */
  get address(): string | undefined {
    return this.#address;
  }

  /** What the listener for fresh backups has seen. */
  get linkCounters(): ListenerCounters | undefined {
    return this.#listener?.counters;
  }

  /**
   * Starts the guest. Rejects with GuestLoadError when the script cannot be loaded, and with HvError
   * when it may not run as asked; nothing is left running then.
   */
  static async start(options: HypervisorOptions): Promise<Hypervisor> {
    const arbiter = resolveArbiter(options);
    const security = options.security ?? LOCAL_ONLY;
    for (const peer of options.backups) security.checkDial(peer);
    if (options.listen !== undefined) security.checkListen(options.listen);
    refuseWithoutLog(options);
    checkMounts(options.mounts ?? []);
    const image =
      options.script === undefined
        ? undefined
        : await bundleGuest(options.script, { ...options.loading, cwd: options.cwd });
    for (const hint of image?.hints ?? []) options.hooks.hint?.(hint);
    const name =
      checkName(options.name) ?? (image && basename(image.script, extname(image.script)));
    if (name === undefined)
      throw new HvError('HV_E_USAGE', 'without a script, --resume needs the --name of the guest');
    const logDir = options.record === 'disk' ? resolve(options.dir, name) : undefined;
    const lock = logDir === undefined ? undefined : lockDirectory(logDir);
    try {
      if (logDir !== undefined) await removeUnfinished(logDir);
      const old = options.resume && logDir ? resumableHeader(logDir, image) : undefined;
      if (options.resume && logDir && old === undefined) {
        const empty = nothingToResume(logDir);
        if (image === undefined) throw nothingToGoOnFrom(empty);
        options.hooks.beginsEmpty?.(empty);
      }
      if (old !== undefined && logDir !== undefined) {
        refuseOtherLimits(logDir, old, options.limitsAsked);
      }
      const earlier =
        old === undefined
          ? earlierLog(logDir, (event, fields) => options.hooks.trouble(event, fields))
          : undefined;
      try {
        return await Hypervisor.#launch(options, {
          arbiter,
          image,
          old,
          name,
          logDir,
          lock,
          earlier,
        });
      } catch (error) {
        earlier?.ended();
        throw error;
      }
    } catch (error) {
      lock?.release();
      throw error;
    }
  }

  /** See `Supervisor.stop`. */
  stop(code: number, reason: string): void {
    this.supervisor.stop(code, reason);
  }

  /** What `hv status` prints, as plain data. Calls back soon, whatever the guest does. */
  status(done: (status: object) => void): void {
    const { logDir } = this;
    this.supervisor.status((hang, worker) => {
      const given = { role: 'primary', header: this.#header, logDir, hang, worker } as const;
      const links = this.linkCounters ?? null;
      done({ ...commonStatus(given), replication: worker?.primary ?? null, links });
    });
  }

  static async #launch(options: HypervisorOptions, given: Launch): Promise<Hypervisor> {
    let supervisor: Supervisor | undefined;
    const security = options.security ?? LOCAL_ONLY;
    const listener =
      options.listen === undefined
        ? undefined
        : await LinkListener.listen(options.listen, {
            onLink: (incoming) => answerJoin(incoming, (peer) => supervisor?.addBackup(peer)),
            security,
          });
    const header = given.old ?? newHeader(given, options.limits);
    const id = listener === undefined ? ownName(header.vm) : formatAddress(listener.address);
    const control = newControl();
    const settings: PrimarySettings = {
      id,
      arbiter: options.record === 'disk' ? given.arbiter : undefined,
      detectMs: options.detectMs,
      ownLog: options.record === 'disk' ? options.ownLog : 'none',
      rule: options.rule,
      spares: options.spares,
      checkpoint: options.checkpoint,
      keep: options.keep,
      recordOutputs: options.recordOutputs,
      movesPorts: options.movesPorts,
      mounts: options.mounts ?? [],
      // Whoever starts a guest that has mounts says where they are; a fork's writes are to reach nothing.
      mountsMayMiss: options.mounts === undefined,
      security: security.material,
    };
    const start = startOf(options, given, { control, header, settings });
    supervisor = new Supervisor(
      startWorker('machine-worker', start),
      supervision(options, { control, security, settings, vm: header.vm }),
      {
        note: (note, at) => {
          if (note.type === 'firstOutput') given.earlier?.begun();
          options.hooks.note(note, at);
        },
        trouble: (event, fields) => options.hooks.trouble(event, fields),
        recovered: (report) => options.hooks.recovered?.(report),
        checkpoint: (taken) => options.hooks.checkpoint?.(taken),
        beat: (roundTripMs) => options.hooks.beat?.(roundTripMs),
        ended: (outcome, error) => {
          given.earlier?.ended();
          given.lock?.release();
          void listener?.close();
          options.hooks.ended(outcome, error);
        },
      },
    );
    const { logDir } = given;
    return new Hypervisor(supervisor, {
      header,
      logDir,
      listener,
      resumes: given.old !== undefined,
      arbiter: settings.arbiter,
    });
  }
}

function supervision(
  options: HypervisorOptions,
  given: Pick<SupervisorOptions, 'control' | 'security'> & {
    readonly settings: PrimarySettings;
    readonly vm: string;
  },
): SupervisorOptions {
  const { settings, vm, control, security } = given;
  const { hangLimitMs, readsAgain, backups, listen, handsOver = false, rule } = options;
  const common = { control, hangLimitMs, readsAgain, security, handsOver };
  // Who listens to nobody has no name that others could dial.
  if (settings.arbiter === undefined || listen === undefined) return common;
  const wants = Math.max(1, backups.length, rule.quorum);
  return { ...common, announce: { url: settings.arbiter, vm, replica: settings.id, rule, wants } };
}

interface Launch {
  readonly arbiter: string;
  /** Undefined: the log has it. */
  readonly image: GuestImage | undefined;
  /** Of the log that is continued. */
  readonly old: LogHeader | undefined;
  readonly name: string;
  readonly logDir: string | undefined;
  readonly lock: DirectoryLock | undefined;
  readonly earlier: EarlierLog | undefined;
}

/** The same in every life of a run: a view won just before a kill is known for its own. */
function ownName(vm: string): ReplicaId {
  return `primary-${vm.slice(-8)}`;
}

function startOf(
  options: HypervisorOptions,
  given: Launch,
  common: {
    readonly control: Int32Array;
    readonly header: LogHeader;
    readonly settings: PrimarySettings;
  },
): PrimaryStart | ResumeStart {
  const { old, image, logDir } = given;
  const { control, header, settings } = common;
  const { backups } = options;
  const boot = bootConfig(options, image?.script ?? resolve(options.cwd, header.script));
  if (old !== undefined && logDir !== undefined)
    return { role: 'resume', control, logDir, boot, settings, backups };
  const encodes = options.record !== 'off';
  const blobs = blobsOf(defined(image, 'a new run has a script'));
  return { role: 'primary', control, header, blobs, boot, logDir, encodes, settings, backups };
}

function blobsOf(image: GuestImage): GuestBlobs {
  return { firmware: loadFirmware(), image: image.code, sourcemap: image.sourceMap };
}

function newHeader(given: Launch, limits: GuestLimits): LogHeader {
  const { engineHash, helperHash } = engineParts();
  const image = defined(given.image, 'a new run has a script');
  const blobs = blobsOf(image);
  return {
    formatVersion: FORMAT_VERSION,
    machineVersion: MACHINE_VERSION,
    hvVersion: HV_VERSION,
    vm: `${given.name}-${toHex(randomBytes(4))}`,
    name: given.name,
    ticksSemantics: 'quickjs-interrupt-polls/1',
    engineHash,
    helperHash,
    firmwareHash: sha256Hex(blobs.firmware),
    imageHash: sha256Hex(blobs.image),
    sourceMapHash: sha256Hex(blobs.sourcemap),
    ...limits,
    ticksPerMicro: TICKS_PER_MICRO,
    zoneOffsetMinutes: 0,
    seed: toHex(randomBytes(32)),
    startedAt: new HostClock().wall(),
    script: basename(image.script),
    segment: 1,
    firstLsn: asLsn(1),
    chain: '00'.repeat(32),
  };
}
