/**
 * A run is to go on and there is no log: whether there never was one, and where earlier ones are. A log that
 * was lost must not be taken for one that has not begun yet, for then the guest would begin empty without a word.
 */

import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LogHeader } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { findLog } from './log-files.ts';
import { headerAt, isUnborn } from './log-glance.ts';

/** A log that made room for a later run (`rotateAside`). */
export interface AsideLog {
  readonly path: string;
  /** Undefined: it cannot be read, or not without its key. */
  readonly header: LogHeader | undefined;
}

export interface NothingToResume {
  /** Where the log would be. */
  readonly logDir: string;
  /** Newest first. */
  readonly aside: readonly AsideLog[];
}

/**
 * Call when `logDir` has no log to go on from, with it locked. Throws HV_E_LOG_DAMAGED where there was one: other
 * files of it are left, or the arbiter beside it knows views of a run whose log is not set aside either.
 */
export function nothingToResume(logDir: string): NothingToResume {
  const left = namesIn(logDir);
  const aside = logsAside(logDir);
  if (left.some((name) => /^(?!quarantine-).*\.hv(log|snap|sig|mark)$/.test(name)))
    return left.some((name) => /^\d{6,}\.hvlog$/.test(name))
      ? { logDir, aside }
      : refuse(
          { logDir, aside },
          `${left.join(', ')} ${left.length === 1 ? 'is' : 'are'} left of it`,
        );
  const known = new Set(aside.map(({ header }) => header?.vm));
  const lost = runsAt(join(dirname(logDir), 'arbiter'), basename(logDir));
  const [vm] = lost.filter((one) => !known.has(one));
  // Whose log cannot be read may be the one.
  if (vm === undefined || known.has(undefined)) return { logDir, aside };
  return refuse({ logDir, aside }, `the arbiter beside it has views of the run ${vm}`);
}

/** For who gave no script to begin with. */
export function nothingToGoOnFrom({ logDir, aside }: NothingToResume): HvError {
  const text = `there is no log in ${logDir} to go on from${earlierWords(aside)}`;
  return new HvError('HV_E_LOG_NOT_FOUND', text, { details: { logDir } });
}

function earlierWords(aside: readonly AsideLog[]): string {
  const others = aside.map(({ path }) => path).join(', ');
  return others === '' ? '' : `; earlier ones are set aside: ${others}`;
}

function refuse({ logDir, aside }: NothingToResume, trace: string): never {
  throw new HvError(
    'HV_E_LOG_DAMAGED',
    `there is no log in ${logDir}, but there was one: ${trace}. What that run acknowledged is not here, and nothing was changed. If a backup has a copy, go on with that; to begin empty, leave --resume out${earlierWords(aside)}`,
    { details: { logDir } },
  );
}

/** The logs set aside from `logDir`, newest first; none that was killed before its run began. */
export function logsAside(logDir: string): readonly AsideLog[] {
  const home = dirname(logDir);
  const prefix = `${basename(logDir)}~`;
  return namesIn(home)
    .filter((name) => name.startsWith(prefix) && /^\d{1,9}$/.test(name.slice(prefix.length)))
    .sort((one, two) => Number(two.slice(prefix.length)) - Number(one.slice(prefix.length)))
    .flatMap((name) => lookAt(join(home, name)) ?? []);
}

function lookAt(path: string): AsideLog | undefined {
  try {
    const files = findLog(path);
    const beginning = files.beginning ?? files.path(1);
    if (files.beginning === undefined && isUnborn(beginning)) return undefined;
    return { path, header: headerAt(beginning) };
  } catch (error) {
    // Damaged or sealed: it is there all the same.
    if (error instanceof HvError) return { path, header: undefined };
    throw error;
  }
}

/** Runs of the guest `name` that the arbiter in `directory` has views of: see `FileArbiter`. */
function runsAt(directory: string, name: string): readonly string[] {
  const suffix = (vm: string): string => vm.slice(name.length);
  return namesIn(directory).filter(
    (vm) =>
      vm.startsWith(name) &&
      /^-[0-9a-f]{8}$/.test(suffix(vm)) &&
      namesIn(join(directory, vm)).some((view) => view.startsWith('epoch-')),
  );
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return [];
    throw error;
  }
}
