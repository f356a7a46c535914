/**
 * The directory in which a backup keeps its copy of one guest's log: locked while the process lives,
 * looked at when a primary dials, cut and continued where both logs are the same, moved aside where not.
 */

import { rmSync } from 'node:fs';
import { asLsn, asMicros, type Lsn } from '../../log-format/index.ts';
import type { HvError } from '../base/errors.ts';
import type { BackupMachine, LogBase, ReopenedCopy } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { History } from '../protocol/history.ts';
import { NOTHING_RAN } from '../replica/handover.ts';
import { CopyStore } from './copy-store.ts';
import { cutCopy } from './cut-copy.ts';
import { inspectCopy, type LocalCopy, reaches } from './local-copy.ts';
import { framedBlobs } from './log-blobs.ts';
import { type DirectoryLock, lockDirectory, rotateAside } from './log-lock.ts';
import { openLog } from './log-reader.ts';
import { FileLogStore } from './log-store.ts';

export interface CopyDirectoryHooks {
  /** The copy cannot be written any more: HV_E_LOG_WRITE and the like. */
  readonly onError: (error: HvError) => void;
  /** What happened to what was there, for people and programs. */
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class CopyDirectory {
  readonly dir: string;
  readonly #hooks: CopyDirectoryHooks;
  readonly #lock: DirectoryLock;
  #standing: LocalCopy | undefined;
  /** The log in it was begun or continued by this process. */
  #own = false;
  store: CopyStore | undefined;

  /** Locks `dir`. Throws HV_E_LOG_IN_USE and the like. */
  constructor(dir: string, hooks: CopyDirectoryHooks) {
    this.dir = dir;
    this.#hooks = hooks;
    this.#lock = lockDirectory(dir);
  }

  /** Looks at what is there. Call while no store writes to it. */
  async inspect(): Promise<void> {
    try {
      this.#standing = await inspectCopy(this.dir);
    } catch (error) {
      // Whatever it is, it is no copy to go on from; `fresh` moves it aside.
      this.#standing = undefined;
      this.#hooks.trouble('copy.unusable', { dir: this.dir, reason: (error as Error).message });
    }
  }

  /** Of the log of `hello`'s run, as far as it can be gone on from; undefined: there is none. */
  standing(hello: Hello): History | undefined {
    const copy = this.#standing;
    if (copy === undefined || copy.vm !== hello.vm) return undefined;
    if (copy.header.imageHash !== hello.imageHash) return undefined;
    return reaches(copy, copy.lsnLast) ? copy : undefined;
  }

  /** An empty copy; what was there is removed if this process wrote it, moved aside if not. */
  fresh(): CopyStore {
    if (this.#own) rmSync(this.dir, { recursive: true, force: true });
    else {
      const aside = rotateAside(this.dir);
      if (aside !== undefined) this.#hooks.trouble('copy.aside', { dir: this.dir, aside });
    }
    this.#own = true;
    this.#standing = undefined;
    const { onError } = this.#hooks;
    this.store = new CopyStore(this.dir, FileLogStore.fromFrames(this.dir, { onError }), onError);
    return this.store;
  }

  /** Keeps what is there as evidence: the next copy begins anew beside it. */
  condemn(): void {
    this.#own = false;
    this.#standing = undefined;
  }

  /** See `BackupPorts.reopen`. Undefined: it is no use, and the next copy begins anew. */
  async reopen(
    from: Lsn,
    openMachine: ((base: LogBase) => BackupMachine) | undefined,
  ): Promise<ReopenedCopy | undefined> {
    try {
      return await this.#reopen(from, openMachine);
    } catch (error) {
      this.#hooks.trouble('copy.unusable', { dir: this.dir, reason: (error as Error).message });
      this.condemn();
      return undefined;
    }
  }

  release(): void {
    this.#lock.release();
  }

  async #reopen(
    from: Lsn,
    openMachine: ((base: LogBase) => BackupMachine) | undefined,
  ): Promise<ReopenedCopy> {
    const { position, quarantine } = await cutCopy(this.dir, from);
    if (quarantine !== undefined) this.#hooks.trouble('copy.quarantined', { ...quarantine });
    const log = openLog(this.dir);
    const base: LogBase = { header: log.header, blobs: framedBlobs(log.header, log.blobs) };
    const rest = [...log.batches()].map(({ batch }) => batch);
    await this.inspect();
    const history = this.#standing;
    if (history === undefined) throw new Error('the log that was cut is not there');
    this.#own = true;
    const { onError } = this.#hooks;
    this.store = new CopyStore(this.dir, FileLogStore.resume(position, { onError }), onError);
    return {
      store: this.store,
      base,
      machine: openMachine?.(base),
      history,
      lsnReplayed: asLsn(0),
      outputsCrc: 0,
      timeLast: asMicros(0),
      state: NOTHING_RAN,
      rest,
    };
  }
}
