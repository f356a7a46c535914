/**
 * What a backup that has nothing joins with: the newest snapshot beside the primary's log, or a new one
 * where that is far behind; nothing where the log itself is as quick.
 */

import { asLsn, type Lsn, type SnapshotOwner } from '../../log-format/index.ts';
import { JOIN_CHECKPOINT_MS, JOIN_LOG_RECORDS, JOIN_SUFFIX_RECORDS } from '../base/limits.ts';
import type { SnapshotSource, SnapshotTransfer } from '../ports.ts';
import type { FileCheckpointer } from './checkpointer.ts';
import { findLog } from './log-files.ts';
import { type SnapshotSource as OpenedSource, openSnapshotSource } from './snapshot-source.ts';

export interface JoinSourceOptions {
  readonly dir: string;
  readonly owner: SnapshotOwner;
  /** Undefined: none can be asked for, only those that are there. */
  readonly checkpoints: FileCheckpointer | undefined;
  /** Last record of the log. */
  readonly lsnLast: () => Lsn;
  readonly trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class JoinSource implements SnapshotSource {
  readonly #options: JoinSourceOptions;
  /** Snapshots that turned out to be damaged. */
  readonly #avoid = new Set<Lsn>();

  constructor(options: JoinSourceOptions) {
    this.#options = options;
  }

  open(lsnMax: () => Lsn, done: (transfer: SnapshotTransfer | undefined) => void): void {
    void this.#open(lsnMax).then(done, (error: unknown) => {
      this.#options.trouble('snapshot.unreadable', { reason: (error as Error).message });
      done(undefined);
    });
  }

  async #open(lsnMax: () => Lsn): Promise<SnapshotTransfer | undefined> {
    const { dir, lsnLast } = this.#options;
    const whole = findLog(dir).first === 1;
    if (whole && lsnLast() <= JOIN_LOG_RECORDS) return undefined;
    let source = await this.#newest(lsnMax);
    if (source === undefined || lsnLast() - source.lsn > JOIN_SUFFIX_RECORDS) {
      await source?.close();
      await this.#checkpoint();
      source = await this.#newest(lsnMax);
    }
    return source && this.#transfer(source);
  }

  #newest(lsnMax: () => Lsn): Promise<OpenedSource | undefined> {
    const { dir, owner } = this.#options;
    return openSnapshotSource(dir, owner, { lsnMax: asLsn(lsnMax()), avoid: this.#avoid });
  }

  /** Or what is there: one that does not come is not waited for. */
  #checkpoint(): Promise<void> {
    const { checkpoints } = this.#options;
    if (checkpoints === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, JOIN_CHECKPOINT_MS);
      checkpoints.request({ complete: this.#avoid.size > 0 }, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #transfer(source: OpenedSource): SnapshotTransfer {
    const { lsn, files, beginning } = source;
    return {
      lsn,
      files,
      beginning,
      read: (onPiece, done) =>
        source.read(onPiece, (end) => {
          if (end.type === 'sent') {
            done(undefined);
            return;
          }
          this.#avoid.add(end.lsn);
          done(new Error(`the snapshot at lsn ${end.lsn} cannot be used: ${end.reason}`));
        }),
    };
  }
}
