import { describe, expect, it } from 'vitest';
import type { View } from '../../../hypervisor/protocol/messages.ts';
import { Views } from '../../../hypervisor/protocol/views.ts';
import { asEpoch, asMillis } from '../../../log-format/index.ts';

function views(): Views {
  let tokens = 0;
  return new Views({ vm: 'vm', newToken: () => `t${++tokens}` });
}

const view = (epoch: number, primary: string): View => ({
  epoch: asEpoch(epoch),
  primary,
  backups: [],
});
const at = asMillis;

describe('Views', () => {
  it('repeats a claim with the same token until it is decided', () => {
    const asked = views();
    const question = asked.claim(asEpoch(1), view(2, 'b'), at(0));
    expect(asked.answer('t1', { type: 'unavailable', reason: 'down' }, at(3)).type).toBe('open');
    expect(asked.due(at(27))).toBeUndefined();
    expect(asked.due(at(28))).toEqual(question);
    expect(asked.answer('t1', { type: 'won', view: view(2, 'b') }, at(30)).type).toBe('won');
    expect(asked.asking).toBe(false);
    expect(asked.deadline()).toBeUndefined();
  });

  it('asks again when no answer comes at all', () => {
    const asked = views();
    asked.claim(asEpoch(1), view(2, 'b'), at(0));
    expect(asked.due(at(999))).toBeUndefined();
    expect(asked.due(at(1_000))?.token).toBe('t1');
  });

  it('has only one question open', () => {
    const asked = views();
    asked.read(at(0));
    expect(() => asked.claim(asEpoch(1), view(2, 'b'), at(0))).toThrow('one question at a time');
  });

  it('ignores the answer to a question that was given up', () => {
    const asked = views();
    asked.claim(asEpoch(1), view(2, 'b'), at(0));
    asked.abandon();
    expect(asked.answer('t1', { type: 'won', view: view(2, 'b') }, at(1)).type).toBe('open');
    expect(asked.pending).toBeUndefined();
  });

  it('tells the loser which view is in force', () => {
    const asked = views();
    asked.claim(asEpoch(1), view(2, 'b'), at(0));
    const decision = asked.answer('t1', { type: 'lost', view: view(2, 'a') }, at(1));
    expect(decision).toEqual({ type: 'lost', view: view(2, 'a') });
  });

  it('refuses a claim that skips an epoch', () => {
    expect(() => views().claim(asEpoch(1), view(3, 'b'), at(0))).toThrow('the next epoch');
  });
});
