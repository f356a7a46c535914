/**
 * Looking at a peer from outside: how far it is, whether it takes our links, which hv it runs and what
 * its clock says. It is greeted with an engine that nobody has, which every replica refuses before
 * anything else: no copy is begun and no primary is left for it.
 */

import { get, type RequestOptions } from 'node:http';
import { get as getSecurely } from 'node:https';
import { asEpoch, asLsn } from '../../../log-format/index.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../base/limits.ts';
import { DOCTOR_CONNECTS } from '../../base/tool-limits.ts';
import { parseAddress } from '../../host/addresses.ts';
import { dialLink } from '../../host/link.ts';
import { MACHINE_VERSION } from '../../host/machine-factory.ts';
import type { LinkSecurity } from '../../host/tls.ts';
import { HV_VERSION } from '../../host/version.ts';
import { type Message, PROTOCOL_VERSION } from '../../protocol/messages.ts';
import { connectMs } from '../up/peers.ts';
import type { PeerFacts } from './findings.ts';

export interface ProbeOptions {
  readonly security: LinkSecurity;
  /** The arbiter we would name. */
  readonly arbiter: string;
  readonly own: string;
}

export async function probePeer(address: string, options: ProbeOptions): Promise<PeerFacts> {
  const connects = await connectTimes(address);
  const none = { address, connects, refused: undefined, said: undefined, clock: undefined };
  if (typeof connects === 'string') return none;
  const { refused, said } = await greet(address, options);
  const clock = refused === undefined ? await clockOf(address, options.security) : undefined;
  return { ...none, refused, said, clock };
}

async function connectTimes(address: string): Promise<readonly number[] | string> {
  const times: number[] = [];
  for (let count = 0; count < DOCTOR_CONNECTS; count++) {
    const answer = await connectMs(address, HANDSHAKE_TIMEOUT_MS);
    if (typeof answer === 'string') return answer;
    times.push(answer);
  }
  return times;
}

/** `said` is its refusal; a primary says nothing and closes. */
function greet(
  address: string,
  options: ProbeOptions,
): Promise<Pick<PeerFacts, 'refused' | 'said'>> {
  return new Promise((resolve) => {
    let isOpen = false;
    let said: string | undefined;
    const link = dialLink(
      address,
      '/link',
      {
        onOpen: () => {
          isOpen = true;
        },
        onMessage: (message) => {
          if (message.type === 'refuse') said = message.reason;
          link.close();
        },
        onClose: (reason) => resolve({ refused: isOpen ? undefined : reason, said }),
      },
      { security: options.security },
    );
    link.send(strangeHello(address, options));
  });
}

function strangeHello(address: string, { arbiter, own }: ProbeOptions): Message {
  return {
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    hvVersion: HV_VERSION,
    machineVersion: MACHINE_VERSION,
    ...{ vm: 'doctor', name: 'doctor', epoch: asEpoch(0), primary: own, backup: address },
    ...{ engineHash: 'doctor', helperHash: 'doctor', imageHash: 'doctor', arbiter },
    detectMs: HANDSHAKE_TIMEOUT_MS,
    rule: { level: 'received', quorum: 0, onLoss: 'continue' },
    ...{ spares: [], epochs: [], lsnFirst: asLsn(1), lsnLast: asLsn(0), lsnSettled: asLsn(0) },
    relay: false,
  };
}

/** From the date of its answer to a request that is none: whole seconds, asked before and after. */
function clockOf(address: string, security: LinkSecurity): Promise<PeerFacts['clock']> {
  const { host, port } = parseAddress(address, { what: 'the address of a replica' });
  const tls = security.clientOptions();
  return new Promise((resolve) => {
    const since = Date.now();
    const request: RequestOptions = { host, port, agent: false, timeout: HANDSHAKE_TIMEOUT_MS };
    const asked = (tls === undefined ? get(request) : getSecurely({ ...request, ...tls }))
      .once('response', (response) => {
        response.resume();
        const date = Date.parse(response.headers.date ?? '');
        const now = Date.now();
        resolve(
          Number.isNaN(date) ? undefined : { lowMs: date - now, highMs: date + 1_000 - since },
        );
      })
      .once('timeout', () => asked.destroy(new Error('silent')))
      // A clock that cannot be asked is no fault of the peer.
      .once('error', () => resolve(undefined));
  });
}
