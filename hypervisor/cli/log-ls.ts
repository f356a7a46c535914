/** `hv log ls`: the logs below a directory. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { HvError } from '../base/errors.ts';
import { segmentNumbers } from '../host/log-files.ts';
import { glanceLog } from '../host/log-glance.ts';
import { lockHolder } from '../host/log-lock.ts';
import { counted, grouped } from '../timeline/record-words.ts';
import { data, say } from './print.ts';

interface Row {
  readonly path: string;
  readonly state: 'recording' | 'sealed' | 'not sealed' | 'damaged' | 'locked';
  readonly vm: string;
  readonly script: string;
  /** ISO 8601; empty when the header cannot be read. */
  readonly startedAt: string;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly bytes: number;
  readonly segments: number;
}

export function listLogs(dir: string, options: { readonly json: boolean }): void {
  const rows = pathsOf(dir).map(rowOf);
  if (options.json) {
    data(JSON.stringify(rows));
    return;
  }
  if (rows.length === 0) {
    say(`no logs in ${dir}`);
    return;
  }
  const lines = rows.map((row) => [
    row.path,
    row.state,
    row.startedAt.slice(0, 19).replace('T', ' '),
    counted(row.lastLsn - row.firstLsn + 1, 'record'),
    `${grouped(row.bytes)} bytes`,
    row.script,
  ]);
  data(aligned(lines).join('\n'));
}

/** Logs in `dir`: directories with segments, `.hvlog` files beside them, or `dir` itself. */
function pathsOf(dir: string): string[] {
  try {
    if (segmentNumbers(dir).length > 0) return [dir];
    const paths: string[] = [];
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      const log = entry.isDirectory()
        ? segmentNumbers(path).length > 0
        : entry.name.endsWith('.hvlog');
      if (log) paths.push(path);
    }
    return paths.sort();
  } catch (error) {
    throw new HvError('HV_E_LOG_NOT_FOUND', `${dir} cannot be listed`, { cause: error });
  }
}

function rowOf(path: string): Row {
  const glance = glanceOf(path);
  if (glance === undefined || glance === 'locked') {
    const nothing = {
      vm: '',
      script: '',
      startedAt: '',
      firstLsn: 1,
      lastLsn: 0,
      bytes: 0,
      segments: 0,
    };
    return { path, state: glance === 'locked' ? 'locked' : 'damaged', ...nothing };
  }
  const { header, firstLsn, lastLsn, bytes, segments, sealed } = glance;
  const unsealed = lockHolder(path) === undefined ? 'not sealed' : 'recording';
  return {
    path,
    state: sealed ? 'sealed' : unsealed,
    vm: header.vm,
    script: header.script,
    startedAt: new Date(header.startedAt / 1000).toISOString(),
    firstLsn,
    lastLsn,
    bytes,
    segments,
  };
}

/** `locked`: it is sealed, and not with a key that was given. */
function glanceOf(path: string): ReturnType<typeof glanceLog> | 'locked' {
  try {
    return glanceLog(path);
  } catch (error) {
    // A missing segment, or a log that went away between listing and looking.
    if (error instanceof HvError) return error.code === 'HV_E_LOG_KEY' ? 'locked' : undefined;
    throw error;
  }
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
