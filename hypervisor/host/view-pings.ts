/**
 * Tells the view service how a replica is, and the replica what the view service says. Only an `hv
 * arbiter` has one: with any other arbiter nothing is sent. Nothing depends on an answer; a replica that
 * gets none goes on by the rules of the protocol alone.
 */

import { randomBytes } from 'node:crypto';
import { asMillis, toHex } from '../../log-format/index.ts';
import { VIEW_ADVICE_REPEAT_MS, VIEW_DEAD_PINGS, VIEW_PING_MS } from '../base/limits.ts';
import type { Clock, TimerHandle } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import type { Known } from '../protocol/view-replicas.ts';
import type { Advice } from '../protocol/view-service.ts';
import { isObject } from './arbiter-answers.ts';
import { isHttpUrl, parseHttpUrl } from './arbiter-url.ts';
import { idPath, POOL, parsePingAnswer, vmId } from './arbiter-words.ts';
import { HostClock } from './clock.ts';
import { JsonClient } from './http-json.ts';

/** How a replica is at this moment. What is left out has the default of a plain backup. */
export type PingState = Pick<Known, 'epoch' | 'role' | 'synced' | 'lsn'> &
  Partial<Omit<Known, 'replica'>> & {
    /** The guest; undefined: a spare that would serve any. */
    readonly vm?: string | undefined;
  };

export interface PingsOptions {
  /** The arbiter's, as given on the command line or in a hello. */
  readonly url: string;
  /** The replica's name in views. */
  readonly replica: string;
  /** The guest, where it never changes; `state` may name another one. */
  readonly vm?: string;
  readonly everyMs?: number;
  /** Asked for every ping. Undefined: nothing to say right now. */
  readonly state: () => PingState | undefined;
  /** Advice that is none is not passed on; the same again only every VIEW_ADVICE_REPEAT_MS. */
  readonly onAdvice: (advice: Advice, view: View | undefined) => void;
  /** The service does not answer, or refuses: once each time it begins. */
  readonly onTrouble?: (reason: string) => void;
  readonly clock?: Clock;
}

export interface Pings {
  /** Something has changed: says so without waiting for the next ping. */
  now(): void;
  stop(): void;
}

/** Throws HV_E_USAGE for a URL it does not understand. */
export function startPings(options: PingsOptions): Pings {
  if (!isHttpUrl(options.url)) return { now: () => undefined, stop: () => undefined };
  return new ViewPings(options);
}

class ViewPings implements Pings {
  readonly #options: PingsOptions;
  readonly #clock: Clock;
  readonly #client: JsonClient;
  readonly #everyMs: number;
  readonly #boot: string = toHex(randomBytes(8));
  readonly #stopping = new AbortController();
  #seq = 0;
  #timer: TimerHandle | undefined;
  #underWay = false;
  #again = false;
  #trouble = false;
  #said = '';
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(options: PingsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new HostClock();
    this.#client = new JsonClient(parseHttpUrl(options.url));
    this.#everyMs = options.everyMs ?? VIEW_PING_MS;
    this.#arm();
  }

  now(): void {
    if (this.#stopping.signal.aborted) return;
    // What is under way carries the state of before.
    if (this.#underWay) this.#again = true;
    else this.#ping();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#stopping.abort();
    this.#client.close();
  }

  #arm(): void {
    const due = asMillis(this.#clock.now() + this.#everyMs);
    this.#timer = this.#clock.setTimer(due, () => {
      this.#arm();
      if (!this.#underWay) this.#ping();
    });
  }

  #ping(): void {
    const state = this.#options.state();
    if (state === undefined) return;
    const { vm = this.#options.vm, ...known } = state;
    this.#seq += 1;
    const body = { ...known, replica: this.#options.replica, boot: this.#boot, seq: this.#seq };
    const path = `${vm === undefined ? `/v1/vm/${POOL}` : idPath(vmId(vm))}/ping`;
    this.#underWay = true;
    this.#again = false;
    this.#send(path, body).then(
      ({ advice, view }) => this.#answered(advice, view),
      (error: unknown) => this.#failed(error),
    );
  }

  async #send(
    path: string,
    body: object,
  ): Promise<{ readonly advice: Advice; readonly view: View | undefined }> {
    const timeout = AbortSignal.timeout(this.#everyMs * VIEW_DEAD_PINGS);
    const signal = AbortSignal.any([timeout, this.#stopping.signal]);
    const { status, body: said } = await this.#client.ask({ method: 'POST', path, body, signal });
    const answer = status === 200 ? parsePingAnswer(said) : undefined;
    if (answer !== undefined) return answer;
    throw new Error(isObject(said) && typeof said.error === 'string' ? said.error : `${status}`);
  }

  #answered(advice: Advice, view: View | undefined): void {
    this.#over();
    if (this.#stopping.signal.aborted) return;
    this.#trouble = false;
    const said = JSON.stringify([advice, view]);
    const at = this.#clock.now();
    if (said === this.#said && at - this.#saidAt < VIEW_ADVICE_REPEAT_MS) return;
    this.#said = said;
    this.#saidAt = at;
    if (advice.type !== 'none') this.#options.onAdvice(advice, view);
  }

  #failed(error: unknown): void {
    this.#over();
    if (this.#stopping.signal.aborted || this.#trouble) return;
    this.#trouble = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.onTrouble?.(
      `the view service ${this.#options.url} does not take our pings: ${why}`,
    );
  }

  #over(): void {
    this.#underWay = false;
    if (this.#again && !this.#stopping.signal.aborted) this.#ping();
  }
}
