/**
 * The first answer of several servers that are equally good to ask. Only for questions that may be put
 * twice: a server that is slow is not waited for, and may answer, and act, all the same.
 */

import { HEDGE_MS, HEDGE_MS_MAX } from '../base/limits.ts';

export interface HedgeOptions<T> {
  /** How many servers there are; at least one. */
  readonly servers: number;
  /** The one to begin with; the others follow in a circle. */
  readonly first: number;
  /** Puts the question to one. The signal aborts when another has answered, or nobody waits any more. */
  readonly ask: (server: number, over: AbortSignal) => Promise<T>;
  /** Nobody waits for the answer any more. */
  readonly late: AbortSignal;
}

export interface HedgedAnswer<T> {
  readonly server: number;
  readonly answer: T;
}

/**
 * Asks one server, and the next one as soon as one fails, or when all are silent for HEDGE_MS, doubling
 * with each full circle (up to HEDGE_MS_MAX): a server may have taken a question to the grave of another
 * one, and answers a second copy of it. Rejects with an AggregateError of the last failure of each
 * server when every one was asked and nothing is under way, and with the reason of `late`.
 */
export function firstAnswer<T>(options: HedgeOptions<T>): Promise<HedgedAnswer<T>> {
  const { servers, first, ask, late } = options;
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const failures = new Map<number, unknown>();
    let asked = 0;
    let open = 0;
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(timer);
      late.removeEventListener('abort', giveUp);
      over.abort();
    };
    const giveUp = (): void => {
      end();
      reject(late.reason);
    };
    const failed = (server: number, error: unknown): void => {
      failures.set(server, error);
      open -= 1;
      if (over.signal.aborted) return;
      if (asked < servers) next();
      else if (open === 0) {
        end();
        reject(new AggregateError(failures.values(), 'no server answers'));
      }
    };
    const next = (): void => {
      const server = (first + asked) % servers;
      asked += 1;
      open += 1;
      const circles = Math.floor((asked - 1) / servers);
      clearTimeout(timer);
      timer = setTimeout(next, Math.min(HEDGE_MS * 2 ** circles, HEDGE_MS_MAX));
      ask(server, over.signal).then(
        (answer) => {
          if (over.signal.aborted) return;
          end();
          resolve({ server, answer });
        },
        (error: unknown) => failed(server, error),
      );
    };
    if (late.aborted) return giveUp();
    late.addEventListener('abort', giveUp, { once: true });
    next();
  });
}
