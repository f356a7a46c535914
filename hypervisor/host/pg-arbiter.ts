/**
 * An arbiter that is a table of a PostgreSQL database: one row per vm, changed only by an UPDATE of the
 * row with the expected epoch. The token in the row tells the retry of a claim that has won already.
 *
 * Never an advisory lock: it has no epoch to fence with, and its holder loses it in silence. Never a
 * standby: what it shows is late.
 */

import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig, QueryResult } from 'pg';
import { defined } from '../base/assert.ts';
import { CLAIM_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import { formatAddress, type HostPort } from './addresses.ts';
import {
  answerWithin,
  arbiterKey,
  checkClaim,
  codeOf,
  type DoneAnswer,
  decideClaim,
  isObject,
  parseStored,
  type StoredView,
  wordsOf,
} from './arbiter-answers.ts';
import type { ServerUrl, UrlRules } from './server-urls.ts';

export const PG_URL: UrlRules = {
  portDefault: 5432,
  hostsMax: 1,
  files: ['password-file', 'sslrootcert', 'sslcert', 'sslkey'],
  words: { sslmode: ['disable', 'require', 'verify-full'] },
};

const CREATE = `CREATE TABLE IF NOT EXISTS hv_views (
  vm text PRIMARY KEY,
  epoch bigint NOT NULL,
  stored text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now()
)`;
/** For this transaction only, whatever the server, the role and a pool in between are set to. */
const DURABLE = `WITH durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true) AS mode)`;
const FIRST = `${DURABLE} INSERT INTO hv_views (vm, epoch, stored)
  SELECT $1, $2::bigint, $3 FROM durable WHERE mode = 'on' ON CONFLICT (vm) DO NOTHING`;
const NEXT = `${DURABLE} UPDATE hv_views SET epoch = $2::bigint, stored = $3, decided_at = now()
  FROM durable WHERE mode = 'on' AND vm = $1 AND epoch = $2::bigint - 1`;
const CURRENT = `SELECT pg_is_in_recovery() AS standby, epoch::text AS epoch, stored
  FROM (SELECT 1) AS always LEFT JOIN hv_views ON vm = $1`;
/** A claim that waits for a lock of a stranger must not stay behind when nobody waits for it. */
const SETTINGS = `SELECT set_config('statement_timeout', $1, false), current_setting('fsync') AS fsync`;

const UNDEFINED_TABLE = '42P01';
/** Two who create the table at once: the catalogue lets one of them do it. */
const CREATED_MEANWHILE: readonly string[] = ['23505', '42P07', '42710'];
/** Classes of SQLSTATE with which a server ends sessions: the next one may do better. */
const SESSION_OVER = /^(?:08|57P)/;

export class PgArbiter implements Arbiter {
  readonly #url: ServerUrl;
  readonly #timeoutMs: number;
  #session: Session | undefined;

  /** Nothing is connected before the first question, and files are read then. */
  constructor(url: ServerUrl, options: { readonly timeoutMs?: number } = {}) {
    this.#url = url;
    this.#timeoutMs = options.timeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  }

  read(vm: string, done: DoneAnswer): void {
    this.#answer(done, async (session) => ({
      type: 'current',
      view: (await this.#current(session, vm))?.view,
    }));
  }

  claim(claim: ViewClaim, done: DoneAnswer): void {
    checkClaim(claim);
    this.#answer(done, (session) => this.#claim(session, claim));
  }

  async #claim(session: Session, claim: ViewClaim): Promise<ArbiterAnswer> {
    const { vm, expect, next, token } = claim;
    const stored: StoredView = { view: next, token };
    const values = [arbiterKey(vm), next.epoch, JSON.stringify(stored)];
    const take = (): Promise<QueryResult> => session.query(expect === 0 ? FIRST : NEXT, values);
    const { rowCount } = await take().catch(async (error: unknown) => {
      if (codeOf(error) !== UNDEFINED_TABLE) throw error;
      await createTable(session);
      return await take();
    });
    if (rowCount === 1) return { type: 'won', view: next };
    // That statement saw the row as of its own begin; the next one sees who has won it since.
    const current = await this.#current(session, vm);
    const decided = decideClaim(claim, current, `${this.#place}, table hv_views`);
    if (decided === undefined)
      throw new Error('table hv_views did not take a claim it is free for');
    return decided;
  }

  async #current(session: Session, vm: string): Promise<StoredView | undefined> {
    const result = await session.query(CURRENT, [arbiterKey(vm)]).catch((error: unknown) => {
      if (codeOf(error) === UNDEFINED_TABLE) return undefined;
      throw error;
    });
    const row: unknown = result?.rows[0];
    if (!isObject(row)) return undefined;
    if (row.standby !== false) throw new Error('this is a standby, which shows old views');
    if (row.epoch === null) return undefined;
    const stored = parseStored(String(row.stored));
    if (stored === undefined || String(stored.view.epoch) !== row.epoch)
      throw new Error(`the row of ${arbiterKey(vm)} in table hv_views is damaged`);
    return stored;
  }

  get #place(): string {
    return `PostgreSQL at ${formatAddress(serverOf(this.#url))}`;
  }

  #answer(done: DoneAnswer, work: (session: Session) => Promise<ArbiterAnswer>): void {
    const what = this.#place;
    answerWithin(
      { what, timeoutMs: this.#timeoutMs, explain: (error) => `${what}: ${wordsOf(error)}` },
      (late) => this.#inSession(work, late),
      done,
    );
  }

  /**
   * Does the work again on a new session where the old one turns out to be over, or is silent for
   * CLAIM_TIMEOUT_MS: the server was restarted, or its host is gone without a word.
   */
  async #inSession(
    work: (session: Session) => Promise<ArbiterAnswer>,
    late: AbortSignal,
  ): Promise<ArbiterAnswer> {
    for (;;) {
      const isKept = this.#session !== undefined;
      const session = this.#session ?? new Session(this.#url, this.#timeoutMs);
      this.#session = session;
      let silent = false;
      const timer = setTimeout(() => {
        silent = true;
        session.close();
      }, CLAIM_TIMEOUT_MS);
      const giveUp = (): void => session.close();
      late.addEventListener('abort', giveUp, { once: true });
      try {
        return await work(session);
      } catch (error) {
        if (SESSION_OVER.test(codeOf(error) ?? '')) session.close();
        if (session.isOpen || late.aborted || !(isKept || silent)) throw error;
      } finally {
        clearTimeout(timer);
        late.removeEventListener('abort', giveUp);
        if (!session.isOpen && this.#session === session) this.#session = undefined;
      }
    }
  }
}

/** One connection, opened when it is made. */
class Session {
  readonly #socket = new Socket();
  readonly #client: Promise<Client>;
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  constructor(url: ServerUrl, timeoutMs: number) {
    this.#client = this.#connect(url, timeoutMs);
    // Told to every query, of which there is one at least.
    this.#client.catch(() => this.close());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** One after the other: a session does one thing at a time, and the client's own queue is to go. */
  query(text: string, values: readonly unknown[]): Promise<QueryResult> {
    const result = this.#last.then(async () => (await this.#client).query(text, [...values]));
    this.#last = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  /** Rejects when the server is away, does not let us in, or would forget what it was told. */
  async #connect(url: ServerUrl, timeoutMs: number): Promise<Client> {
    const { Client } = await import('pg');
    if (!this.#isOpen) throw new Error('given up before it was connected');
    const client = new Client(clientConfig(url, this.#socket));
    // Also told to the query under way; the next one finds the session closed.
    client.on('error', () => this.close());
    client.on('end', () => this.close());
    await client.connect();
    // Who waits for an answer has a timer; an idle connection keeps no process alive.
    this.#socket.unref();
    const { rows } = await client.query(SETTINGS, [String(timeoutMs)]);
    if (rows[0]?.fsync !== 'on') {
      this.close();
      throw new Error('its fsync is off: after a crash it would give an epoch twice');
    }
    return client;
  }
}

function clientConfig(url: ServerUrl, socket: Socket): ClientConfig {
  const { host, port } = serverOf(url);
  const file = url.options['password-file'];
  const password = file === undefined ? url.password : readFileSync(file, 'utf8').trimEnd();
  return {
    ...{ host, port, user: url.user, password, application_name: 'hv' },
    ...(url.path === '' ? {} : { database: url.path }),
    ssl: tlsOptions(url),
    stream: () => socket,
  };
}

function tlsOptions({ options, hosts }: ServerUrl): false | ConnectionOptions {
  const { sslmode = 'disable', sslrootcert, sslcert, sslkey } = options;
  if (sslmode === 'disable') return false;
  const read = (name: string, path: string | undefined): Record<string, Buffer> =>
    path === undefined ? {} : { [name]: readFileSync(path) };
  return {
    // With a socket at hand, the host is only what the certificate must be for.
    host: hosts[0]?.host,
    rejectUnauthorized: sslmode === 'verify-full',
    ...read('ca', sslrootcert),
    ...read('cert', sslcert),
    ...read('key', sslkey),
  };
}

async function createTable(session: Session): Promise<void> {
  try {
    await session.query(CREATE, []);
  } catch (error) {
    if (!CREATED_MEANWHILE.includes(codeOf(error) ?? '')) throw error;
  }
}

function serverOf(url: ServerUrl): HostPort {
  return defined(url.hosts[0], 'a server url has a host');
}
