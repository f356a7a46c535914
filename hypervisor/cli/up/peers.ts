/** Waiting for the other hosts before a run begins, but not for ever. */

import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HANDSHAKE_TIMEOUT_MS } from '../../base/limits.ts';
import { UP_PEER_PROBE_MS } from '../../base/tool-limits.ts';
import { parseAddress } from '../../host/addresses.ts';

/** Those of `peers` that take connections, as soon as all do, at the latest after `waitMs`. */
export async function listeningPeers(
  peers: readonly string[],
  waitMs: number,
  stop: AbortSignal,
): Promise<readonly string[]> {
  const until = performance.now() + waitMs;
  for (;;) {
    const left = Math.max(UP_PEER_PROBE_MS, until - performance.now());
    const timeoutMs = Math.min(left, HANDSHAKE_TIMEOUT_MS);
    const answers = await Promise.all(peers.map((peer) => connectMs(peer, timeoutMs)));
    const there = peers.filter((_, index) => typeof answers[index] === 'number');
    if (there.length === peers.length || performance.now() >= until || stop.aborted) return there;
    await sleep(UP_PEER_PROBE_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

/** Milliseconds until a connection to `peer` is there, or why it is not. */
export function connectMs(peer: string, timeoutMs: number): Promise<number | string> {
  const { host, port } = parseAddress(peer, { what: 'the address of a replica' });
  return new Promise((resolve) => {
    const since = performance.now();
    const socket = connect({ host, port });
    const end = (answer: number | string): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(`no answer within ${Math.round(timeoutMs)} ms`));
    socket.once('connect', () => end(performance.now() - since));
    socket.once('error', (error) => end(error.message));
  });
}

/** Milliseconds of `10s`, `500ms` or `2m`. */
export function durationMs(text: string): number {
  const [, digits = '0', unit = 's'] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
  return Number(digits) * (unit === 'ms' ? 1 : unit === 's' ? 1_000 : 60_000);
}
