/**
 * An arbiter that is an etcd cluster, asked through its JSON gateway. One key per vm holds the view in
 * force; a claim is one transaction that compares the epoch and puts the next view, or shows what is
 * there. Transactions go through Raft, so any member may be asked, also several at once: the token in
 * the value tells a copy of a claim that has won already.
 *
 * Must never read from a member without the quorum (serializable reads), nor write outside a
 * comparison: then an epoch could be given twice.
 */

import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { defined } from '../base/assert.ts';
import { ARBITER_IDLE_MS, HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import { formatAddress, type HostPort } from './addresses.ts';
import {
  answerWithin,
  arbiterKey,
  checkClaim,
  type DoneAnswer,
  decideClaim,
  isObject,
  parseStored,
  type StoredView,
  wordsOf,
} from './arbiter-answers.ts';
import { firstAnswer } from './hedge.ts';
import { type JsonReply, postJson } from './json-post.ts';
import type { ServerUrl, UrlRules } from './server-urls.ts';

export const ETCD_URL: UrlRules = {
  portDefault: 2379,
  hostsMax: 9,
  files: ['password-file', 'ca', 'cert', 'key'],
  words: {},
};

const PREFIX = '/hv/views/';
/** Epochs are compared as text, so all have the digits of the largest safe integer. */
const EPOCH_DIGITS = 16;
const KEPT = { keepAlive: true, timeout: ARBITER_IDLE_MS };
/** gRPC's UNAUTHENTICATED. */
const UNAUTHENTICATED = 16;

/** Puts a question of the gateway to some member. */
type Ask = (path: string, body: unknown) => Promise<Reply>;
interface Reply {
  readonly body: Readonly<Record<string, unknown>>;
  /** The member that answered, for people. */
  readonly member: string;
}

export class EtcdArbiter implements Arbiter {
  readonly #url: ServerUrl;
  readonly #timeoutMs: number;
  #agent: Agent | undefined;
  /** The member that answered last is asked first. */
  #preferred = 0;
  #cluster: string | undefined;
  #session: string | undefined;

  /** Nothing is connected before the first question, and files are read then. */
  constructor(url: ServerUrl, options: { readonly timeoutMs?: number } = {}) {
    this.#url = url;
    this.#timeoutMs = options.timeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  }

  read(vm: string, done: DoneAnswer): void {
    this.#answer(done, async (ask) => {
      const key = keyOf(vm);
      const { body, member } = await ask('/v3/kv/range', { key });
      return { type: 'current', view: storedIn(body, vm, member)?.view };
    });
  }

  claim(claim: ViewClaim, done: DoneAnswer): void {
    checkClaim(claim);
    this.#answer(done, async (ask) => {
      const { body, member } = await ask('/v3/kv/txn', transaction(claim));
      if (body.succeeded === true) return { type: 'won', view: claim.next };
      const shown = Array.isArray(body.responses) ? (body.responses[0] as unknown) : undefined;
      const range = isObject(shown) ? shown.response_range : undefined;
      if (!isObject(range)) throw new Error(`${member} answered a claim without a view`);
      const place = `etcd ${PREFIX}${arbiterKey(claim.vm)}`;
      const decided = decideClaim(claim, storedIn(range, claim.vm, member), place);
      if (decided === undefined) throw new Error(`${place} is damaged: it was not written by hv`);
      return decided;
    });
  }

  #answer(done: DoneAnswer, work: (ask: Ask) => Promise<ArbiterAnswer>): void {
    const { hosts } = this.#url;
    const what = `etcd at ${hosts.map(formatAddress).join(', ')}`;
    answerWithin(
      { what, timeoutMs: this.#timeoutMs, explain: (error) => explain(what, error) },
      (late) => work((path, body) => this.#ask(path, body, late)),
      done,
    );
  }

  async #ask(path: string, body: unknown, late: AbortSignal): Promise<Reply> {
    const { hosts } = this.#url;
    try {
      const { server, answer } = await firstAnswer({
        servers: hosts.length,
        first: this.#preferred,
        ask: (at, over) => this.#askMember(defined(hosts[at], 'a member'), path, { body, over }),
        late,
      });
      this.#preferred = server;
      return answer;
    } catch (error) {
      // Certificates and passwords are read anew: they may have been replaced meanwhile.
      this.#agent = undefined;
      this.#session = undefined;
      throw error;
    }
  }

  async #askMember(
    server: HostPort,
    path: string,
    given: { readonly body: unknown; readonly over: AbortSignal },
  ): Promise<Reply> {
    const member = formatAddress(server);
    const post = (to: string, body: unknown, session?: string): Promise<JsonReply> =>
      postJson({
        ...{ server, tls: this.#url.scheme === 'etcds', agent: this.#connections() },
        ...{ path: to, body, signal: given.over },
        ...(session === undefined ? {} : { headers: { authorization: session } }),
      }).catch((error: unknown) => {
        throw new Error(`${member}: ${wordsOf(error)}`, { cause: error });
      });
    const login = async (): Promise<string | undefined> => {
      if (this.#url.user === undefined) return undefined;
      const password = this.#password();
      const reply = await post('/v3/auth/authenticate', { name: this.#url.user, password });
      const { token } = this.#checked(reply, member);
      if (typeof token !== 'string') throw new Error(`${member} gives no token at login`);
      return token;
    };
    this.#session ??= await login();
    let reply = await post(path, given.body, this.#session);
    if (this.#url.user !== undefined && sessionIsOver(reply)) {
      this.#session = await login();
      reply = await post(path, given.body, this.#session);
    }
    return { body: this.#checked(reply, member), member };
  }

  /** The body of a good answer of our cluster. */
  #checked(reply: JsonReply, member: string): Readonly<Record<string, unknown>> {
    const { status, body } = reply;
    if (!isObject(body))
      throw new Error(`${member} answered ${status} without JSON: is it an etcd?`);
    if (status !== 200) throw new Error(`${member}: ${errorIn(body) ?? `status ${status}`}`);
    const cluster = isObject(body.header) ? body.header.cluster_id : undefined;
    if (typeof cluster !== 'string') throw new Error(`${member} is no etcd`);
    this.#cluster ??= cluster;
    // Each of two clusters would give every epoch once.
    if (this.#cluster !== cluster)
      throw new Error(`${member} belongs to another etcd cluster than the other hosts`);
    return body;
  }

  #connections(): Agent {
    if (this.#agent === undefined) {
      const { ca, cert, key } = this.#url.options;
      const files = Object.entries({ ca, cert, key }).flatMap(([name, path]) =>
        path === undefined ? [] : [[name, readFileSync(path)] as const],
      );
      this.#agent =
        this.#url.scheme === 'etcds'
          ? new TlsAgent({ ...KEPT, ...Object.fromEntries(files) })
          : new Agent(KEPT);
    }
    return this.#agent;
  }

  #password(): string {
    const file = this.#url.options['password-file'];
    if (file === undefined) return this.#url.password ?? '';
    return readFileSync(file, 'utf8').trimEnd();
  }
}

/**
 * Compares and puts. The value begins with its epoch in a fixed form, so that a comparison with the two
 * texts around it is one of epochs, in one round trip and without knowing the rest of the value.
 */
function transaction(claim: ViewClaim): object {
  const key = keyOf(claim.vm);
  const value = base64(
    `${valueStart(claim.next.epoch)},${JSON.stringify({
      view: claim.next,
      token: claim.token,
      at: new Date().toISOString(),
    }).slice(1)}`,
  );
  const bound = (epoch: number): string => base64(valueStart(epoch));
  return {
    compare:
      claim.expect === 0
        ? [{ key, target: 'VERSION', result: 'EQUAL', version: '0' }]
        : [
            { key, target: 'VALUE', result: 'GREATER', value: bound(claim.expect) },
            { key, target: 'VALUE', result: 'LESS', value: bound(claim.expect + 1) },
          ],
    success: [{ request_put: { key, value } }],
    failure: [{ request_range: { key } }],
  };
}

function valueStart(epoch: number): string {
  return `{"epoch":"${String(epoch).padStart(EPOCH_DIGITS, '0')}"`;
}

function keyOf(vm: string): string {
  return base64(`${PREFIX}${arbiterKey(vm)}`);
}

/** The view in an answer to a range; undefined: the key does not exist. */
function storedIn(
  body: Readonly<Record<string, unknown>>,
  vm: string,
  member: string,
): StoredView | undefined {
  const { kvs } = body;
  // The gateway leaves an empty list out.
  if (kvs === undefined || (Array.isArray(kvs) && kvs.length === 0)) return undefined;
  const first = Array.isArray(kvs) ? (kvs[0] as unknown) : undefined;
  const value = isObject(first) && typeof first.value === 'string' ? first.value : '';
  const text = Buffer.from(value, 'base64').toString();
  const stored = parseStored(text);
  if (stored === undefined || !text.startsWith(`${valueStart(stored.view.epoch)},`)) {
    const key = `${PREFIX}${arbiterKey(vm)}`;
    throw new Error(`etcd ${key} is damaged: what ${member} shows is no view written by hv`);
  }
  return stored;
}

/** True when a new login may help: tokens expire, and the cluster forgets them at its restart. */
function sessionIsOver({ status, body }: JsonReply): boolean {
  if (!isObject(body)) return false;
  return (
    status === 401 ||
    body.code === UNAUTHENTICATED ||
    /revision of auth store is old/.test(errorIn(body) ?? '')
  );
}

function errorIn(body: Readonly<Record<string, unknown>>): string | undefined {
  const text = body.message ?? body.error;
  return typeof text === 'string' ? text : undefined;
}

function explain(what: string, error: unknown): string {
  if (!(error instanceof AggregateError)) return wordsOf(error);
  return `${what} does not answer: ${error.errors.map(wordsOf).join('; ')}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
