/** A certificate for 127.0.0.1 that is its own authority, made by openssl for one test run. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export const hasOpenssl: boolean = spawnSync('openssl', ['version']).status === 0;

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Writes both files into `dir`. */
export function makeCertificate(dir: string): TestCertificate {
  const files = { cert: join(dir, 'test-cert.pem'), key: join(dir, 'test-key.pem') };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=hv-test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const out = ['-keyout', files.key, '-out', files.cert, '-days', '2'];
  const made = spawnSync('openssl', ['req', '-x509', ...curve, ...names, ...out]);
  if (made.status !== 0) throw new Error(`openssl failed:\n${made.stderr}`);
  return files;
}
