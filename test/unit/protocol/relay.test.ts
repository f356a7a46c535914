import { describe, expect, it } from 'vitest';
import { WINDOW_BYTES_MAX } from '../../../hypervisor/base/limits.ts';
import { newCopy, outdates } from '../../../hypervisor/protocol/backup-copy.ts';
import { commonLsn } from '../../../hypervisor/protocol/history.ts';
import { Follower, isTooSlow, relayHello } from '../../../hypervisor/protocol/relay.ts';
import { asEpoch, asLsn, asMillis } from '../../../log-format/index.ts';
import { ackOf, helloOf, welcomeOf } from '../../support/messages.ts';

const history = {
  epochs: [
    { epoch: asEpoch(1), firstLsn: asLsn(1) },
    { epoch: asEpoch(3), firstLsn: asLsn(40) },
  ],
  lsnFirst: asLsn(1),
  lsnLast: asLsn(90),
};

describe('the hello of a backup that passes its log on', () => {
  const hello = relayHello(
    {
      hello: helloOf({
        ...{ primary: 'A', backup: 'B1', spares: ['S'] },
        ...{ lsnLast: asLsn(500), lsnSettled: asLsn(490) },
      }),
      history,
      epoch: asEpoch(3),
      lsnReleased: asLsn(80),
    },
    'B2',
  );

  it('names the backup as the one to be heard, in the epoch it has come to', () => {
    expect(hello).toMatchObject({ primary: 'B1', backup: 'B2', relay: true, epoch: 3, spares: [] });
  });

  it('promises its own log and not that of the primary it follows', () => {
    expect(hello).toMatchObject({ lsnLast: 90, lsnSettled: 80 });
    const held = { ...history, lsnLast: asLsn(200) };
    expect(commonLsn(held, hello)).toBe(90);
  });
});

describe('a follower', () => {
  const lsnLast = asLsn(90);

  it('gets what lies behind its welcome, and live batches only after that', () => {
    const follower = new Follower('B2');
    const welcome = welcomeOf({ lsnReceived: asLsn(30) });
    expect(follower.heard(welcome, lsnLast)).toEqual({ type: 'stream', from: 30 });
    expect(follower.state).toBe('streaming');
    follower.streamed();
    expect(follower.state).toBe('following');
  });

  it('is let go when it claims to hold more than there is', () => {
    const welcome = welcomeOf({ lsnReceived: asLsn(91) });
    expect(new Follower('B2').heard(welcome, lsnLast)).toMatchObject({ type: 'close' });
    const follower = new Follower('B2');
    follower.heard(welcomeOf({}), lsnLast);
    const ack = ackOf({ epoch: asEpoch(3), lsnReceived: asLsn(91) });
    expect(follower.heard(ack, lsnLast)).toMatchObject({ type: 'close' });
  });

  it('is let go when it refuses or its replay differs', () => {
    const refuse = { type: 'refuse', epoch: asEpoch(1), reason: 'another engine' } as const;
    expect(new Follower('B2').heard(refuse, lsnLast)).toMatchObject({ type: 'close' });
    const diverged = { type: 'diverged', epoch: asEpoch(1), lsn: asLsn(4), report: '' } as const;
    expect(new Follower('B2').heard(diverged, lsnLast)).toMatchObject({ type: 'close' });
  });

  it('is told once what has left, and not before it has the log', () => {
    const follower = new Follower('B2');
    expect(follower.tells(asLsn(10))).toBe(false);
    follower.heard(welcomeOf({}), lsnLast);
    follower.streamed();
    expect(follower.tells(asLsn(10))).toBe(true);
    expect(follower.tells(asLsn(10))).toBe(false);
  });

  it('may have a window of the log under way and no more', () => {
    expect(isTooSlow(WINDOW_BYTES_MAX)).toBe(false);
    expect(isTooSlow(WINDOW_BYTES_MAX + 1)).toBe(true);
  });
});

describe('a copy that has parted', () => {
  const copyOf = (backups: readonly string[]): ReturnType<typeof newCopy> => {
    const hello = helloOf({ epoch: asEpoch(2), backup: 'B2' });
    const given = { link: 1, now: asMillis(0), newToken: () => 't', old: undefined };
    const copy = newCopy(hello, { from: asLsn(90), how: 'fresh', history }, given);
    copy.view = { epoch: asEpoch(3), primary: 'A', backups };
    return copy;
  };
  const facts = { phase: 'parted', epoch: asEpoch(3) } as const;
  const again = helloOf({ epoch: asEpoch(3), backup: 'B2' });

  it('goes on in the same epoch if no view names it: it could have won none', () => {
    expect(outdates(again, { ...facts, copy: copyOf(['B1']) })).toBe(true);
  });

  it('waits for a later reign if the view names it', () => {
    expect(outdates(again, { ...facts, copy: copyOf(['B2']) })).toBe(false);
  });

  it('refuses an earlier epoch, named or not', () => {
    const old = helloOf({ epoch: asEpoch(2), backup: 'B2' });
    expect(outdates(old, { ...facts, copy: copyOf(['B1']) })).toBe(false);
  });
});
