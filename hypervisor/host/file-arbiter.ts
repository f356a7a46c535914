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
import { asEpoch, type Epoch } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import {
  answerWithin,
  arbiterKey,
  checkClaim,
  codeOf,
  type DoneAnswer,
  decideClaim,
  parseStored,
  type StoredView,
} from './arbiter-answers.ts';

const EPOCH_DIGITS = 8;
const EPOCH_FILE = /^epoch-(\d{8,16})\.json$/;

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
    checkClaim(claim);
    this.#answer(done, () => this.#claim(claim));
  }

  /** A shared file system whose server is gone hangs rather than fails: that is an answer, too. */
  #answer(done: DoneAnswer, work: () => Promise<ArbiterAnswer>): void {
    const explain = (error: unknown): string => this.#explain(error);
    answerWithin({ what: this.#directory, timeoutMs: this.#timeoutMs, explain }, work, done);
  }

  async #claim(claim: ViewClaim): Promise<ArbiterAnswer> {
    const { vm, expect, next, token } = claim;
    const current = await this.#current(vm);
    const decided = decideClaim(claim, current, this.#home(vm));
    if (decided !== undefined) return this.#settle(vm, decided);
    await this.#make(vm);
    const taken = await this.#link(vm, { view: next, token });
    if (taken) return this.#settle(vm, { type: 'won', view: next });
    const settled = decideClaim(claim, await this.#current(vm), this.#home(vm));
    if (settled === undefined || settled.type === 'unavailable') {
      throw new Error(`${this.#home(vm)} does not show the view of epoch ${expect + 1} in it`);
    }
    return this.#settle(vm, settled);
  }

  /** A win is told when it is durable: the first try may have ended between its link and its fsync. */
  async #settle(vm: string, answer: ArbiterAnswer): Promise<ArbiterAnswer> {
    if (answer.type === 'won') await syncDirectory(this.#home(vm));
    return answer;
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
    return join(this.#directory, arbiterKey(vm));
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

function epochFile(epoch: Epoch): string {
  return `epoch-${String(epoch).padStart(EPOCH_DIGITS, '0')}.json`;
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
