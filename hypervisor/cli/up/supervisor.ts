/**
 * `hv up`: whatever this host should be, it starts as a child process, and when that ends it asks again.
 * There is never more than one child, and never another `hv up` of the same replica.
 */

import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HvError } from '../../base/errors.ts';
import { UP_LOOK_MS } from '../../base/tool-limits.ts';
import { openArbiter } from '../../host/arbiters.ts';
import { type DirectoryLock, lockDirectory, lockHolder } from '../../host/log-lock.ts';
import { resumableHeader } from '../../host/resume.ts';
import { type LinkSecurity, loadSecurity } from '../../host/tls.ts';
import type { Arbiter } from '../../ports.ts';
import type { Settings } from '../config/settings.ts';
import { say } from '../print.ts';
import { Child, type ChildEvent } from './child.ts';
import { childArguments } from './child-arguments.ts';
import { Backoff, nextAfter } from './child-end.ts';
import { type Identity, identityOf, securityFrom } from './identity.ts';
import { bringTogether } from './matchmaker.ts';
import { isSameReplica, resolveByDns } from './own-address.ts';
import { durationMs, listeningPeers } from './peers.ts';
import { type Plan, planOf } from './plan.ts';
import {
  type Lookup,
  type Registration,
  readRegistration,
  readView,
  register,
} from './registration.ts';

export interface UpOptions {
  readonly settings: Settings;
  readonly bootstrap: boolean;
  readonly eventsFd: number | undefined;
}

/** Signals that are for the replica. A terminal sends its own to all of its processes. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const;
const ENDS: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM']);
/** Events with which this host's log is that of the primary. */
const LEADS: ReadonlySet<string> = new Set(['primary.live', 'resumed', 'live']);

type Known = { readonly registration: Registration | undefined; readonly plan: Plan };

export class UpSupervisor {
  readonly #options: UpOptions;
  readonly #identity: Identity;
  readonly #arbiter: Arbiter;
  readonly #security: LinkSecurity;
  readonly #lock: DirectoryLock;
  readonly #stop = new AbortController();
  readonly #backoff = new Backoff();
  #bootstrap: boolean;
  #child: Child | undefined;
  #told = '';

  private constructor(options: UpOptions, identity: Identity) {
    this.#options = options;
    this.#identity = identity;
    this.#bootstrap = options.bootstrap;
    this.#arbiter = openArbiter(identity.arbiter);
    this.#security = loadSecurity(securityFrom(options.settings));
    this.#lock = lockReplica(identity);
  }

  /** Exit status, when there is nothing more to start. Rejects with HvErrors of the settings. */
  static async run(options: UpOptions): Promise<number> {
    const up = new UpSupervisor(options, await identityOf(options.settings, resolveByDns));
    try {
      return await up.#run();
    } finally {
      up.#lock.release();
    }
  }

  async #run(): Promise<number> {
    for (const name of FORWARDED) process.on(name, () => this.#onSignal(name));
    for (;;) {
      const known = await this.#decide();
      if (known === undefined) return 0;
      const { type: role, why } = known.plan;
      if (role === 'refused') throw new HvError('HV_E_USAGE', why);
      if (role === 'begin' && !(await this.#claimRun(known.registration))) continue;
      const { peers } = this.#identity;
      const wait = durationMs(this.#options.settings.text('replica.wait-for-backups') ?? '0s');
      const backups = role === 'begin' ? await listeningPeers(peers, wait, this.#stop.signal) : [];
      if (this.#stop.signal.aborted) return 0;
      this.#bootstrap = false;
      const code = await this.#attend(role, { backups, why });
      if (code !== undefined) return code;
    }
  }

  /** One life of a replica. The status to end with; undefined: what this host should be is asked again. */
  async #attend(
    role: Exclude<Plan['type'], 'refused'>,
    { backups, why }: { readonly backups: readonly string[]; readonly why: string },
  ): Promise<number | undefined> {
    const { name, logDir } = this.#identity;
    const holder = role === 'backup' ? undefined : lockHolder(logDir);
    if (holder !== undefined)
      throw new HvError(
        'HV_E_NAME_IN_USE',
        `process ${holder} is recording into ${logDir}, and no hv up has started it`,
      );
    const words =
      role === 'begin' ? 'begins the run' : role === 'resume' ? 'goes on' : 'is a backup';
    say(`up: this host ${words}: ${why}`);
    const command = childArguments(this.#options.settings, { role, name, backups });
    const child = new Child(command, (event) => this.#onEvent(event));
    this.#child = child;
    this.#event('up.started', { role, why, child: child.pid });
    // Also for a primary: one that is fenced may go on as a backup within its process.
    const part = this.#seekPrimary(child);
    const { code, signal, livedMs } = await child.ended;
    part();
    this.#child = undefined;
    const stopping = this.#stop.signal.aborted;
    const next = nextAfter({ role, code, signal, said: child.said, stopping });
    this.#event('up.ended', { role, code, signal, next: next.type, why: next.why });
    if (next.type === 'end') return next.code;
    const waitMs = this.#backoff.next(livedMs);
    say(`up: the replica ended (${next.why}); asking the arbiter again in ${waitMs} ms`);
    await this.#pause(waitMs);
    return undefined;
  }

  /** What this host should be, as soon as the arbiter answers. Undefined: told to end before. */
  async #decide(): Promise<Known | undefined> {
    while (!this.#stop.signal.aborted) {
      const known = await this.#look();
      if (known.type === 'found' && known.value !== undefined) return known.value;
      const reason = known.type === 'unavailable' ? known.reason : '';
      this.#tell(`the arbiter says nothing, so nothing is started: ${reason}`);
      await this.#pause(UP_LOOK_MS);
    }
    return undefined;
  }

  async #look(): Promise<Lookup<Known>> {
    const { name, first } = this.#identity;
    const logVm = this.#logVm();
    const found = await readRegistration(this.#arbiter, name);
    if (found.type === 'unavailable') return found;
    const registration = found.value;
    const vm = registration?.vm ?? logVm;
    const view =
      vm === undefined
        ? ({ type: 'found', value: undefined } as const)
        : await readView(this.#arbiter, vm);
    if (view.type === 'unavailable') return view;
    const own = new Set<string>();
    for (const address of [registration?.by, view.value?.primary])
      if (address !== undefined && (await this.#isOwn(address))) own.add(address);
    const plan = planOf({
      ...{ logVm, registration, view: view.value, first, bootstrap: this.#bootstrap },
      hidden: this.#options.settings.on('replica.hidden'),
      isOwn: (address) => own.has(address),
    });
    return { type: 'found', value: { registration, plan } };
  }

  /** False: another host has begun meanwhile, or it is not known. */
  async #claimRun(before: Registration | undefined): Promise<boolean> {
    const { script, name, listen } = {
      ...this.#identity,
      script: this.#options.settings.text('guest.script'),
    };
    if (script === undefined)
      throw new HvError(
        'HV_E_CONFIG',
        `${name} begins on this host, and guest.script is not given`,
      );
    const done = await register(this.#arbiter, name, { before, by: listen, vm: undefined });
    if (done === 'won') return true;
    if (done !== 'lost') {
      this.#tell(`the run is not begun: ${done.reason}`);
      await this.#pause(UP_LOOK_MS);
    }
    return false;
  }

  /** The run of this host's log is the guest's, unless another one is known already. */
  async #registerRun(): Promise<void> {
    const { name, listen } = this.#identity;
    while (!this.#stop.signal.aborted && this.#child !== undefined) {
      const vm = this.#logVm();
      const found = await readRegistration(this.#arbiter, name);
      if (found.type === 'found' && vm !== undefined) {
        const before = found.value;
        if (before?.vm === vm) return;
        if (before?.vm !== undefined)
          return say(`up: WARNING: the run here is ${vm}, and the guest's is ${before.vm}`);
        if ((await register(this.#arbiter, name, { before, by: listen, vm })) === 'won') return;
      }
      await this.#pause(UP_LOOK_MS);
    }
  }

  #seekPrimary(child: Child): () => void {
    const { name, listen } = this.#identity;
    return bringTogether({
      arbiter: this.#arbiter,
      ...{ name, own: listen, logVm: this.#logVm(), security: this.#security },
      isOwn: (address) => this.#isOwn(address),
      placed: () => child.placed,
      tell: (reason) => this.#tell(`no primary to follow: ${reason}`),
    });
  }

  #logVm(): string | undefined {
    return resumableHeader(this.#identity.logDir, undefined)?.vm;
  }

  #isOwn(address: string): Promise<boolean> {
    return isSameReplica(address, this.#identity.listen, resolveByDns);
  }

  #onEvent(event: ChildEvent): void {
    if (LEADS.has(event.evt)) void this.#registerRun();
    if (event.evt === 'following') this.#told = '';
    this.#write(event);
  }

  #onSignal(name: NodeJS.Signals): void {
    if (ENDS.has(name)) this.#stop.abort();
    if (name === 'SIGHUP') this.#reload();
    const sentToAll = name === 'SIGINT' && process.stdin.isTTY === true;
    if (!sentToAll) this.#child?.kill(name);
    // Without a child and files to read again this process ends of it as any other would.
    const reads =
      this.#security.mode !== 'plain' ||
      this.#options.settings.text('admin.token-file') !== undefined;
    if (name === 'SIGHUP' && this.#child === undefined && !reads) this.#stop.abort();
  }

  /** The child reads the same files and says what is wrong with them. */
  #reload(): void {
    try {
      if (this.#security.mode !== 'plain') this.#security.reload();
    } catch (error) {
      if (!(error instanceof HvError)) throw error;
    }
  }

  #tell(text: string): void {
    if (text === this.#told) return;
    this.#told = text;
    say(`up: ${text}`);
  }

  async #pause(ms: number): Promise<void> {
    // Rejects only when it is cut short, which is as good.
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  #event(evt: string, fields: Readonly<Record<string, unknown>>): void {
    this.#write({ evt, at: Date.now() * 1_000, ...fields });
  }

  #write(event: ChildEvent): void {
    const { eventsFd } = this.#options;
    if (eventsFd === undefined) return;
    try {
      writeSync(eventsFd, `${JSON.stringify(event)}\n`);
    } catch (error) {
      // Nobody reads any more: the replica goes on without telling.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    }
  }
}

/** Throws HV_E_NAME_IN_USE in words about replicas, not logs. */
function lockReplica({ dir, name }: Identity): DirectoryLock {
  try {
    return lockDirectory(join(dir, `.up-${name}`));
  } catch (error) {
    if (!(error instanceof HvError) || error.code !== 'HV_E_NAME_IN_USE') throw error;
    const { pid } = error.details;
    throw new HvError(
      'HV_E_NAME_IN_USE',
      `process ${String(pid)} is hv up of ${name} in ${dir} already`,
      { details: error.details, cause: error },
    );
  }
}
