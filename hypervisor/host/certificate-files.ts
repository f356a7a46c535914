/**
 * The three files of certificate mode, judged before they are used: a fault that shows at the first
 * link is one that shows in the night of a takeover.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { readSecretFile, securityFault } from './secret-file.ts';

export interface CertificatePaths {
  /** Certificates of the authorities that are trusted, and no others. */
  readonly ca: string;
  /** Our own, followed by those between it and the authority, if there are any. */
  readonly cert: string;
  readonly key: string;
}

/** Their contents, PEM. */
export interface CertificateSet {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** id-kp-serverAuth and id-kp-clientAuth (RFC 5280, 4.2.1.12). A replica is both. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Reads and judges the files. Throws HV_E_SECURITY_FILE. */
export function readCertificates(paths: CertificatePaths): CertificateSet {
  const ca = readSecretFile(paths.ca, { what: 'the file of --tls-ca', secret: false });
  const cert = readSecretFile(paths.cert, { what: 'the file of --tls-cert', secret: false });
  const key = readSecretFile(paths.key, { what: 'the file of --tls-key', secret: true });
  const authorities = certificatesOf(ca, paths.ca);
  const [leaf, ...between] = certificatesOf(cert, paths.cert);
  if (leaf === undefined) throw securityFault(`there is no certificate in ${paths.cert}`);
  if (!leaf.checkPrivateKey(privateKeyOf(key, paths.key)))
    throw securityFault(`the key in ${paths.key} is not that of the certificate in ${paths.cert}`);
  const fault = chainFault([leaf, ...between], authorities) ?? purposeFault(leaf);
  if (fault !== undefined) throw securityFault(`the certificate in ${paths.cert} ${fault}`);
  try {
    createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
  } catch (error) {
    throw securityFault(`TLS does not take these files: ${(error as Error).message}`, error);
  }
  return { ca, cert, key };
}

/** The first certificate of a set, our own. */
export function leafOf({ cert }: Pick<CertificateSet, 'cert'>): X509Certificate {
  return new X509Certificate(cert);
}

function certificatesOf(pem: string, path: string): readonly X509Certificate[] {
  const blocks = pem.match(PEM) ?? [];
  if (blocks.length === 0) throw securityFault(`there is no certificate in ${path}`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw securityFault(`a certificate in ${path} cannot be read: ${(error as Error).message}`);
  }
}

function privateKeyOf(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    // Also an encrypted one: a replica that restarts at night has nobody to ask for its passphrase.
    const { message } = error as Error;
    throw securityFault(`there is no unencrypted private key in ${path}: ${message}`);
  }
}

/** Each is issued by the next and the last by an authority, and all are valid now. */
function chainFault(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): string | undefined {
  const now = Date.now();
  for (const one of chain) {
    if (Date.parse(one.validTo) < now) return `ended on ${one.validTo}`;
    if (Date.parse(one.validFrom) > now) return `is not valid before ${one.validFrom}`;
  }
  let at = chain[0];
  for (const next of chain.slice(1)) {
    if (at !== undefined && isIssuedBy(at, next)) at = next;
  }
  const last = at;
  const issuer = authorities.find((one) => last !== undefined && isIssuedBy(last, one));
  if (issuer === undefined) return 'was not issued by the authority of --tls-ca';
  return Date.parse(issuer.validTo) < now
    ? `comes from an authority that ended on ${issuer.validTo}`
    : undefined;
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

function purposeFault(leaf: X509Certificate): string | undefined {
  if (leaf.ca) return 'is that of an authority; a replica needs one of its own';
  // Node calls the extended usage `keyUsage`. Without one any use is allowed.
  const uses = leaf.keyUsage as readonly string[] | undefined;
  const fits = uses === undefined || (uses.includes(SERVER_AUTH) && uses.includes(CLIENT_AUTH));
  return fits ? undefined : 'is not for servers and clients both, and a replica is both';
}
