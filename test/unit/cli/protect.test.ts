import { describe, expect, it } from 'vitest';
import { joinState } from '../../../hypervisor/cli/protect.ts';

const B = '10.0.0.4:7700';
const status = (replication: object): Record<string, unknown> => ({ role: 'primary', replication });
const failed = (more: object = {}): object => ({
  failedDials: [{ peer: B, reason: 'ECONNREFUSED: nobody listens there', tries: 1, ...more }],
});

describe('the way of a backup into the view', () => {
  it('ends when a view of the primary names it, also while an older link to it is counted', () => {
    const view = { epoch: 4, primary: 'a:1', backups: ['c:1', B] };
    expect(joinState(status({ view, ...failed() }), B, 0)).toEqual({ type: 'joined', epoch: 4 });
    expect(joinState(status({ view: { ...view, backups: ['c:1'] } }), B, 0).type).toBe('underWay');
  });

  it('ends for one that is never in a view when it follows', () => {
    const backups = [{ peer: B, state: 'observing' }];
    expect(joinState(status({ backups }), B, 0)).toEqual({ type: 'observes' });
  });

  it('says at the first link that fails why it does, and that the primary goes on', () => {
    expect(joinState(status(failed()), B, 0)).toEqual({
      type: 'underWay',
      words: `no link to ${B}: ECONNREFUSED: nobody listens there; the primary goes on trying`,
    });
  });

  it('ends when the backup refuses, but not of what it said before it was asked', () => {
    const refused = status(failed({ givenUp: true, reason: 'another engine', tries: 2 }));
    expect(joinState(refused, B, 1)).toEqual({ type: 'refused', reason: 'another engine' });
    expect(joinState(refused, B, 2)).toMatchObject({
      type: 'underWay',
      words: expect.stringContaining('(another engine) and is dialled again within the minute'),
    });
    expect(joinState(status(failed({ tries: 2 })), B, 2)).toEqual({ type: 'underWay', words: '' });
  });

  it('goes on through a state transfer, and while the guest is too busy to say anything', () => {
    const backups = [{ peer: B, state: 'streaming' }];
    expect(joinState(status({ backups }), B, 0)).toMatchObject({
      words: expect.stringContaining('has answered and gets the log'),
    });
    expect(joinState({ role: 'primary', replication: null }, B, 0)).toEqual({
      type: 'underWay',
      words: '',
    });
  });

  it('ends when the replica that was asked is primary no more', () => {
    expect(joinState({ role: 'backup' }, B, 0)).toEqual({ type: 'deposed' });
  });
});
