/** Has a running primary of this machine do something, through the socket that only its owner can open. */

import { request } from 'node:http';
import { HvError } from '../base/errors.ts';
import { askStatus, statusPaths } from '../host/status-socket.ts';
import { noneBelow } from './status-report.ts';
import type { Fields } from './status-text.ts';

/** A switchover is bounded; what takes longer than this has no answer. */
const ANSWER_MS = 30_000;

export interface Found {
  /** Of the socket. */
  readonly path: string;
  readonly status: Fields;
}

/** The primary of the guest `name` below `dir`. Throws HV_E_USAGE when none runs here. */
export async function findPrimary(name: string, dir: string): Promise<Found> {
  const found = await findAll(name, dir);
  const primary = found.find(({ status }) => status.role === 'primary');
  if (primary !== undefined) return primary;
  const other = found.length === 0 ? '' : '; here is a backup of it: ask where its primary is';
  throw new HvError('HV_E_USAGE', `${noneBelow(`no primary of '${name}'`, dir)}${other}`);
}

export async function findAll(name: string, dir: string): Promise<readonly Found[]> {
  const paths = statusPaths(dir);
  const answers = await Promise.all(paths.map(askStatus));
  return paths.flatMap((path, index) => {
    const status = answers[index];
    if (status?.name !== name) return [];
    return [{ path: path.replace(/\.status\.sock$/, '.admin.sock'), status }];
  });
}

export interface Answer {
  readonly status: number;
  readonly fields: Fields;
}

/** Posts to the replica at `found`. Throws HV_E_USAGE when it does not answer. */
export function post(found: Found, path: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const lost = (reason: string): void =>
      reject(new HvError('HV_E_USAGE', `the replica at ${found.path} does not answer: ${reason}`));
    const ask = request(
      { socketPath: found.path, path, method: 'POST', timeout: ANSWER_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          try {
            resolve({ status: response.statusCode ?? 0, fields: JSON.parse(text) as Fields });
          } catch {
            lost(text.trim());
          }
        });
      },
    );
    ask.on('timeout', () => ask.destroy(new Error(`nothing within ${ANSWER_MS} ms`)));
    ask.on('error', (error) => lost(error.message));
    ask.end(JSON.stringify(body));
  });
}
