/**
 * Sockets of the file system that only their owner may open. A path that is too long for a socket gets
 * a file with the path of one in the temporary directory.
 */

import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, readFileSync, type Stats, unlinkSync, writeFileSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../../log-format/index.ts';

/** `sun_path` of Linux has 108 bytes, of macOS 104, with the NUL. */
const SOCKET_PATH_BYTES_MAX = 100;

export interface OwnerSocket {
  /** Where others look: the socket, or a file with the path of one. */
  readonly path: string;
  close(): void;
}

/**
 * Makes `server` listen at `path`, in place of what a dead process left there, until closed, at the
 * latest when the process exits. Rejects when the directory takes no socket, or another process listens there:
 * who asks it must not come to hear this one.
 */
export async function listenForOwner(server: Server, path: string): Promise<OwnerSocket> {
  if (await isHeard(path)) throw new Error(`another process listens at ${path}`);
  remove(path);
  const isShort = Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
  const real = isShort ? path : join(tmpdir(), `hv-${toHex(randomBytes(8))}.sock`);
  const close = (): void => {
    process.off('exit', close);
    server.close();
    for (const one of new Set([path, real])) remove(one);
  };
  process.on('exit', close);
  await listen(server, real);
  if (real !== path) writeFileSync(path, real, { mode: 0o600 });
  server.unref();
  return { path, close };
}

/** The socket that is meant by `path`; undefined: there is none. */
export function ownerSocketAt(path: string): string | undefined {
  try {
    const stats: Stats = lstatSync(path);
    return stats.isSocket() ? path : readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isHeard(path: string): Promise<boolean> {
  const real = ownerSocketAt(path);
  if (real === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect(real);
    const end = (heard: boolean): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.on('connect', () => end(true));
    // A full backlog is somebody's, too.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'EAGAIN'));
  });
}

/** Between bind and chmod the mask keeps others out. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
    process.umask(mask);
  });
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
