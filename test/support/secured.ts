/** Ready-made securities for tests of links: tokens, certificates, and the files they come from. */

import { writeFileSync } from 'node:fs';
import { makeCertificates } from '../../hypervisor/host/certificate-store.ts';
import type { LinkSecurity } from '../../hypervisor/host/tls.ts';
import { loadSecurity, type SecurityOptions } from '../../hypervisor/host/tls.ts';
import { newToken } from '../../hypervisor/host/token-file.ts';

/** Writes a token file with mode 0600; new random tokens unless some are given. */
export function tokenFile(
  path: string,
  tokens: readonly string[] = [newToken()],
): { readonly path: string; readonly tokens: readonly string[] } {
  writeFileSync(path, `# made by a test\n\n${tokens.join('\n')}\n`, { mode: 0o600 });
  return { path, tokens };
}

export function tokenSecurity(path: string, tokens?: readonly string[]): LinkSecurity {
  return loadSecurity({ mode: 'token', tokenFile: tokenFile(path, tokens).path });
}

/** Paths of a certificate for `hosts` from the authority in `dir`, which is made if there is none. */
export function certificatePaths(
  dir: string,
  hosts: readonly string[],
): Extract<SecurityOptions, { mode: 'certificates' }> {
  const { ca, leaves } = makeCertificates({ dir, replicas: [hosts], renew: true });
  const [leaf] = leaves;
  if (leaf === undefined) throw new Error('one replica has one leaf');
  return { mode: 'certificates', ca, cert: leaf.cert, key: leaf.key };
}
