import { describe, expect, it } from 'vitest';
import { BackupCore } from '../../../hypervisor/protocol/backup.ts';
import type {
  BackupEffect,
  BackupEvent,
  Hello,
} from '../../../hypervisor/protocol/backup-events.ts';
import type { View } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch, asLsn, asMillis } from '../../../log-format/index.ts';

type Bare = BackupEvent extends infer E ? (E extends unknown ? Omit<E, 'now'> : never) : never;

function hello(epoch: number, primary = 'a'): Hello {
  return {
    type: 'hello',
    protocol: 1,
    hvVersion: '',
    vm: 'vm',
    name: 'vm',
    epoch: asEpoch(epoch),
    primary,
    backup: 'b',
    engineHash: '',
    helperHash: '',
    machineVersion: 1,
    arbiter: 'sim:',
    detectMs: 50,
  };
}

function view(epoch: number, primary: string, ...backups: string[]): View {
  return { epoch: asEpoch(epoch), primary, backups };
}

class Bench {
  tokens = 0;
  readonly core = new BackupCore({
    newToken: () => `t${++this.tokens}`,
    refuses: ({ protocol }) => (protocol === 1 ? undefined : 'another protocol'),
  });

  step(event: Bare): BackupEffect[] {
    const effects: BackupEffect[] = [];
    this.core.step({ ...event, now: asMillis(0) } as BackupEvent, effects);
    return effects;
  }

  hello(link: number, message: Hello): BackupEffect[] {
    return this.step({ type: 'message', link, message });
  }

  answer(answer: (BackupEvent & { type: 'answer' })['answer']): BackupEffect[] {
    return this.step({ type: 'answer', token: `t${this.tokens}`, answer });
  }

  logged(lastLsn: number, newest: View | undefined): BackupEffect[] {
    return this.step({ type: 'logged', lastLsn: asLsn(lastLsn), view: newest, stop: undefined });
  }

  static synced(): Bench {
    const bench = new Bench();
    bench.hello(1, hello(1));
    bench.logged(5, view(2, 'a', 'b'));
    return bench;
  }
}

const types = (effects: readonly BackupEffect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [] : [effect.type]));
const asked = (effects: readonly BackupEffect[]): string[] =>
  effects.flatMap((effect) => {
    if (effect.type !== 'ask') return [];
    const { question } = effect;
    return [question.type === 'read' ? 'read' : `claim ${question.claim.expect}`];
  });

describe('BackupCore', () => {
  it('claims with the epoch of its own log when it is in the view and the link closes', () => {
    const bench = Bench.synced();
    const effects = bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(asked(effects)).toEqual(['claim 2']);
  });

  it('parts from a primary it suspects before it claims', () => {
    const effects = Bench.synced().step({ type: 'suspect', reason: 'silent' });
    expect(types(effects)).toEqual(['close', 'ask']);
  });

  it('acknowledges nothing once it has claimed', () => {
    const bench = Bench.synced();
    expect(bench.core.ack()?.message).toMatchObject({ type: 'ack', lsnReceived: 5 });
    bench.step({ type: 'suspect', reason: 'silent' });
    expect(bench.core.ack()).toBeUndefined();
  });

  it('never claims while no view names it, but asks', () => {
    const bench = new Bench();
    bench.hello(1, hello(1));
    bench.logged(5, view(1, 'a'));
    const parted = bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(asked(parted)).toEqual(['read']);
    const dropped = bench.answer({ type: 'current', view: view(1, 'a') });
    expect(types(dropped)).toEqual(['reset']);
  });

  it('claims behind a view of the same primary that names it and that it has not read of', () => {
    const bench = new Bench();
    bench.hello(1, hello(1));
    bench.logged(5, view(1, 'a'));
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(asked(bench.answer({ type: 'current', view: view(2, 'a', 'b') }))).toEqual(['claim 2']);
  });

  it('drops its state when another replica leads', () => {
    const bench = Bench.synced();
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(types(bench.answer({ type: 'lost', view: view(3, 'c') }))).toEqual(['reset']);
    expect(bench.core.phase).toBe('idle');
    expect(bench.core.epoch).toBe(3);
  });

  it('refuses the hello of an earlier epoch, also after it has dropped its state', () => {
    const bench = Bench.synced();
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    bench.answer({ type: 'lost', view: view(3, 'c') });
    expect(types(bench.hello(2, hello(2)))).toEqual(['send', 'close']);
    expect(types(bench.hello(3, hello(3, 'c')))).toEqual(['open', 'send']);
  });

  it('refuses a second primary of the same epoch while it is in the view', () => {
    const bench = Bench.synced();
    expect(types(bench.hello(2, hello(1, 'x')))).toEqual(['send', 'close']);
    expect(bench.core.phase).toBe('following');
  });

  it('drops its state for a primary of a later epoch', () => {
    const bench = Bench.synced();
    expect(types(bench.hello(2, hello(3, 'c')))).toEqual(['close', 'reset', 'open', 'send']);
  });

  it('ignores the old link after a new one', () => {
    const bench = Bench.synced();
    bench.hello(2, hello(3, 'c'));
    expect(bench.step({ type: 'closed', link: 1, reason: 'late' })).toEqual([]);
    expect(bench.core.phase).toBe('following');
  });

  it('refuses a guest this host cannot run', () => {
    const bench = new Bench();
    const effects = bench.hello(1, { ...hello(1), protocol: 9 });
    expect(types(effects)).toEqual(['send', 'close']);
    expect(bench.core.phase).toBe('idle');
  });

  it('does not take over after a stop record, with or without a goodbye', () => {
    const bench = Bench.synced();
    const stop = { code: 0, reason: 'operator' };
    bench.step({ type: 'logged', lastLsn: asLsn(6), view: undefined, stop });
    const effects = bench.step({ type: 'closed', link: 1, reason: 'gone' });
    expect(effects).toEqual([{ type: 'finish', ...stop }]);
  });

  it('is never promoted after a divergence', () => {
    const bench = Bench.synced();
    const told = bench.step({ type: 'diverged', lsn: asLsn(5), report: 'digest' });
    expect(types(told)).toEqual(['send']);
    const effects = bench.step({ type: 'closed', link: 1, reason: 'gone' });
    expect(types(effects)).toEqual(['fail']);
    expect(bench.core.phase).toBe('ended');
  });

  it('gives a damaged copy up and tells the primary', () => {
    const effects = Bench.synced().step({ type: 'damaged', reason: 'a gap in the log' });
    expect(types(effects)).toEqual(['send', 'close', 'reset']);
  });

  it('hears only its own link, and nothing of an earlier epoch', () => {
    const bench = Bench.synced();
    const released = { type: 'released', lsnReleased: asLsn(4) } as const;
    const now = { ...released, epoch: asEpoch(1) };
    expect(types(bench.step({ type: 'message', link: 9, message: now }))).toEqual([]);
    expect(types(bench.step({ type: 'message', link: 1, message: now }))).toEqual(['forget']);
    bench.step({ type: 'message', link: 1, message: { ...released, epoch: asEpoch(2) } });
    expect(types(bench.step({ type: 'message', link: 1, message: now }))).toEqual([]);
  });
});
