/**
 * The disk as what is written to it has to survive: few operations, each of which can fail or be the
 * last one of a process. Tests pass a disk that fails at any of them (test/support/faulty-disk.ts).
 */

import { closeSync, fstatSync, openSync, readdirSync, readSync, statfsSync } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { type OpenSegmentFile, openSegmentFile } from './log-segment-file.ts';
import { sealing } from './sealed-file.ts';

/** A file that is read in pieces. Every operation throws the error of the file system. */
export interface DiskInput {
  /** Bytes of the file; of a sealed one those that are sealed. */
  readonly size: number;
  /** Fills `into` from `offset`; how many bytes there were. */
  read(into: Uint8Array, offset: number): number;
  close(): void;
}

/** Bytes of a file system. */
export interface DiskRoom {
  /** That this process may still write. */
  readonly free: number;
  readonly total: number;
}

export interface Disk {
  /** A file written at its end: offset 0 makes a new one, see `openSegmentFile`. */
  readonly openFile: OpenSegmentFile;
  readonly openInput: (path: string) => DiskInput;
  /** Names in a directory. */
  readonly list: (dir: string) => readonly string[];
  /** Replaces what is at `to`. On disk once `syncDirectory` has resolved. */
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly unlink: (path: string) => Promise<void>;
  /** Takes off a file what lies behind `bytesMax`, if anything; resolves when the rest is on disk. */
  readonly cut: (path: string, bytesMax: number) => Promise<void>;
  /** Resolves when the names in a directory are on disk as they are now. */
  readonly syncDirectory: (dir: string) => Promise<void>;
  /** Of the file system that holds `dir`; undefined where it does not say. */
  readonly room: (dir: string) => DiskRoom | undefined;
}

/** Files as they lie there. */
export const RAW_DISK: Disk = {
  openFile: openSegmentFile,
  openInput: (path) => {
    const fd = openSync(path, 'r');
    return {
      size: fstatSync(fd).size,
      read: (into, offset) => readSync(fd, into, 0, into.length, offset),
      close: () => closeSync(fd),
    };
  },
  list: (dir) => readdirSync(dir),
  rename,
  unlink,
  cut: async (path, bytesMax) => {
    const file = await open(path, 'r+');
    try {
      if ((await file.stat()).size > bytesMax) await file.truncate(bytesMax);
      await file.datasync();
    } finally {
      await file.close();
    }
  },
  // A file whose directory entry is lost in a power cut is lost with all its synced bytes.
  syncDirectory: async (dir) => {
    const directory = await open(dir, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  room: (dir) => {
    try {
      const { bsize, blocks, bavail } = statfsSync(dir);
      return blocks > 0 ? { free: bavail * bsize, total: blocks * bsize } : undefined;
    } catch {
      // No directory, or a file system without such figures: whoever writes there hears what is wrong.
      return undefined;
    }
  },
};

/** The disk of this host: files of logs are sealed on it when this process has keys (log-keys.ts). */
export const REAL_DISK: Disk = sealing(RAW_DISK);
