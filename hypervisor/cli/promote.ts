/** `hv promote --force`: finds the backup, asks whether it is meant, and says what was lost. */

import { request } from 'node:http';
import { createInterface } from 'node:readline/promises';
import { HvError, type HvErrorCode } from '../base/errors.ts';
import { FORCE_ANSWER_MS } from '../base/limits.ts';
import type { ForceReport } from '../host/force.ts';
import { parseMoment } from '../host/log-moment.ts';
import { ownerSocketAt } from '../host/owner-socket.ts';
import { askStatus, statusPaths } from '../host/status-socket.ts';
import { grouped } from '../timeline/record-words.ts';
import { adminSocketBeside } from './admin.ts';
import { data, say } from './print.ts';
import { noneBelow } from './status-report.ts';

export interface PromoteOptions {
  readonly force?: true;
  readonly at?: string;
  readonly yes?: true;
  readonly dir: string;
  readonly json?: true;
}

/** Throws HV_E_USAGE when there is no such backup, it is not meant, or there is nothing at `at`. */
export async function promoteByForce(name: string, options: PromoteOptions): Promise<void> {
  const { at } = options;
  if (options.force !== true)
    throw new HvError(
      'HV_E_USAGE',
      'hv promote makes a backup primary against whoever is: it needs --force',
    );
  if (at !== undefined && parseMoment(at) === undefined)
    throw new HvError(
      'HV_E_USAGE',
      `--at cannot be '${at}': it takes an lsn such as 4320, a time with its zone such as 2026-01-01T12:00:00Z, or so long ago as in -5m`,
    );
  const socket = await adminSocketOf(name, options.dir);
  if (options.yes !== true) await confirm(name);
  const report = await post(socket, { name, ...(at === undefined ? {} : { at }) });
  if (options.json === true) data(JSON.stringify(report));
  else for (const line of reportLines(report)) say(line);
}

/** What was done and what it costs, in lines for people. */
export function reportLines(report: ForceReport): readonly string[] {
  const { name, replica, epoch, arbiter, reason, lsn, lsnReceived, lsnReleased } = report;
  const lines = [`${name}: ${replica} is primary of epoch ${epoch}, going on behind lsn ${lsn}`];
  if (lsn < lsnReceived)
    lines.push(
      `${grouped(lsnReceived - lsn)} records behind it are in a quarantine file beside the log`,
    );
  if (lsn < lsnReleased)
    lines.push(
      `outputs of ${grouped(lsnReleased - lsn)} of them have left: clients may hold answers this guest never gave`,
    );
  lines.push(
    `lost: whatever the old primary did behind lsn ${lsnReceived}, the last record that came here (outputs up to lsn ${lsnReleased} are known to have left)`,
  );
  lines.push(
    arbiter === 'claimed'
      ? 'the view is claimed: the old primary is fenced, at the latest when it asks the arbiter next'
      : `NO ARBITER answered (${reason ?? 'no reason'}): if the old primary lives there are TWO PRIMARIES now. Stop it. This one claims its epoch when the arbiter answers again`,
  );
  return lines;
}

async function adminSocketOf(name: string, dir: string): Promise<string> {
  const found: string[] = [];
  for (const path of statusPaths(dir)) {
    const status = await askStatus(path);
    if (status?.name === name && status.role === 'backup') found.push(path);
  }
  const [path, ...others] = found;
  if (path === undefined || others.length > 0) {
    if (path === undefined)
      throw new HvError('HV_E_USAGE', noneBelow(`no backup of '${name}'`, dir));
    throw new HvError(
      'HV_E_USAGE',
      `${found.length} backups of '${name}' run below ${dir}; name the directory of one with --dir`,
    );
  }
  const socket = ownerSocketAt(adminSocketBeside(path));
  if (socket !== undefined) return socket;
  throw new HvError('HV_E_USAGE', `the backup of '${name}' below ${dir} has no admin socket`);
}

async function confirm(name: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new HvError('HV_E_USAGE', 'nobody can be asked here whether this is meant: pass --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const question = `hv: this makes a backup of '${name}' primary by force. Type its name to go on: `;
  const answer = await terminal.question(question);
  terminal.close();
  if (answer.trim() !== name) throw new HvError('HV_E_USAGE', 'not promoted: the name differs');
}

function post(
  socketPath: string,
  body: { readonly name: string; readonly at?: string },
): Promise<ForceReport> {
  const headers = { 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, path: '/promote', method: 'POST', headers, timeout: FORCE_ANSWER_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as ForceReport);
          else reject(refusalIn(text));
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('it does not answer')));
    asked.on('error', ({ message }) => {
      const text = `the backup may or may not be promoted: ${message}; see hv status`;
      reject(new HvError('HV_E_INTERNAL', text));
    });
    asked.end(JSON.stringify(body));
  });
}

function refusalIn(text: string): HvError {
  try {
    const { code, message } = JSON.parse(text) as { code: HvErrorCode; message: string };
    return new HvError(code, message);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return new HvError('HV_E_INTERNAL', `the backup answered: ${text}`);
  }
}
