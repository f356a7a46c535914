import { describe, expect, test } from 'vitest';
import { answerJoin, whyNoPrimary } from '../../../hypervisor/host/answer-join.ts';
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

describe('a backup that is asked', () => {
  const follows = { phase: 'following', following: '10.0.0.1:7700' } as const;
  const asked = { guest: 'kv', path: '/join' } as const;

  test('for a place in the view names the primary that gives one', () => {
    expect(whyNoPrimary(follows, asked)).toMatch(
      /^it is a backup itself: ask its primary, 10\.0\.0\.1:7700, or follow .* --from/,
    );
  });

  test('for a place in the view names hv protect where nobody can ask its primary', () => {
    const why = whyNoPrimary({ ...follows, following: 'primary-3c056875' }, asked);
    expect(why).toContain('hv protect kv <host:port of the new backup>');
  });

  test('for its log alone passes it on', () => {
    expect(whyNoPrimary(follows, { ...asked, path: '/follow' })).toBeUndefined();
  });

  test('without a log to pass on says whether it ever had a primary', () => {
    for (const path of ['/join', '/follow'] as const) {
      const at = { guest: 'kv', path };
      expect(whyNoPrimary({ phase: 'idle', following: undefined }, at)).toContain('no primary has');
      for (const phase of ['deciding', 'parted', 'diverged', 'ended'] as const)
        expect(whyNoPrimary({ phase, following: undefined }, at)).toContain('no primary now');
    }
  });
});
