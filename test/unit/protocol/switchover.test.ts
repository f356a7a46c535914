import { describe, expect, it } from 'vitest';
import { asLsn } from '../../../log-format/index.ts';
import { welcomeOf } from '../../support/messages.ts';
import { type Effects, noted, Pair, released } from '../../support/primary-pair.ts';

const claims = (effects: Effects): string[] =>
  effects.flatMap((effect) => {
    if (effect.type !== 'ask' || effect.question.type !== 'claim') return [];
    const { primary, backups } = effect.question.claim.next;
    return [`${primary} [${backups.join(' ')}]`];
  });

const sent = (effects: Effects): string[] =>
  effects.flatMap((effect) =>
    effect.type === 'send' ? [`${effect.message.type} to ${effect.peer}`] : [],
  );

const failure = (effects: Effects): string[] =>
  effects.flatMap((effect) =>
    effect.type === 'note' && effect.note.type === 'switchoverFailed' ? [effect.note.reason] : [],
  );

/** Everything it has, on its disk too. */
const ready = (pair: Pair): Effects =>
  pair.ack('b', { lsnDurable: asLsn(pair.lsn), outputsCrc: 1 });

/** The arbiter answers, and the guest stands still. */
function standing(pair: Pair): Effects {
  pair.step({ type: 'switchover', to: undefined });
  const answer = { type: 'current', view: pair.core.view } as const;
  pair.step({ type: 'answer', token: `t${pair.tokens}`, answer });
  return pair.step({ type: 'paused' });
}

describe('a planned switchover', () => {
  it('asks for the disk of its target when the guest stands still, and claims when that has answered', () => {
    const pair = new Pair('received').join('b');
    pair.append();
    const asked = standing(pair);
    expect(sent(asked)).toEqual(['sync to b']);
    expect(claims(asked)).toEqual([]);
    expect(claims(pair.ack('b', { lsnDurable: asLsn(pair.lsn - 1), outputsCrc: 1 }))).toEqual([]);
    expect(claims(ready(pair))).toEqual(['b []']);
  });

  it('claims nothing for a target whose disk had everything before, until it says so again', () => {
    const pair = new Pair('durable').join('b');
    ready(pair);
    expect(claims(standing(pair))).toEqual([]);
    expect(claims(pair.step({ type: 'idle' }))).toEqual([]);
    expect(claims(ready(pair))).toEqual(['b []']);
  });

  it('asks again where the log has grown behind the question', () => {
    const pair = new Pair('received').join('b');
    standing(pair);
    const more = pair.append();
    expect(sent(more)).toContain('sync to b');
    expect(claims(pair.ack('b', { lsnDurable: asLsn(pair.lsn - 1) }))).toEqual([]);
    expect(claims(ready(pair))).toEqual(['b []']);
  });

  it('is not begun where the guest stands still for want of backups', () => {
    const pair = new Pair('received', { onLoss: 'stop', quorum: 2 }).join('b');
    const effects = pair.step({ type: 'switchover', to: undefined });
    expect(failure(effects)).toEqual(['outputs are held until there are more backups']);
    expect(noted(effects)).not.toContain('switchingOver');
  });

  it('that is given up lets a newcomer into the view in the same step', () => {
    const pair = new Pair('received').join('b');
    pair.step({ type: 'linked', peer: 'c' });
    const { epoch } = pair.core.view;
    pair.step({ type: 'message', peer: 'c', message: welcomeOf({ epoch }) });
    pair.step({ type: 'streamed', peer: 'c', lastLsn: asLsn(pair.lsn), failure: undefined });
    standing(pair);
    expect(claims(pair.ack('c', {}))).toEqual([]);
    const effects = pair.step({ type: 'suspect', peer: 'b', reason: 'silent' });
    expect(failure(effects)).toEqual(['b is no backup in step any more']);
    expect(claims(effects)).toEqual(['a [c]']);
  });
});

describe('a guest that is to stop without backups', () => {
  it('starts no turn while an output waits for one, and lets it out when it is there', () => {
    const pair = new Pair('received', { onLoss: 'stop' });
    expect(pair.core.throttled).toBe(false);
    const made = pair.turn();
    expect(released(made)).toEqual([]);
    expect(pair.core.holdsAlone).toBe(true);
    expect(pair.core.throttled).toBe(true);
    const throttled = made.flatMap((effect) => (effect.type === 'throttle' ? [effect.on] : []));
    expect(throttled).toEqual([true]);
    pair.join('b');
    expect(pair.core.throttled).toBe(false);
    expect(pair.core.holdsAlone).toBe(false);
  });
});

describe('a newcomer of a guest that has gone on', () => {
  it.each(['received', 'replayed', 'verified'] as const)(
    '%s: has all that an earlier life may have let out before it is taken, and waits for no new group',
    (level) => {
      const pair = new Pair(level);
      for (let count = 0; count < 4; count++) pair.append();
      pair.step({ type: 'produced', lsn: asLsn(pair.lsn), outputs: [] });
      pair.step({ type: 'linked', peer: 'b' });
      const { epoch } = pair.core.view;
      pair.step({ type: 'message', peer: 'b', message: welcomeOf({ epoch }) });
      pair.step({ type: 'streamed', peer: 'b', lastLsn: asLsn(pair.lsn), failure: undefined });
      const [lsnReceived, lsnReplayed] = [asLsn(pair.lsn - 1), asLsn(0)];
      expect(claims(pair.ack('b', { lsnReceived, lsnReplayed }))).toEqual([]);
      expect(claims(pair.ack('b', { lsnReplayed }))).toEqual(['a [b]']);
    },
  );
});
