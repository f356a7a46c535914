import { expect, test } from 'vitest';
import { answerJoin } from '../../../hypervisor/host/answer-join.ts';
import type { Link } from '../../../hypervisor/ports.ts';
import type { Message } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch } from '../../../log-format/index.ts';

/** What is dialled, and what is said to who asks to be dialled at `address`. */
function ask(address: string): {
  readonly dialled: readonly string[];
  readonly said: readonly Message[];
} {
  const dialled: string[] = [];
  const said: Message[] = [];
  const link: Link = {
    queuedBytes: 0,
    send: (message) => said.push(message),
    close: () => undefined,
    peer: '10.0.0.7:50123',
  };
  const handlers = answerJoin({ link, path: '/join', remoteAddress: '10.0.0.7:50123' }, (peer) => {
    dialled.push(peer);
    return undefined;
  });
  handlers.onMessage({ type: 'join', epoch: asEpoch(0), address });
  return { dialled, said };
}

test('who asks to join is dialled, at the host it called from if it listens on all', () => {
  expect(ask('10.0.0.9:7700')).toEqual({ dialled: ['10.0.0.9:7700'], said: [] });
  expect(ask('0.0.0.0:7700').dialled).toEqual(['10.0.0.7:7700']);
});

test('an address that is none is refused with a reason, and ends nothing', () => {
  for (const address of ['', 'no address', 'a:b:c', 'a:70000', '[not-v6]:1']) {
    const { dialled, said } = ask(address);
    expect(dialled).toEqual([]);
    expect(said).toMatchObject([{ type: 'bye', reason: expect.stringContaining('not host:port') }]);
  }
});
