/** What can be measured on this host without disturbing what runs there. */

import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { HvError } from '../../base/errors.ts';
import { DOCTOR_CONNECTS, DOCTOR_SYNC_BYTES, DOCTOR_SYNCS } from '../../base/tool-limits.ts';
import { parseAddress } from '../../host/addresses.ts';
import { makeDirectory } from '../../host/directories.ts';
import { askStatus, statusPaths } from '../../host/status-socket.ts';
import type { Arbiter } from '../../ports.ts';
import { readView } from '../up/registration.ts';

/** Milliseconds of each write with its fdatasync, into a file that is removed again; or why not. */
export function timeSyncs(dir: string): readonly number[] | string {
  const path = join(dir, `.doctor-${process.pid}`);
  try {
    makeDirectory(dir);
    const fd = openSync(path, 'wx', 0o600);
    try {
      const block = Buffer.alloc(DOCTOR_SYNC_BYTES, 0x68);
      return Array.from({ length: DOCTOR_SYNCS }, () => {
        const since = performance.now();
        writeSync(fd, block);
        fdatasyncSync(fd);
        return performance.now() - since;
      });
    } finally {
      closeSync(fd);
      rmSync(path, { force: true });
    }
  } catch (error) {
    if (error instanceof HvError || (error as NodeJS.ErrnoException).code !== undefined)
      return (error as Error).message;
    throw error;
  }
}

/** Bytes this user may still write. The directory must exist. */
export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

/** By what the address is taken, if by anything. */
export async function portTaken(
  listen: string,
  dir: string,
): Promise<{ readonly reason: string; readonly byOwn: boolean } | undefined> {
  const { host, port } = parseAddress(listen, { what: 'replica.listen' });
  const reason = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.message));
    server.listen({ port, ...(host === '' ? {} : { host }), exclusive: true }, () =>
      server.close(() => resolve(undefined)),
    );
  });
  if (reason === undefined) return undefined;
  const replicas = await Promise.all(statusPaths(dir).map(askStatus));
  return { reason, byOwn: replicas.some((one) => one !== undefined) };
}

/** Milliseconds of each answer, of which the first pays for the connection; or why there is none. */
export async function timeArbiter(arbiter: Arbiter): Promise<readonly number[] | string> {
  const times: number[] = [];
  for (let count = 0; count < DOCTOR_CONNECTS; count++) {
    const since = performance.now();
    const answer = await readView(arbiter, 'up:doctor');
    if (answer.type === 'unavailable') return answer.reason;
    times.push(performance.now() - since);
  }
  return times;
}
