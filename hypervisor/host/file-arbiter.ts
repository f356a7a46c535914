/**
 * An arbiter that is a directory both hosts share: the view of epoch n is the file
 * `DIR/<vm>/epoch-<n>.json`, and link(2) creates it for exactly one of several claimants, also over
 * NFS (where O_EXCL once did not). This is the test-and-set on a shared disk of VMware FT (2010, 2.3).
 *
 * Files are never overwritten and never deleted, not even old ones: a claimant that was stopped for
 * hours between its look and its link must still find the epoch it claims taken.
 */

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { asEpoch, type Epoch, sha256Hex } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { HANDSHAKE_TIMEOUT_MS, VIEW_BACKUPS_MAX } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import type { View } from '../protocol/messages.ts';

const EPOCH_DIGITS = 8;
const EPOCH_FILE = /^epoch-(\d{8,16})\.json$/;
/** A component of a path may have 255 bytes on the file systems we know; past this it is hashed. */
const COMPONENT_CHARS_MAX = 200;

interface StoredView {
  readonly view: View;
  readonly token: string;
}

type DoneAnswer = (answer: ArbiterAnswer) => void;

export class FileArbiter implements Arbiter {
  readonly #directory: string;
  readonly #timeoutMs: number;

  /** `directory` must exist: one that is not mounted yet must not come to be on a local disk. */
  constructor(directory: string, options: { readonly timeoutMs?: number } = {}) {
    this.#directory = directory;
    this.#timeoutMs = options.timeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  }

  read(vm: string, done: DoneAnswer): void {
    this.#answer(done, async () => ({ type: 'current', view: (await this.#current(vm))?.view }));
  }

  claim(claim: ViewClaim, done: DoneAnswer): void {
    assert(claim.next.epoch === claim.expect + 1, 'a claim is for the next epoch');
    assert(claim.token !== '', 'a claim has a token');
    this.#answer(done, () => this.#claim(claim));
  }

  /**
   * Whatever goes wrong is `unavailable`. So is silence: a shared file system whose server is gone
   * hangs rather than fails. A claim that outlives its timeout may still win; the retry finds out.
   */
  #answer(done: DoneAnswer, work: () => Promise<ArbiterAnswer>): void {
    let answered = false;
    const answer = (given: ArbiterAnswer): void => {
      if (answered) return;
      answered = true;
      clearTimeout(timer);
      // Outside the promise, where an exception of `done` stays an exception.
      process.nextTick(done, given);
    };
    const timer = setTimeout(() => {
      const reason = `${this.#directory} did not answer within ${this.#timeoutMs} ms`;
      answer({ type: 'unavailable', reason });
    }, this.#timeoutMs);
    work().then(answer, (error: unknown) => {
      answer({ type: 'unavailable', reason: this.#explain(error) });
    });
  }

  async #claim({ vm, expect, next, token }: ViewClaim): Promise<ArbiterAnswer> {
    const current = await this.#current(vm);
    const epoch = current?.view.epoch ?? asEpoch(0);
    if (epoch < expect) {
      // Nobody won what the claimant has in its log: this is not the directory it knew.
      return {
        type: 'unavailable',
        reason: `${this.#home(vm)} knows epoch ${epoch} at most, the claim follows ${expect}: is this the directory the other host uses?`,
      };
    }
    if (current !== undefined && epoch > expect) return this.#settle(vm, current, token);
    await this.#make(vm);
    const taken = await this.#link(vm, { view: next, token });
    if (taken) return this.#settle(vm, { view: next, token }, token);
    const winner = await this.#current(vm);
    if (winner === undefined || winner.view.epoch <= expect) {
      throw new Error(`${this.#home(vm)} does not show the view that is in it`);
    }
    return this.#settle(vm, winner, token);
  }

  /** The current view was claimed with `token`, or somebody else won. */
  async #settle(vm: string, current: StoredView, token: string): Promise<ArbiterAnswer> {
    if (current.token !== token) return { type: 'lost', view: current.view };
    // Also for a retry: the first try may have ended between its link and its fsync.
    await syncDirectory(this.#home(vm));
    return { type: 'won', view: current.view };
  }

  /** False: the epoch is taken, perhaps by this very claim, whose answer got lost. */
  async #link(vm: string, stored: StoredView): Promise<boolean> {
    const home = this.#home(vm);
    const draft = join(home, `.claim-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      const file = await open(draft, 'wx', 0o644);
      try {
        const at = new Date().toISOString();
        await file.writeFile(`${JSON.stringify({ ...stored, at })}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await link(draft, join(home, epochFile(stored.view.epoch)));
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await unlink(draft).catch((error: unknown) => {
        // Nothing depends on the draft any more; ENOSPC may have kept it from existing.
        assert(codeOf(error) !== undefined, 'only the file system fails to remove a draft');
      });
    }
  }

  async #make(vm: string): Promise<void> {
    try {
      await mkdir(this.#home(vm), 0o755);
      await syncDirectory(this.#directory);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }

  async #current(vm: string): Promise<StoredView | undefined> {
    const epoch = await this.#highest(vm);
    if (epoch === undefined) return undefined;
    const path = join(this.#home(vm), epochFile(epoch));
    const stored = parseStored(await readFile(path, 'utf8'));
    if (stored === undefined || stored.view.epoch !== epoch) {
      throw new Error(`${path} is damaged: it does not hold the view of epoch ${epoch}`);
    }
    return stored;
  }

  async #highest(vm: string): Promise<Epoch | undefined> {
    let highest = 0;
    for (const name of await this.#list(vm)) {
      highest = Math.max(highest, Number(EPOCH_FILE.exec(name)?.[1] ?? 0));
    }
    return highest === 0 ? undefined : asEpoch(highest);
  }

  /** A vm nobody has claimed has no directory, but then DIR itself must be there. */
  async #list(vm: string): Promise<readonly string[]> {
    try {
      return await readdir(this.#home(vm));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await readdir(this.#directory);
      return [];
    }
  }

  #home(vm: string): string {
    return join(this.#directory, pathComponent(vm));
  }

  #explain(error: unknown): string {
    switch (codeOf(error)) {
      case 'ENOENT':
        return `${this.#directory} does not exist or is not mounted`;
      case 'ENOTDIR':
        return `${this.#directory} is not a directory`;
      case 'EACCES':
      case 'EPERM':
        return `${this.#directory} cannot be written or read by this user`;
      case 'ENOSPC':
      case 'EDQUOT':
        return `${this.#directory} is on a full disk`;
      case 'EROFS':
        return `${this.#directory} is on a read-only file system`;
      default:
        return error instanceof Error ? error.message : String(error);
    }
  }
}

/** One path component for any name, different for different names, and never `.` or `..`. */
export function pathComponent(name: string): string {
  assert(name !== '', 'a vm has a name');
  const escaped = encodeURIComponent(name)
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
    .replace(/^\./, '%2E');
  if (escaped.length <= COMPONENT_CHARS_MAX) return escaped;
  return `~${sha256Hex(new TextEncoder().encode(name))}`;
}

function epochFile(epoch: Epoch): string {
  return `epoch-${String(epoch).padStart(EPOCH_DIGITS, '0')}.json`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    // Some network file systems refuse to sync a directory: there the server does it by itself.
    if (codeOf(error) !== 'EINVAL') throw error;
  } finally {
    await directory.close();
  }
}

function parseStored(text: string): StoredView | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isObject(value) || typeof value.token !== 'string') return undefined;
  const view = parseView(value.view);
  return view && { view, token: value.token };
}

function parseView(value: unknown): View | undefined {
  if (!isObject(value)) return undefined;
  const { epoch, primary, backups } = value;
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch)) return undefined;
  if (typeof primary !== 'string' || !Array.isArray(backups)) return undefined;
  if (backups.length > VIEW_BACKUPS_MAX) return undefined;
  if (!backups.every((backup) => typeof backup === 'string')) return undefined;
  return { epoch: asEpoch(epoch), primary, backups };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
