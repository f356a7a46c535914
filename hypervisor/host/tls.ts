/**
 * How links are authenticated: not at all (this machine only), by a shared token (TLS 1.3 with an
 * external pre-shared key, RFC 8446 2.2), or by certificates of one authority. Every listener and
 * everybody who dials asks here. Must never let a link to another host be plain, unless told to, nor
 * trust a certificate because some public authority issued it.
 *
 * The main thread loads the files; worker threads get their contents (`SecurityMaterial`), so that
 * both always have the same, and again after each reload.
 */

import { constants } from 'node:crypto';
import { resolve } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket, type TlsOptions } from 'node:tls';
import { HvError } from '../base/errors.ts';
import { CERTIFICATE_WARNING_DAYS } from '../base/limits.ts';
import { isLoopback, parseAddress } from './addresses.ts';
import { type CertificatePaths, leafOf, readCertificates } from './certificate-files.ts';
import { type PskKey, readTokens } from './token-file.ts';

/** What the command line asks for. */
export type SecurityOptions =
  /** `insecure`: also to other hosts. */
  | { readonly mode: 'plain'; readonly insecure: boolean }
  | { readonly mode: 'token'; readonly tokenFile: string }
  | ({ readonly mode: 'certificates' } & CertificatePaths);

/** What was in the files. Plain data, for worker threads. Holds secrets: never print it. */
export type SecurityMaterial =
  | { readonly mode: 'plain'; readonly insecure: boolean }
  /** The first is ours, all are accepted. */
  | { readonly mode: 'token'; readonly keys: readonly PskKey[] }
  | {
      readonly mode: 'certificates';
      readonly ca: string;
      readonly cert: string;
      readonly key: string;
    };

const DAY_MS = 86_400_000;

/** One version, and with it only ciphers with forward secrecy. Tickets would let a peer come back with
 * a token or certificate that has been withdrawn since. */
const TLS13 = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;
/** OpenSSL ties an external key to SHA-256, hence to this cipher. */
const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256';

/** Reads and judges the files. Throws HV_E_SECURITY_FILE. */
export function loadSecurity(options: SecurityOptions): LinkSecurity {
  return new LinkSecurity(materialOf(options), {
    reread: () => materialOf(options),
    where: options.mode === 'token' ? resolve(options.tokenFile) : undefined,
  });
}

function materialOf(options: SecurityOptions): SecurityMaterial {
  switch (options.mode) {
    case 'plain':
      return options;
    case 'token':
      return { mode: 'token', keys: readTokens(options.tokenFile) };
    case 'certificates':
      return { mode: 'certificates', ...readCertificates(options) };
  }
}

export class LinkSecurity {
  #material: SecurityMaterial;
  readonly #reread: (() => SecurityMaterial) | undefined;
  readonly #where: string | undefined;
  /** By socket, the identity of the token it was opened with. */
  readonly #openedWith = new WeakMap<object, string>();
  readonly #watchers = new Set<(material: SecurityMaterial) => void>();

  /** In a worker thread: from the main thread's material alone. */
  constructor(
    material: SecurityMaterial,
    source: { readonly reread?: () => SecurityMaterial; readonly where?: string | undefined } = {},
  ) {
    this.#material = material;
    this.#reread = source.reread;
    this.#where = source.where;
  }

  get mode(): SecurityMaterial['mode'] {
    return this.#material.mode;
  }

  get material(): SecurityMaterial {
    return this.#material;
  }

  /** True when a link with this host may exist: it is authenticated, local, or nobody cares. */
  allows(host: string): boolean {
    const material = this.#material;
    return material.mode !== 'plain' || material.insecure || isLoopback(host);
  }

  /** Throws HV_E_PLAIN_LINK when whoever reaches `address` could become a replica. */
  checkListen(address: string): void {
    const { host } = parseAddress(address, { what: 'the address to listen on' });
    if (!this.allows(host)) throw plainLink(`listening on ${address}`);
  }

  /** Throws HV_E_PLAIN_LINK when nobody would know who answers at `address`. */
  checkDial(address: string): void {
    const { host } = parseAddress(address, { what: 'the address of a replica' });
    if (host !== '' && !this.allows(host)) throw plainLink(`a link to ${address}`);
  }

  /**
   * For `https.createServer`; undefined: plain http. `onStranger` gets sockets of clients with a token
   * that is none of ours; their handshake fails.
   */
  serverOptions(onStranger: (socket: TLSSocket) => void = () => {}): TlsOptions | undefined {
    const material = this.#material;
    switch (material.mode) {
      case 'plain':
        return undefined;
      case 'token':
        return {
          ...TLS13,
          ciphers: PSK_CIPHERS,
          // Asked for every handshake: the newest tokens count.
          pskCallback: (socket, identity) => {
            const key = this.#keyOf(identity);
            if (key === undefined) onStranger(socket);
            else this.#openedWith.set(socket, identity);
            return key ?? null;
          },
        };
      case 'certificates': {
        const { ca, cert, key } = material;
        return { ...TLS13, ca, cert, key, requestCert: true, rejectUnauthorized: true };
      }
    }
  }

  /** For `tls.connect`, beside host and port; undefined: plain TCP. */
  clientOptions(): ConnectionOptions | undefined {
    const material = this.#material;
    switch (material.mode) {
      case 'plain':
        return undefined;
      case 'token': {
        const [own] = material.keys;
        return {
          ...TLS13,
          ciphers: PSK_CIPHERS,
          pskCallback: () => (own === undefined ? null : { identity: own.identity, psk: own.key }),
          // Asked only when the server shows a certificate instead of knowing the token: any public
          // one would satisfy TLS, so none may.
          ca: [],
          checkServerIdentity: () => new Error(UNKNOWN.showsCertificate),
        };
      }
      case 'certificates': {
        const { ca, cert, key } = material;
        return { ...TLS13, ca, cert, key };
      }
    }
  }

  /** A socket on its way to `peer`, by TLS; undefined where it has to be plain. */
  connect(peer: ConnectionOptions): TLSSocket | undefined {
    const options = this.clientOptions();
    if (options === undefined) return undefined;
    const socket = connect({ ...options, ...peer });
    const [own] = this.tokens;
    if (own !== undefined) this.#openedWith.set(socket, own.identity);
    return socket;
  }

  /** Identity of the token with which `socket` was opened; undefined without one. */
  tokenOf(socket: object): string | undefined {
    return this.#openedWith.get(socket);
  }

  /** The first is ours, all are accepted; none in another mode. */
  get tokens(): readonly PskKey[] {
    return this.#material.mode === 'token' ? this.#material.keys : [];
  }

  #keyOf(identity: string): Uint8Array | undefined {
    return this.tokens.find((one) => one.identity === identity)?.key;
  }

  /** For people, without a secret. */
  describe(): string {
    const material = this.#material;
    switch (material.mode) {
      case 'plain':
        return material.insecure
          ? 'links are NOT authenticated and not encrypted'
          : 'links are plain and to this machine only';
      case 'token': {
        const count = material.keys.length;
        const more = count > 1 ? ` (the first of ${count}; all are accepted)` : '';
        return `links need the token of ${this.#where ?? 'a file'}${more}`;
      }
      case 'certificates': {
        const leaf = leafOf(material);
        const names = leaf.subjectAltName ?? 'no names';
        return `links need certificates; ours is for ${names} until ${leaf.validTo}`;
      }
    }
  }

  /** What will stop working soon, for people. */
  warning(): string | undefined {
    const { endsAt } = this;
    if (endsAt === undefined) return undefined;
    const days = Math.floor((endsAt.getTime() - Date.now()) / DAY_MS);
    if (days >= CERTIFICATE_WARNING_DAYS) return undefined;
    return `the certificate of this replica ends in ${days} days (${endsAt.toISOString()}); replace the files and send SIGHUP`;
  }

  /** When our own certificate ends; undefined without one. */
  get endsAt(): Date | undefined {
    const material = this.#material;
    if (material.mode !== 'certificates') return undefined;
    return new Date(leafOf(material).validTo);
  }

  /**
   * Reads the files again. Open links stay as long as link-tokens.ts lets them; new ones use what was read. Throws HV_E_SECURITY_FILE and
   * changes nothing when they cannot be used.
   */
  reload(): void {
    if (this.#reread !== undefined) this.replace(this.#reread());
  }

  /** In a worker thread: what the main thread has read. */
  replace(material: SecurityMaterial): void {
    this.#material = material;
    for (const watcher of [...this.#watchers]) watcher(material);
  }

  /** Called after each reload, until the returned function is called. */
  watch(watcher: (material: SecurityMaterial) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** Plain links within this machine: what holds where nobody says else. */
export const LOCAL_ONLY: LinkSecurity = new LinkSecurity({ mode: 'plain', insecure: false });

function plainLink(what: string): HvError {
  return new HvError(
    'HV_E_PLAIN_LINK',
    `${what} reaches beyond this machine, and neither a token nor certificates protect it`,
  );
}

/** What ends of a link say that do not know each other. */
const UNKNOWN = {
  plainHere: '(does it want a token or certificates? they are given with --token-file or --tls-*)',
  plainThere: 'it answers without TLS: start it with the same --token-file or --tls-*',
  hungUp:
    'it hung up during the TLS handshake: was it started with the same --token-file or --tls-*?',
  token: 'it does not accept our token: are the token files the same?',
  showsCertificate: 'it shows a certificate and does not know our token',
  certificate: 'it does not accept our certificate: is it from the same authority?',
  theirCertificate: 'we do not accept its certificate',
} as const;

/** True when a link with this reason failed because its ends do not know each other (see `dialFailure`). */
export function isUnknownPeer(reason: string): boolean {
  return Object.values(UNKNOWN).some((words) => reason.includes(words));
}

/** The reason a handshake failed, in words that say which end to look at. */
export function dialFailure(error: Error & { code?: string }, mode: LinkSecurity['mode']): string {
  const { code = '' } = error;
  const said = error.message === '' ? code || 'unknown' : error.message;
  if (code === 'ECONNREFUSED') return `${said}: nobody listens there`;
  if (code === 'ENOTFOUND') return `${said}: no host has this name`;
  if (code === 'ETIMEDOUT' || /handshake has timed out/.test(said))
    return `${said}: is its host there, and does nothing on the way drop what is sent?`;
  if (mode === 'plain')
    return /^Parse Error|socket hang up/.test(said) ? `${said} ${UNKNOWN.plainHere}` : said;
  if (/wrong version number|packet length too long/.test(said)) return UNKNOWN.plainThere;
  if (said.includes('before secure TLS connection')) return UNKNOWN.hungUp;
  if (/alert handshake failure|alert illegal parameter/.test(said) && mode === 'token')
    return UNKNOWN.token;
  if (/alert (unknown ca|bad certificate|certificate)/.test(said)) return UNKNOWN.certificate;
  if (
    mode === 'certificates' &&
    /^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS_CERT)/.test(code)
  )
    return `${UNKNOWN.theirCertificate}: ${said}`;
  return said.replace(/^write EPROTO [0-9A-F]+:error:[0-9A-F]+:/, '');
}
