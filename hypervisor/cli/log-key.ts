/** `hv log key new|show`: makes and names the keys of the log at rest. Files are made for their owner only. */

import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { keyLine, logKey, readLogKeys } from '../host/log-keys.ts';
import { newSignKey } from '../host/sign-keys.ts';
import { data } from './print.ts';

export interface NewKeyOptions {
  /** Signs; otherwise it seals. */
  readonly sign: boolean;
  /** Put before the keys that the file has. */
  readonly rotate: boolean;
  readonly json: boolean;
}

/** Throws HV_E_USAGE when a file is there, HV_E_LOG_KEY when there is none to rotate. */
export function makeKey(path: string, { sign, rotate, json }: NewKeyOptions): void {
  if (sign && rotate)
    throw new HvError(
      'HV_E_USAGE',
      '--sign and --rotate exclude each other: a new signing key is a new file',
    );
  if (sign) {
    makeSignKey(path, json);
    return;
  }
  const key = logKey(randomBytes(32));
  const line = `${keyLine(key.secret)}\n`;
  if (rotate) replaceFile(path, line + oldKeys(path));
  else createFile(path, line);
  if (json) data(JSON.stringify({ file: path, id: key.id }));
  else data(`${path}: key ${key.id} seals what is written from now on`);
}

export function showKeys(path: string, { json }: { readonly json: boolean }): void {
  const ids = readLogKeys(path).map(({ id }) => id);
  if (json) data(JSON.stringify({ file: path, ids }));
  else for (const [index, id] of ids.entries()) data(`${id}${index === 0 ? '  seals' : ''}`);
}

function makeSignKey(path: string, json: boolean): void {
  const { pem, publicPem, publicKey } = newSignKey(path);
  const publicFile = `${path}.pub`;
  createFile(path, pem);
  createFile(publicFile, publicPem);
  if (json) data(JSON.stringify({ file: path, publicFile, publicKey }));
  else data(`${path}: signs; ${publicFile} verifies (keep a copy of it on another host)`);
}

function oldKeys(path: string): string {
  // Read as keys first: what is no key file is not made one.
  readLogKeys(path);
  return readFileSync(path, 'utf8');
}

function createFile(path: string, text: string): void {
  try {
    writeFile(path, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new HvError('HV_E_USAGE', `${path} exists already: a key is never overwritten`);
    throw unwritable(path, error);
  }
}

/** Whole or not at all: half a key file would lock its logs for ever. */
function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFile(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function writeFile(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function unwritable(path: string, error: unknown): HvError {
  return new HvError('HV_E_USAGE', `cannot write ${path}: ${(error as Error).message}`, {
    cause: error,
  });
}
