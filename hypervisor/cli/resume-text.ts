/** What `hv run --resume` says where there is nothing to resume. */

import { basename, isAbsolute, relative } from 'node:path';
import { HostClock } from '../host/clock.ts';
import type { AsideLog, NothingToResume } from '../host/nothing-to-resume.ts';
import type { Lifecycle } from './lifecycle.ts';
import { say } from './print.ts';
import { shellWord } from './shell-word.ts';

/** Logs named in a line; the rest is counted. */
const NAMED_MAX = 3;

export function tellEmpty(lifecycle: Lifecycle, found: NothingToResume): void {
  const aside = found.aside.map(({ path }) => path);
  lifecycle.event('resume.empty', new HostClock().wall(), { log: found.logDir, aside });
  for (const line of emptyLines(found, process.cwd())) say(line);
}

/** `cwd`: commands name paths as one would there. */
export function emptyLines({ logDir, aside }: NothingToResume, cwd: string): readonly string[] {
  const name = basename(logDir);
  const lines = [`${name}: there is no log in ${logDir}: nothing to resume, the run begins empty`];
  const [newest] = aside;
  if (newest === undefined) return lines;
  const word = (path: string): string => shellWord(shortest(path, cwd));
  const named = aside.slice(0, NAMED_MAX).map((one) => asideWords(one, word(one.path)));
  const more = aside.length - named.length;
  const list = [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  const [log, old] = [word(logDir), word(newest.path)];
  return [
    ...lines,
    `${name}: earlier logs are set aside: ${list}. To look at one: hv inspect ${old}`,
    `${name}: to go on with it instead, end this run, then: mv ${log} ${log}-empty && mv ${old} ${log}, and hv run --resume`,
  ];
}

function asideWords({ header }: AsideLog, path: string): string {
  if (header === undefined) return `${path} (not readable without its key, or damaged)`;
  return `${path} (of ${new Date(header.startedAt / 1000).toISOString().slice(0, 19)}Z)`;
}

function shortest(path: string, cwd: string): string {
  const inside = relative(cwd, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}
