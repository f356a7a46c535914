/**
 * A replica's status as one line of JSON on a socket of the file system, for `hv status`. Only its
 * owner may connect. Never in the way: whoever asks is answered between other work, and a socket that
 * cannot be made is only reported.
 */

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../../log-format/index.ts';
import { STATUS_ANSWER_MS, STATUS_BYTES_MAX } from '../base/limits.ts';

const SUFFIX = '.status.sock';
/** `sun_path` of Linux has 108 bytes, of macOS 104, with the NUL. */
const SOCKET_PATH_BYTES_MAX = 100;

export interface StatusSocket {
  /** Where `hv status` looks: the socket, or a file with the path of one in the temporary directory. */
  readonly path: string;
  close(): void;
}

/**
 * Serves `answer` at `<dir>/<name>.status.sock` until closed, at the latest when the process exits.
 * Rejects when the directory takes no socket, or another process serves there.
 */
export async function serveStatus(
  dir: string,
  name: string,
  answer: (done: (status: object) => void) => void,
): Promise<StatusSocket> {
  const path = join(dir, name + SUFFIX);
  if (await answers(path)) throw new Error(`another process serves its status at ${path}`);
  remove(path);
  const isShort = Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
  const real = isShort ? path : join(tmpdir(), `hv-${toHex(randomBytes(8))}.sock`);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    answer((status) => socket.end(`${JSON.stringify(status)}\n`));
  });
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

/** Sockets of replicas below `dir`: its own and those of backups in directories of their own. */
export function statusPaths(dir: string): readonly string[] {
  const found: string[] = [];
  const look = (at: string, deeper: boolean): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.name.endsWith(SUFFIX)) found.push(path);
      else if (deeper && entry.isDirectory()) look(path, false);
    }
  };
  try {
    look(dir, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return found.sort();
}

/** What the replica at `path` says; undefined: nobody is there any more, or nothing in time. */
export function askStatus(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const real = realPath(path);
  if (real === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(real);
    const end = (): void => {
      socket.destroy();
      resolve(parsed(text));
    };
    socket.setTimeout(STATUS_ANSWER_MS, end);
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (text.length > STATUS_BYTES_MAX) end();
    });
    socket.on('error', end);
    socket.on('end', end);
  });
}

async function answers(path: string): Promise<boolean> {
  return (await askStatus(path)) !== undefined;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Cut short: the process died while it answered.
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    const stats: Stats = lstatSync(path);
    return stats.isSocket() ? path : readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
