/**
 * Keys of the log at rest: read from files, and known to every thread of this process. A process has one
 * set of keys for all its logs; workers inherit it, so that no way of opening a log can forget it.
 */

import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { fromHex, SEAL_KEY_ID_BYTES, toHex } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { KEY_FILE_BYTES_MAX, LOG_KEYS_MAX } from '../base/limits.ts';

const KEY_BYTES = 32;
/** Under this name threads share the keys. */
const SHARED_NAME = 'hv.logKeys';

export interface LogKey {
  /** Hex, of a hash: says which key it is and nothing about it. */
  readonly id: string;
  readonly secret: Uint8Array;
}

export interface LogKeys {
  /** The first seals what is written; each opens what it has sealed. Not empty. */
  readonly keys: readonly LogKey[];
  /** Where they come from, absolute: a process that is started for the same guest reads it, too. */
  readonly file: string;
  /**
   * What becomes of a file that is not sealed: `refused`, for whoever can write into the directory
   * could put one in the place of a sealed one; or `read`, where plain and sealed logs are looked at together.
   */
  readonly plain: 'refused' | 'read';
}

/** From now on logs are sealed, here and in threads started later; undefined: they are not. */
export function useLogKeys(keys: LogKeys | undefined): void {
  // An object of its own: what is undefined cannot be shared, only absent.
  setEnvironmentData(SHARED_NAME, keys);
}

/** No file in plain is read from now on: for who has read one to write a sealed one. */
export function refusePlainFiles(): void {
  const keys = logKeys();
  if (keys !== undefined) useLogKeys({ ...keys, plain: 'refused' });
}

/** The keys of this process, if it has any. */
export function logKeys(): LogKeys | undefined {
  return getEnvironmentData(SHARED_NAME) as unknown as LogKeys | undefined;
}

/**
 * The keys in a file: a line of 64 hex digits each, the newest first; empty lines and those that begin
 * with # do not count. Throws HV_E_LOG_KEY.
 */
export function readLogKeys(path: string): readonly LogKey[] {
  const lines = readKeyFile(path).split('\n');
  const keys: LogKey[] = [];
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    if (!/^[0-9a-fA-F]{64}$/.test(text))
      throw keyFileError(path, `line ${index + 1} is no key: a key is 64 hex digits`);
    keys.push(logKey(fromHex(text)));
  }
  if (keys.length === 0) throw keyFileError(path, 'it holds no key');
  if (keys.length > LOG_KEYS_MAX)
    throw keyFileError(path, `it holds ${keys.length} keys, more than ${LOG_KEYS_MAX}`);
  return keys;
}

export function logKey(secret: Uint8Array): LogKey {
  const hash = createHash('sha256').update('hv log key id 1\0').update(secret).digest();
  return { id: toHex(hash.subarray(0, SEAL_KEY_ID_BYTES)), secret };
}

/** The text of a file with keys, whole. Throws HV_E_LOG_KEY. */
export function readKeyFile(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > KEY_FILE_BYTES_MAX) throw new Error(`it has ${size} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw keyFileError(path, (error as Error).message, error);
  }
}

export function keyFileError(path: string, why: string, cause?: unknown): HvError {
  return new HvError('HV_E_LOG_KEY', `the key file ${path} cannot be used: ${why}`, {
    details: { path, why: 'file' },
    cause,
  });
}

/** A key as it stands in a file. */
export function keyLine(secret: Uint8Array): string {
  if (secret.length !== KEY_BYTES) throw new RangeError('a key has 32 bytes');
  return toHex(secret);
}
