/**
 * A backup's store: the log as FileLogStore keeps it, and beside it the snapshots a copy may begin with,
 * written as they arrive. A snapshot gets its name when it is whole and on disk, never before.
 */

import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { EncodedBatch } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { BackupStore } from '../ports.ts';
import { logWriteError } from './log-errors.ts';
import type { FileLogStore } from './log-store.ts';

/** A peer chooses the name: it must stay in the directory, and be a snapshot's. */
const SNAPSHOT_NAME = /^[0-9a-z-]{1,64}\.hvsnap$/;

export class CopyStore implements BackupStore {
  readonly log: FileLogStore;
  readonly #dir: string;
  readonly #onError: (error: HvError) => void;
  #file: { readonly name: string; readonly fd: number } | undefined;

  constructor(dir: string, log: FileLogStore, onError: (error: HvError) => void) {
    this.#dir = dir;
    this.log = log;
    this.#onError = onError;
  }

  appendFrames(bytes: Uint8Array): void {
    this.log.appendFrames(bytes);
  }

  append(batch: EncodedBatch): void {
    this.log.append(batch);
  }

  snapshotPiece(name: string, bytes: Uint8Array): void {
    try {
      this.#piece(name, bytes);
    } catch (error) {
      this.#onError(error instanceof HvError ? error : logWriteError(this.#dir, error));
    }
  }

  sync(done: () => void): void {
    this.log.sync(done);
  }

  seal(done: () => void): void {
    this.log.seal(done);
  }

  close(done: () => void): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
    this.log.close(done);
  }

  #piece(name: string, bytes: Uint8Array): void {
    if (!SNAPSHOT_NAME.test(name) || (this.#file !== undefined && this.#file.name !== name))
      throw new HvError(
        'HV_E_LOG_DAMAGED',
        `the primary sent a snapshot named ${JSON.stringify(name)}`,
      );
    const path = join(this.#dir, name);
    this.#file ??= { name, fd: openSync(`${path}.tmp`, 'w', 0o600) };
    const { fd } = this.#file;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    if (bytes.length > 0) return;
    fsyncSync(fd);
    closeSync(fd);
    this.#file = undefined;
    renameSync(`${path}.tmp`, path);
  }
}
