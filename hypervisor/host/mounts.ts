/**
 * Directories of the host that a guest has as its own (`hv run --mount`): the part that touches them. Acts
 * come here when the output rule lets them, and are done before anybody is told that they have left; a marker
 * in the directory says which are done, so that none is done twice, whoever is primary.
 */

import { type Epoch, INTERRUPT, type MountAct } from '../../log-format/index.ts';
import { MOUNT_BYTES_MAX, MOUNT_FILES_MAX, MOUNT_RETRY_MS } from '../base/disk-limits.ts';
import { HvError } from '../base/errors.ts';
import type { DiskView } from '../machine/devices/disk.ts';
import type { HostInterrupt } from '../ports.ts';
import type { MountBackend } from '../replica/mount-backend.ts';
import { codeOf, type FoundFile, MountFiles } from './mount-files.ts';
import { MountMarker } from './mount-marker.ts';
import { faultNews, NewsWriter } from './mount-news.ts';
import { type MountOption, missingMounts } from './mount-option.ts';
import { MountWatch } from './mount-watch.ts';

/** The host's disk takes nothing for now: acts wait, and the guest is told. */
const PASSING: readonly string[] = ['ENOSPC', 'EDQUOT', 'EIO'];

export interface MountsOptions {
  readonly given: readonly MountOption[];
  readonly disk: DiskView;
  readonly vm: string;
  readonly onInterrupt: (interrupt: HostInterrupt) => void;
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** The guest goes on at all events: a directory that cannot be had is told, and missing. */
  readonly goesOn: boolean;
}

/** One of them. */
interface Mounted {
  readonly index: number;
  readonly option: MountOption;
  readonly files: MountFiles;
  /** Undefined: the guest may only read. */
  readonly marker: MountMarker | undefined;
  readonly watch: MountWatch;
}

export class Mounts implements MountBackend {
  readonly #options: MountsOptions;
  readonly #mounted = new Map<number, Mounted>();
  /** Acts of the guest that have not been let out. */
  #pending = 0;
  /** Let out, and refused by the host's disk, oldest first. */
  #held: MountAct[] = [];
  #told = 0;
  readonly #heardBefore: number;
  #deposed = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #missing = new Set<number>();

  /** For a guest that has booted its mounts are those it knows. Throws HV_E_MOUNT, unless it goes on. */
  constructor(options: MountsOptions) {
    this.#options = options;
    const { given, disk } = options;
    this.#heardBefore = disk.heard;
    const has = disk.mounts;
    for (const [index, option] of given.entries()) {
      const known = has.find(({ path }) => path === option.guest);
      if (has.length === 0) this.#add(index, option);
      else if (known !== undefined) this.#add(known.index, { ...option, readOnly: known.readOnly });
    }
    for (const path of missingMounts(has, given)) this.#tellMissing(path);
  }

  /** Looks at each of them, and tells the guest what is new. By itself that happens again and again. */
  async look(): Promise<void> {
    for (const { watch } of this.#mounted.values()) await watch.look();
  }

  /** All that is in them, for a guest that has not booted. Rejects with HV_E_MOUNT. */
  async load(): Promise<readonly HostInterrupt[]> {
    const interrupts: HostInterrupt[] = [];
    let [bytes, count] = [0, 0];
    for (const { index: id, option, files, watch } of this.#mounted.values()) {
      const found = await files.list();
      for (const { size } of found.values()) bytes += size;
      count += found.size;
      if (bytes > MOUNT_BYTES_MAX || count > MOUNT_FILES_MAX)
        throw mountError(
          option,
          `holds more than a guest can have: ${count} files of ${bytes} bytes, all mounts together (at most ${MOUNT_FILES_MAX} of ${MOUNT_BYTES_MAX})`,
        );
      const news = new NewsWriter(0, (payload) =>
        interrupts.push({ kind: INTERRUPT.mounted, id, num: 0, payload }),
      );
      for (const [path, one] of found) this.#loadOne(files, news, path, one);
      news.flush();
      watch.knows(found);
    }
    this.#told += interrupts.length;
    return interrupts;
  }

  goLive(epoch: Epoch): void {
    for (const { marker, watch } of this.#mounted.values()) {
      marker?.begin(epoch);
      watch.start();
    }
  }

  retain(_act: MountAct): void {
    this.#pending += 1;
  }

  release(act: MountAct): void {
    this.#pending -= 1;
    const mounted = this.#mounted.get(act.mount);
    if (mounted === undefined) this.#tellMissing(this.#options.disk.mounts[act.mount]?.path ?? '');
    else if (this.#held.length > 0) this.#held.push(act);
    else this.#do(mounted, act);
  }

  /** `isOver`: the guest has ended, and nobody goes on with it. */
  close(isOver: boolean): void {
    clearTimeout(this.#retry);
    const acts = this.#held.length;
    if (acts > 0) this.#options.trouble('mount.unwritten', { acts, reason: 'the disk is full' });
    for (const { files, marker, watch } of this.#mounted.values()) {
      watch.close();
      files.close();
      marker?.close(isOver && acts === 0 && !this.#deposed);
    }
  }

  #add(index: number, option: MountOption): void {
    const { disk, vm, trouble } = this.#options;
    const files = new MountFiles(option.host);
    let marker: MountMarker | undefined;
    try {
      const isThere = disk.mounts.length > 0;
      marker = option.readOnly ? undefined : new MountMarker(option.host, vm, { isThere });
    } catch (error) {
      const isOther = disk.mounts.length > 0 && codeOf(error) === 'ENOENT';
      const why = isOther ? 'is not the directory that the run has had there' : 'cannot be written';
      const failed = mountError(option, `${why}: ${(error as Error).message}`);
      if (!this.#options.goesOn) throw failed;
      trouble('mount.missing', { path: option.guest, meaning: `${failed.message}: ${MISSING}` });
      this.#missing.add(index);
      return;
    }
    const watch = new MountWatch({
      ...{ files, disk },
      root: () => disk.mounts.find((one) => one.index === index)?.number,
      isSettled: () => this.#isSettled,
      tell: (payload) => this.#tell(index, payload),
      refused: (path, reason) =>
        trouble('mount.refused', { path: `${option.host}/${path}`, reason }),
    });
    this.#mounted.set(index, { index, option, files, marker, watch });
  }

  #loadOne(files: MountFiles, news: NewsWriter, path: string, one: FoundFile): void {
    if (one.kind === 'directory') {
      news.directory(path);
      return;
    }
    const bytes = files.read(path, MOUNT_BYTES_MAX);
    if (bytes !== undefined) news.file(path, bytes, one);
  }

  get #isSettled(): boolean {
    const heard = this.#options.disk.heard - this.#heardBefore;
    return this.#pending === 0 && this.#held.length === 0 && heard >= this.#told && !this.#deposed;
  }

  #tell(id: number, payload: Uint8Array): void {
    this.#told += 1;
    this.#options.onInterrupt({ kind: INTERRUPT.mounted, id, num: 0, payload });
  }

  #do(mounted: Mounted, act: MountAct): void {
    const { files, marker, watch, option } = mounted;
    if (marker === undefined || act.number <= marker.done || this.#isDeposed(marker)) return;
    let isRefused = false;
    try {
      files.act(act);
    } catch (error) {
      isRefused = true;
      const code = codeOf(error);
      if (code === '') throw error;
      if (PASSING.includes(code)) {
        this.#hold(mounted, act, code);
        return;
      }
      const path = `${option.host}/${act.path.replace('\0', ' to ')}`;
      const reason = (error as Error).message;
      this.#options.trouble('mount.refused', { path, act: act.act, reason });
    }
    marker.did(act.number);
    for (const path of act.path.split('\0')) {
      if (isRefused || act.act === 'rename') watch.doubts(path);
      else watch.acted(path, lookQuietly(files, path));
    }
  }

  #isDeposed(marker: MountMarker): boolean {
    if (this.#deposed || !marker.isDeposed) return this.#deposed;
    this.#deposed = true;
    this.#options.trouble('mount.deposed', {
      reason: 'another primary acts on the directories of this guest: this one does no more',
    });
    return true;
  }

  #hold({ index, option }: Mounted, act: MountAct, code: string): void {
    this.#held.push(act);
    this.#options.trouble('mount.full', { path: option.host, reason: code });
    this.#tell(index, faultNews(this.#options.disk.acts, code));
    this.#retryLater();
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => this.#tryAgain(), MOUNT_RETRY_MS).unref();
  }

  #tryAgain(): void {
    const waiting = this.#held;
    this.#held = [];
    for (const [at, act] of waiting.entries()) {
      const mounted = this.#mounted.get(act.mount) as Mounted;
      try {
        mounted.files.act(act);
        mounted.marker?.did(act.number);
      } catch {
        // As before: the guest knows.
        this.#held = waiting.slice(at);
        this.#retryLater();
        return;
      }
    }
    for (const { index } of this.#mounted.values())
      this.#tell(index, faultNews(this.#options.disk.acts, ''));
  }

  #tellMissing(path: string): void {
    const index = this.#options.disk.mounts.find((one) => one.path === path)?.index ?? -1;
    if (this.#missing.has(index)) return;
    this.#missing.add(index);
    this.#options.trouble('mount.missing', { path, meaning: MISSING });
  }
}

export const MISSING: string =
  'this process has no --mount for it: what the guest writes there stays in the guest, and the host’s files are as they were';

function mountError(option: MountOption, why: string): HvError {
  const { host, guest } = option;
  return new HvError('HV_E_MOUNT', `${host}, which the guest shall have at ${guest}, ${why}`, {
    details: { host, guest },
  });
}

function lookQuietly(files: MountFiles, path: string): FoundFile | undefined {
  try {
    return files.look(path);
  } catch {
    // Whatever it is, the next look says so.
    return undefined;
  }
}
