/** The directory of `hv cert new`: one authority, and a certificate and key for each replica. */

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HvError } from '../base/errors.ts';
import { type Issued, issueAuthority, issueLeaf } from './certificates.ts';
import { makeDirectory } from './directories.ts';
import { readSecretFile } from './secret-file.ts';

export interface CertificateOrder {
  readonly dir: string;
  /** One list for each replica: its names and addresses, the first also for its files. */
  readonly replicas: readonly (readonly string[])[];
  /** Replace certificates that exist. The authority stays. */
  readonly renew: boolean;
}

export interface CertificateFiles {
  readonly ca: string;
  /** True when the authority is new. */
  readonly caMade: boolean;
  readonly leaves: readonly {
    readonly hosts: readonly string[];
    readonly cert: string;
    readonly key: string;
  }[];
}

const CA_FILE = 'ca.pem';
const CA_KEY_FILE = 'ca-key.pem';
/** In every leaf, so that two replicas of one machine reach each other, `--backup local` among them. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/** Makes what is missing. Throws HV_E_USAGE, HV_E_DIRECTORY or HV_E_SECURITY_FILE; nothing is half done. */
export function makeCertificates({ dir, replicas, renew }: CertificateOrder): CertificateFiles {
  const leaves = replicas.map((hosts) => {
    const name = (hosts[0] ?? '').replace(/[^A-Za-z0-9._-]/g, '_');
    const cert = join(dir, `${name}.pem`);
    const key = join(dir, `${name}-key.pem`);
    if (name === 'ca') throw new HvError('HV_E_USAGE', "'ca' is the name of the authority's files");
    if (!renew && (existsSync(cert) || existsSync(key)))
      throw new HvError('HV_E_USAGE', `${cert} exists; --renew replaces it`);
    return { hosts: [...new Set([...hosts, ...OWN_NAMES])], cert, key };
  });
  const { authority, made } = authorityIn(dir);
  const issued = leaves.map(({ hosts }) => issueLeaf(authority, hosts));
  makeDirectory(dir);
  if (made) writePair({ cert: join(dir, CA_FILE), key: join(dir, CA_KEY_FILE) }, authority);
  leaves.forEach((paths, index) => {
    const one = issued[index];
    if (one !== undefined) writePair(paths, one);
  });
  return { ca: join(dir, CA_FILE), caMade: made, leaves };
}

function authorityIn(dir: string): { readonly authority: Issued; readonly made: boolean } {
  const cert = join(dir, CA_FILE);
  const key = join(dir, CA_KEY_FILE);
  if (!existsSync(cert) && !existsSync(key))
    return {
      authority: issueAuthority(`hv authority ${randomBytes(4).toString('hex')}`),
      made: true,
    };
  return {
    authority: {
      cert: readFileSync(cert, 'utf8'),
      key: readSecretFile(key, { what: "the authority's key", secret: true }),
    },
    made: false,
  };
}

/** The key first: a certificate without its key helps nobody, a key alone is refused at a reload. */
function writePair(paths: { readonly cert: string; readonly key: string }, issued: Issued): void {
  replace(paths.key, issued.key, 0o600);
  replace(paths.cert, issued.cert, 0o644);
}

/** Whoever reads meanwhile gets the old file or the new one. */
function replace(path: string, content: string, mode: number): void {
  const temporary = `${path}.new`;
  try {
    writeFileSync(temporary, content, { mode, flag: 'w' });
    renameSync(temporary, path);
  } catch (error) {
    const { message } = error as Error;
    throw new HvError('HV_E_DIRECTORY', `${path} cannot be written: ${message}`, { cause: error });
  }
}
