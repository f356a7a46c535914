/** Jobs of `node:fs` that move bytes: reading, writing, whole files, copies. */

import { Buffer } from './buffer.ts';
import {
  checkEncoding,
  checkRange,
  type Options,
  toData,
  toFd,
  toFlags,
  toMode,
  toOptions,
  toPath,
  toPosition,
  toView,
  toViews,
} from './fs-arguments.ts';
import { guarded } from './fs-errors.ts';
import { closeFile, nodeOf, openFile, readFile, writeFile } from './fs-files.ts';
import { Fault } from './fs-inode.ts';
import type { Job } from './fs-jobs.ts';
import { volume } from './fs-volume.ts';
import { invalidArgValue, outOfRange } from './node-errors.ts';
import { validateBoolean, validateInteger } from './validators.ts';

const READ_BYTES = 16_384;
const PIECE_BYTES = 65_536;
const EXCLUSIVE = 1;

/** Offset, length and position of a read, from the forms they come in. */
function readRange(
  target: unknown,
  view: Uint8Array,
  given: readonly unknown[],
): readonly [number, number, number] {
  let [offset, length, position] = given;
  if (typeof offset === 'object' && offset !== null)
    ({ offset, length, position } = offset as Options);
  if (offset == null) offset = 0;
  else validateInteger(offset, 'offset', 0);
  const start = offset as number;
  const count = length === undefined ? view.length - start : Number(length) | 0;
  if (count === 0) return [start, 0, -1];
  if (view.length === 0) {
    throw invalidArgValue('buffer', target, 'is empty and cannot be written');
  }
  if (count < 0) throw outOfRange('length', '>= 0', count);
  if (start + count > view.length) throw outOfRange('length', `<= ${view.length - start}`, count);
  return [start, count, toPosition(position, count)];
}

/** Arguments after the descriptor may begin with a view or with options that hold one. */
export function readJob(fd: unknown, ...given: readonly unknown[]): Job {
  const descriptor = toFd(fd);
  let [target, ...range] = given;
  if (target == null || (typeof target === 'object' && !ArrayBuffer.isView(target))) {
    const options = (target ?? {}) as Options;
    target = options.buffer === undefined ? Buffer.alloc(READ_BYTES) : options.buffer;
    range = [options];
  }
  const view = toView(target);
  const [offset, count, position] = readRange(target, view, range);
  return {
    subject: { syscall: 'read' },
    run: () =>
      count === 0 ? 0 : readFile(descriptor, view.subarray(offset, offset + count), position),
    results: (bytesRead: number) => [bytesRead, target],
  };
}

export function readvJob(fd: unknown, buffers: unknown, position?: unknown): Job {
  const descriptor = toFd(fd);
  const views = toViews(buffers);
  const at = typeof position === 'number' ? toPosition(position) : -1;
  const run = (): number => {
    let sum = 0;
    for (const view of views) {
      const count = readFile(descriptor, view, at < 0 ? -1 : at + sum);
      sum += count;
      if (count < view.length) break;
    }
    return sum;
  };
  const results = (bytesRead: number): unknown[] => [bytesRead, buffers];
  return { subject: { syscall: 'read' }, run, results };
}

function writeRange(view: Uint8Array, given: readonly unknown[]): readonly [Uint8Array, number] {
  let [offset, length, position] = given;
  if (typeof offset === 'object' && offset !== null)
    ({ offset, length, position } = offset as Options);
  if (offset == null) offset = 0;
  else validateInteger(offset, 'offset', 0);
  const start = offset as number;
  const count = typeof length === 'number' ? length : view.length - start;
  checkRange(view, start, count);
  const at = typeof position === 'number' || typeof position === 'bigint' ? position : null;
  return [view.subarray(start, start + count), toPosition(at)];
}

/** `(fd, view, offset, length, position)`, `(fd, view, options)` or `(fd, text, position, encoding)`. */
export function writeJob(fd: unknown, data: unknown, ...given: readonly unknown[]): Job {
  const descriptor = toFd(fd);
  let bytes: Uint8Array;
  let position: number;
  if (typeof data === 'string') {
    const [at, encoding] = given;
    checkEncoding(encoding);
    if (encoding === 'hex' && data.length % 2 !== 0) {
      throw invalidArgValue('encoding', encoding, `is invalid for data of length ${data.length}`);
    }
    bytes = toData(data, encoding);
    position = typeof at === 'number' ? toPosition(at) : -1;
  } else {
    bytes = toData(data, undefined, 'buffer');
    [bytes, position] = writeRange(bytes, given);
  }
  return {
    subject: { syscall: 'write' },
    run: () => writeFile(descriptor, bytes, position),
    results: (written: number) => [written, data],
  };
}

export function writevJob(fd: unknown, buffers: unknown, position?: unknown): Job {
  const descriptor = toFd(fd);
  const views = toViews(buffers);
  const at = typeof position === 'number' ? toPosition(position) : -1;
  const run = (): number => {
    let sum = 0;
    for (const view of views) sum += writeFile(descriptor, view, at < 0 ? -1 : at + sum);
    return sum;
  };
  const results = (written: number): unknown[] => [written, buffers];
  return { subject: { syscall: 'write' }, run, results };
}

/** All that is left of an open file. */
export function readRest(fd: number): Buffer {
  const node = guarded({ syscall: 'fstat' }, () => nodeOf(fd));
  if (node.kind === 'directory') {
    guarded({ syscall: 'read' }, () => readFile(fd, new Uint8Array(0), -1));
  }
  const pieces: Uint8Array[] = [];
  for (;;) {
    const wanted = node.kind === 'file' ? Math.max(node.bytes.size, 1) : PIECE_BYTES;
    const piece = new Uint8Array(wanted);
    const count = guarded({ syscall: 'read' }, () => readFile(fd, piece, -1));
    if (count === 0) break;
    pieces.push(piece.subarray(0, count));
    if (count < wanted) break;
  }
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) {
    return Buffer.from(only.buffer as ArrayBuffer, 0, only.length);
  }
  return Buffer.concat(pieces as never);
}

/** Runs `act` with a descriptor: the given one, or one of `path` for as long as it takes. */
function withFile<T>(file: unknown, flags: number, mode: number, act: (fd: number) => T): T {
  if (typeof file === 'number') return act(file);
  const path = file as string;
  const fd = guarded({ syscall: 'open', path }, () => openFile(path, flags, mode));
  try {
    return act(fd);
  } finally {
    closeFile(fd);
  }
}

/** A descriptor, or a path as text. */
const toFile = (given: unknown): number | string =>
  typeof given === 'number' && Number.isInteger(given) && given >= 0 ? given : toPath(given);

export function readFileJob(given: unknown, options?: unknown): Job {
  const { encoding, flag, signal } = toOptions(options, { flag: 'r' });
  const file = toFile(given);
  const flags = toFlags(flag, 'options.flag');
  const run = (): unknown =>
    withFile(file, flags, 0o666, (fd) => {
      const content = readRest(fd);
      return encoding && encoding !== 'buffer' ? content.toString(encoding as string) : content;
    });
  return { subject: { syscall: 'read' }, run, signal };
}

export const WRITE_DEFAULTS: Options = { encoding: 'utf8', mode: 0o666, flag: 'w', flush: false };

export function writeFileJob(given: unknown, data: unknown, options?: unknown): Job {
  const { encoding, mode, flag, signal, flush } = toOptions(options, WRITE_DEFAULTS);
  validateBoolean(flush ?? false, 'options.flush');
  const bytes = toData(data, encoding);
  const file = toFile(given);
  const flags = toFlags(flag || 'w', 'options.flag');
  const permissions = toMode(mode, 'mode', 0o666);
  const run = (): void =>
    withFile(file, flags, permissions, (fd) => {
      guarded({ syscall: 'write' }, () => writeFile(fd, bytes, -1));
    });
  return { subject: { syscall: 'write' }, run, signal };
}

export function appendFileJob(given: unknown, data: unknown, options?: unknown): Job {
  const checked = toOptions(options, { ...WRITE_DEFAULTS, flag: 'a' });
  return writeFileJob(given, data, { ...checked, flag: checked.flag || 'a' });
}

/** Copies content and mode. */
export function copyContent(source: string, dest: string, exclusive: boolean): void {
  const node = volume.lookup(source);
  if (node.kind === 'directory') throw new Fault('EISDIR');
  node.require(4);
  const there = volume.locate(dest, true).node;
  if (there === node) {
    if (exclusive) throw new Fault('EEXIST');
    return;
  }
  const to = openFile(dest, toFlags(exclusive ? 'wx' : 'w'), node.mode);
  try {
    const piece = new Uint8Array(Math.min(node.bytes.size, PIECE_BYTES));
    for (let at = 0; at < node.bytes.size; ) {
      const count = node.bytes.read(piece, at);
      writeFile(to, piece.subarray(0, count), at);
      at += count;
    }
  } finally {
    closeFile(to);
  }
}

export function copyFileJob(from: unknown, to: unknown, mode?: unknown): Job {
  const path = toPath(from, 'src');
  const dest = toPath(to, 'dest');
  const how = mode ?? 0;
  validateInteger(how, 'mode', 0, 7);
  return {
    subject: { syscall: 'copyfile', path, dest },
    run: () => copyContent(path, dest, (how & EXCLUSIVE) !== 0),
  };
}
