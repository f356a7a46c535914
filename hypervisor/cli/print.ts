/** How hv talks on a terminal: its own lines start `hv:` and go to stderr; data goes to stdout. */

import { writeSync } from 'node:fs';
import { CATALOGUE, EXIT, HvError } from '../base/errors.ts';

/** One line of hv's own, to stderr at once (a following exit loses nothing). */
export function say(text: string): void {
  put(2, `hv: ${text}\n`);
}

/** Data of a command, to stdout at once. A reader that went away is no error: false then. */
export function data(text: string): boolean {
  return put(1, `${text}\n`);
}

/** How far a long command has come, over the line before; '' clears it. For terminals only. */
export function progress(text: string): void {
  put(2, text === '' ? '\r\x1b[K' : `\r\x1b[Khv: ${text}`);
}

/** What the guest's own source is guilty of, in Node's words. */
export function guestText(text: string): void {
  put(2, text.endsWith('\n') ? text : `${text}\n`);
}

function put(fd: number, text: string): boolean {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') return false;
      if (code !== 'EAGAIN') throw error;
    }
  }
  return true;
}

/** What happened, what it means for the data, what to do; returns the exit status. */
export function explain(error: unknown): number {
  if (error instanceof HvError) {
    const row = CATALOGUE[error.code];
    put(2, `hv: ${error.message}   [${error.code}]\n    ${row.means}\n    ${row.fix}\n`);
    return row.exit;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const row = CATALOGUE.HV_E_INTERNAL;
  put(2, `hv: internal error   [HV_E_INTERNAL]\n    ${row.means}\n    ${row.fix}\n${text}\n`);
  return EXIT.internal;
}
