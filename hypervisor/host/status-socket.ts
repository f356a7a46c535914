/**
 * A replica's status as one line of JSON on a socket of the file system, for `hv status`. Only its
 * owner may connect. Never in the way: whoever asks is answered between other work, and a socket that
 * cannot be made is only reported.
 */

import { readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { STATUS_ANSWER_MS, STATUS_BYTES_MAX } from '../base/limits.ts';
import { listenForOwner, type OwnerSocket, ownerSocketAt } from './owner-socket.ts';

const SUFFIX = '.status.sock';

/**
 * Serves `answer` at `<dir>/<name>.status.sock` until closed, at the latest when the process exits.
 * Rejects when the directory takes no socket, or another process serves there.
 */
export async function serveStatus(
  dir: string,
  name: string,
  answer: (done: (status: object) => void) => void,
): Promise<OwnerSocket> {
  const path = join(dir, name + SUFFIX);
  if (await answers(path)) throw new Error(`another process serves its status at ${path}`);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    answer((status) => socket.end(`${JSON.stringify(status)}\n`));
  });
  return listenForOwner(server, path);
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
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
  return found.sort();
}

/** What the replica at `path` says; undefined: nobody is there any more, or nothing in time. */
export function askStatus(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const real = ownerSocketAt(path);
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
