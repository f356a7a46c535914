/**
 * `hv arbiter` behind the port. A claim is one PUT and may be sent twice: the arbiter knows it by its
 * token. Whatever is not a clear answer is `unavailable`, and protocol/views.ts asks again.
 */

import { ARBITER_IDLE_MS, CLAIM_TIMEOUT_MS } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import { answerWithin, checkClaim, type DoneAnswer, isObject } from './arbiter-answers.ts';
import { idPath, recordFor, vmId } from './arbiter-words.ts';
import { type JsonAnswer, JsonClient, type JsonEndpoint } from './http-json.ts';

export class HttpArbiter implements Arbiter {
  readonly #endpoint: JsonEndpoint;
  readonly #client: JsonClient;
  readonly #timeoutMs: number;
  #warm = false;

  constructor(endpoint: JsonEndpoint, options: { readonly timeoutMs?: number } = {}) {
    this.#endpoint = endpoint;
    this.#client = new JsonClient(endpoint);
    this.#timeoutMs = options.timeoutMs ?? CLAIM_TIMEOUT_MS;
  }

  read(vm: string, done: DoneAnswer): void {
    this.#answer(done, async (signal) => {
      const id = vmId(vm);
      const answer = await this.#client.ask({ method: 'GET', path: idPath(id), signal });
      const { status, body } = answer;
      if (status === 404 && isObject(body) && body.vm === id && body.epoch === 0)
        return { type: 'current', view: undefined };
      const record = status === 200 ? recordFor(id, body) : undefined;
      return record ? { type: 'current', view: record.view } : this.#unclear(answer);
    });
  }

  claim(claim: ViewClaim, done: DoneAnswer): void {
    checkClaim(claim);
    this.#answer(done, async (signal) => {
      const { vm, expect, next, token } = claim;
      const id = vmId(vm);
      const body = { expect, primary: next.primary, backups: next.backups, token };
      const answer = await this.#client.ask({ method: 'PUT', path: idPath(id), body, signal });
      const { status, body: said } = answer;
      const won = status === 200 ? recordFor(id, said) : undefined;
      if (won?.token === token && won.view.epoch === next.epoch)
        return { type: 'won', view: won.view };
      const current = status === 409 && isObject(said) ? recordFor(id, said.current) : undefined;
      // A loser is told a view later than the one it knew: anything else is not this claim's answer.
      if (current !== undefined && current.view.epoch > expect)
        return { type: 'lost', view: current.view };
      return this.#unclear(answer);
    });
  }

  #answer(done: DoneAnswer, work: (signal: AbortSignal) => Promise<ArbiterAnswer>): void {
    this.#keepWarm();
    const { origin } = this.#endpoint;
    answerWithin(
      {
        what: `the arbiter ${origin}`,
        timeoutMs: this.#timeoutMs,
        explain: (error) => `the arbiter ${origin}: ${reasonOf(error)}`,
      },
      work,
      done,
    );
  }

  #unclear({ status, body }: JsonAnswer): ArbiterAnswer {
    const error = isObject(body) && typeof body.error === 'string' ? body.error : 'no clear answer';
    const reason = `the arbiter ${this.#endpoint.origin} says ${status}: ${error}`;
    return { type: 'unavailable', reason };
  }

  /**
   * The next question may be the claim of a takeover, hours from now: it must not wait for a connection.
   * Ends by itself when nobody holds the arbiter any more, and keeps no process alive.
   */
  #keepWarm(): void {
    if (this.#warm) return;
    this.#warm = true;
    const held = new WeakRef(this);
    const timer = setInterval(() => {
      const arbiter = held.deref();
      if (arbiter === undefined) clearInterval(timer);
      else arbiter.#touch();
    }, ARBITER_IDLE_MS / 3);
    timer.unref();
  }

  #touch(): void {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    this.#client.ask({ method: 'GET', path: '/v1/status', signal }).catch(() => {
      // The arbiter is away: whoever asks it something that matters is told.
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries several addresses of a name and gathers what went wrong with each.
  const { message, code } = error as NodeJS.ErrnoException;
  return message === '' ? (code ?? error.name) : message;
}
