import { describe, expect, it } from 'vitest';
import { BackupCore } from '../../../hypervisor/protocol/backup.ts';
import type {
  BackupEffect,
  BackupEvent,
  Hello,
} from '../../../hypervisor/protocol/backup-events.ts';
import { PROTOCOL_VERSION, type View } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch, asLsn, asMillis } from '../../../log-format/index.ts';
import { helloOf } from '../../support/messages.ts';

type Bare = BackupEvent extends infer E ? (E extends unknown ? Omit<E, 'now'> : never) : never;

function hello(epoch: number, primary = 'a'): Hello {
  return helloOf({ epoch: asEpoch(epoch), primary });
}

function view(epoch: number, primary: string, ...backups: string[]): View {
  return { epoch: asEpoch(epoch), primary, backups };
}

class Bench {
  tokens = 0;
  now = 0;
  readonly core = new BackupCore({
    newToken: () => `t${++this.tokens}`,
    refuses: ({ protocol }) => (protocol === PROTOCOL_VERSION ? undefined : 'another protocol'),
    priority: 0,
    hidden: false,
    cold: false,
    standing: () => undefined,
  });

  step(event: Bare): BackupEffect[] {
    const effects: BackupEffect[] = [];
    this.core.step({ ...event, now: asMillis(this.now) } as BackupEvent, effects);
    return effects;
  }

  hello(link: number, message: Hello): BackupEffect[] {
    return this.step({ type: 'message', link, message });
  }

  answer(answer: (BackupEvent & { type: 'answer' })['answer']): BackupEffect[] {
    return this.step({ type: 'answer', token: `t${this.tokens}`, answer });
  }

  logged(
    lastLsn: number,
    newest: View | undefined,
    stop?: { code: number; reason: string },
  ): BackupEffect[] {
    const history = {
      epochs: [{ epoch: asEpoch(1), firstLsn: asLsn(1) }],
      lsnFirst: asLsn(1),
      lsnLast: asLsn(lastLsn),
    };
    return this.step({
      type: 'logged',
      lastLsn: asLsn(lastLsn),
      view: newest,
      stop,
      history,
    });
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

  it('drops a copy whose files are gone while it follows a primary, and only then', () => {
    const bench = Bench.synced();
    expect(types(bench.step({ type: 'lost', reason: 'deleted' }))).toEqual(['close', 'reset']);
    expect(bench.core.phase).toBe('idle');
    expect(types(bench.hello(2, hello(2)))).toContain('open');
    const candidate = Bench.synced();
    candidate.step({ type: 'suspect', reason: 'silent' });
    expect(candidate.step({ type: 'lost', reason: 'deleted' })).toEqual([]);
    expect(types(candidate.answer({ type: 'won', view: view(3, 'b') }))).toContain('promote');
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
    expect(types(dropped)).toEqual([]);
    expect(bench.core.phase).toBe('parted');
  });

  it('claims behind a view of the same primary that names it and that it has not read of', () => {
    const bench = new Bench();
    bench.hello(1, hello(1));
    bench.logged(5, view(1, 'a'));
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(asked(bench.answer({ type: 'current', view: view(2, 'a', 'b') }))).toEqual(['claim 2']);
  });

  it('keeps its state when another replica leads, and claims no more', () => {
    const bench = Bench.synced();
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(types(bench.answer({ type: 'lost', view: view(3, 'c') }))).toEqual([]);
    expect(bench.core.phase).toBe('parted');
    expect(bench.core.epoch).toBe(3);
    bench.now = bench.core.deadline() ?? 0;
    expect(asked(bench.step({ type: 'deadline' }))).toEqual(['read']);
    expect(types(bench.answer({ type: 'current', view: view(3, 'c') }))).toEqual([]);
    expect(bench.core.phase).toBe('parted');
  });

  it('refuses the hello of an earlier epoch, also after it has dropped its state', () => {
    const bench = Bench.synced();
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    bench.answer({ type: 'lost', view: view(3, 'c') });
    expect(types(bench.hello(2, hello(2)))).toEqual(['send', 'close']);
    expect(types(bench.hello(3, hello(3, 'c')))).toEqual(['open', 'send']);
  });

  it('tells of a primary whose guest it cannot shadow, and not of one that came too late', () => {
    const bench = new Bench();
    const notes = (effects: readonly BackupEffect[]): unknown[] =>
      effects.flatMap((effect) => (effect.type === 'note' ? [effect.note] : []));
    expect(notes(bench.hello(1, { ...hello(5, 'x'), protocol: 0 }))).toEqual([
      { type: 'declined', peer: 'x', reason: 'another protocol' },
    ]);
    // No primary, but hv doctor.
    expect(notes(bench.hello(2, { ...hello(0, 'x'), protocol: 0 }))).toEqual([]);
    bench.hello(3, hello(5));
    expect(notes(bench.hello(4, hello(4, 'x')))).toEqual([]);
  });

  it('says who made it primary where it was not its own claim', () => {
    const made = (effects: readonly BackupEffect[]): unknown[] =>
      effects.flatMap(({ type, ...rest }) =>
        type === 'note' && 'note' in rest ? [rest.note] : [],
      );
    const handed = { type: 'view', epoch: asEpoch(3), view: view(3, 'b') } as const;
    expect(made(Bench.synced().step({ type: 'message', link: 1, message: handed }))).toEqual([
      { type: 'claimed', view: view(3, 'b'), by: 'switchover' },
    ]);
    expect(made(Bench.synced().step({ type: 'force', view: view(9, 'b') }))).toEqual([
      { type: 'claimed', view: view(9, 'b'), by: 'operator' },
    ]);
    const bench = Bench.synced();
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(made(bench.answer({ type: 'won', view: view(3, 'b') }))).toEqual([
      { type: 'claimed', view: view(3, 'b') },
    ]);
  });

  it('refuses a second primary of the same epoch while it is in the view', () => {
    const bench = Bench.synced();
    expect(types(bench.hello(2, hello(1, 'x')))).toEqual(['send', 'close']);
    expect(bench.core.phase).toBe('following');
  });

  it('tells whom it refuses whether another primary is in the way, or another guest', () => {
    const reasonOf = (effects: readonly BackupEffect[]): string | undefined => {
      const [sent] = effects;
      if (sent?.type !== 'send' || sent.message.type !== 'refuse') return undefined;
      return sent.message.reason;
    };
    const bench = Bench.synced();
    expect(reasonOf(bench.hello(2, hello(1, 'x')))).toContain('follows a primary of epoch');
    const other = { ...hello(1, 'x'), vm: 'other' };
    expect(reasonOf(bench.hello(3, other))).toContain('every guest needs its own');
  });

  it('leaves its primary for one of a later epoch, and goes on where both logs are the same', () => {
    const epochs = [{ epoch: asEpoch(1), firstLsn: asLsn(1) }];
    for (const [theirs, how] of [
      [{ epochs, lsnLast: asLsn(9) }, 'keep 5'],
      [{ epochs, lsnLast: asLsn(3) }, 'reopen 3'],
      [{ epochs: [{ epoch: asEpoch(2), firstLsn: asLsn(1) }], lsnLast: asLsn(9) }, 'fresh 0'],
    ] as const) {
      const bench = Bench.synced();
      const effects = bench.hello(2, { ...hello(3, 'c'), ...theirs });
      expect(types(effects)).toEqual(['close', 'open', 'send']);
      const [open] = effects.filter(({ type }) => type === 'open');
      expect(open?.type === 'open' && `${open.how} ${open.from}`).toBe(how);
      expect(bench.core.synced).toBe(false);
    }
  });

  it('throws its copy away for a primary of another run, but not while it may be needed', () => {
    const other = (epoch: number): Hello => ({ ...hello(epoch, 'c'), vm: 'other' });
    const bench = Bench.synced();
    expect(types(bench.hello(2, other(9)))).toEqual(['send', 'close']);
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(types(bench.hello(3, other(9)))).toEqual(['send', 'close']);
    bench.answer({ type: 'lost', view: view(3, 'x') });
    expect(bench.core.phase).toBe('parted');
    expect(types(bench.hello(4, other(1)))).toEqual(['reset', 'open', 'send']);
  });

  it('goes live without a claim when its primary hands over, and only as the next in line', () => {
    const told = (view: View): string[] =>
      types(
        Bench.synced().step({
          type: 'message',
          link: 1,
          message: { type: 'view', epoch: view.epoch, view },
        }),
      );
    expect(told(view(3, 'b'))).toEqual(['close', 'promote']);
    expect(told(view(4, 'b'))).toEqual(['close']);
    const late = Bench.synced();
    late.step({ type: 'closed', link: 1, reason: 'reset' });
    expect(types(late.answer({ type: 'lost', view: view(3, 'b') }))).toEqual(['close', 'promote']);
  });

  function oneOfTwo(): { readonly bench: Bench; readonly parted: BackupEffect[] } {
    const bench = new Bench();
    bench.hello(1, { ...hello(1), rule: { level: 'received', quorum: 1, onLoss: 'continue' } });
    bench.logged(5, view(2, 'a', 'b', 'c'));
    return { bench, parted: bench.step({ type: 'closed', link: 1, reason: 'reset' }) };
  }

  it('asks the others before it claims where a quorum was enough, and claims only as the foremost', () => {
    const { bench, parted } = oneOfTwo();
    expect(types(parted)).toEqual(['poll', 'ask']);
    expect(asked(parted)).toEqual(['read']);
    const position = { type: 'position', epoch: asEpoch(2), replica: 'c' } as const;
    const heard = (follows: boolean, lsn: number): BackupEffect[] =>
      bench.step({
        type: 'position',
        position: { ...position, follows, logEpoch: asEpoch(1), lsnReceived: asLsn(lsn) },
      });
    expect(asked(heard(true, 4))).toEqual([]);
    expect(asked(heard(false, 6))).toEqual([]);
    expect(asked(heard(false, 5))).toEqual(['claim 2']);
  });

  it('out of the view looks at it again: its dead primary may have taken it in', () => {
    const bench = new Bench();
    bench.hello(1, hello(1));
    bench.logged(5, view(1, 'a'));
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    bench.answer({ type: 'current', view: view(1, 'a') });
    expect(bench.core.phase).toBe('parted');
    bench.now = bench.core.deadline() ?? 0;
    expect(asked(bench.step({ type: 'deadline' }))).toEqual(['read']);
    expect(types(bench.answer({ type: 'current', view: view(1, 'a') }))).toEqual([]);
    bench.now = bench.core.deadline() ?? 0;
    expect(asked(bench.step({ type: 'deadline' }))).toEqual(['read']);
    // The claim of the dead primary has come after all.
    expect(asked(bench.answer({ type: 'current', view: view(2, 'a', 'b') }))).toEqual(['claim 2']);
  });

  it('has no longer log for a view of which the arbiter alone knows', () => {
    const bench = new Bench();
    bench.hello(1, { ...hello(2), rule: { level: 'received', quorum: 1, onLoss: 'continue' } });
    bench.logged(5, view(2, 'a', 'c'));
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    // Its primary never heard that it has won this: it went on with c alone, in view 2.
    expect(types(bench.answer({ type: 'current', view: view(3, 'a', 'b', 'c') }))).toContain(
      'poll',
    );
    const position = { type: 'position', epoch: asEpoch(2), replica: 'c', follows: false } as const;
    const heard = (lsn: number): BackupEffect[] =>
      bench.step({
        type: 'position',
        position: { ...position, logEpoch: asEpoch(1), lsnReceived: asLsn(lsn) },
      });
    expect(asked(heard(6))).toEqual([]);
    expect(asked(heard(4))).toEqual(['claim 3']);
  });

  it('waits for no other that its primary has left out in a view that no log has', () => {
    const { bench } = oneOfTwo();
    // As it knows it: the other may have what this one lacks.
    expect(asked(bench.answer({ type: 'current', view: view(2, 'a', 'b', 'c') }))).toEqual([]);
    expect(bench.core.phase).toBe('deciding');
    const { bench: told } = oneOfTwo();
    expect(asked(told.answer({ type: 'current', view: view(3, 'a', 'b') }))).toEqual(['claim 3']);
  });

  it('ends its comparing when the arbiter names a view without it', () => {
    const { bench } = oneOfTwo();
    bench.answer({ type: 'current', view: view(3, 'c') });
    expect(bench.core.phase).toBe('parted');
  });

  it('answers a poll with where it stands, and says whether its primary lives', () => {
    const message = { type: 'poll', epoch: asEpoch(2), vm: 'vm', candidate: 'c' } as const;
    const bench = Bench.synced();
    const following = bench.step({ type: 'message', link: 9, message });
    expect(following[0]).toMatchObject({ link: 9, message: { follows: true, lsnReceived: 5 } });
    bench.step({ type: 'closed', link: 1, reason: 'reset' });
    const parted = bench.step({ type: 'message', link: 10, message });
    expect(parted[0]).toMatchObject({ link: 10, message: { follows: false, logEpoch: 1 } });
    expect(types(new Bench().step({ type: 'message', link: 1, message }))).toEqual(['close']);
  });

  it('waits by rank before it claims, so that who is preferred goes first', () => {
    const bench = new Bench();
    bench.hello(1, hello(1));
    bench.logged(5, view(2, 'a', 'c', 'b'));
    expect(asked(bench.step({ type: 'closed', link: 1, reason: 'reset' }))).toEqual([]);
    expect(bench.core.deadline()).toBe(20);
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
    bench.logged(6, undefined, stop);
    const effects = bench.step({ type: 'closed', link: 1, reason: 'gone' });
    expect(effects).toEqual([{ type: 'finish', ...stop }]);
  });

  const differs = { type: 'diverged', lsn: asLsn(5), report: 'digest' } as const;
  const closed = { type: 'closed', link: 1, reason: 'gone' } as const;

  it('is thrown away after a divergence when its primary knows, or there is another backup', () => {
    const told = Bench.synced();
    expect(types(told.step(differs))).toEqual(['send']);
    const left = { type: 'view', epoch: asEpoch(3), view: view(3, 'a') } as const;
    expect(types(told.step({ type: 'message', link: 1, message: left }))).toEqual(['fail']);
    const one = new Bench();
    one.hello(1, hello(1));
    one.logged(5, view(2, 'a', 'b', 'c'));
    one.step(differs);
    expect(types(one.step(closed))).toEqual(['fail']);
    expect(one.core.phase).toBe('ended');
    const second = new Bench();
    second.hello(1, hello(1));
    second.logged(5, view(2, 'a', 'c', 'b'));
    second.step(closed);
    expect(types(second.step(differs))).toEqual(['fail']);
  });

  it('goes on with its log after a divergence where nobody else can', () => {
    const sole = Bench.synced();
    sole.step(differs);
    expect(asked(sole.step(closed))).toEqual(['claim 2']);
    expect(types(sole.answer({ type: 'won', view: view(3, 'b') }))).toContain('promote');
    // Its claim may be won, and then the others are left out.
    const claimed = new Bench();
    claimed.hello(1, hello(1));
    claimed.logged(5, view(2, 'a', 'b', 'c'));
    expect(asked(claimed.step(closed))).toEqual(['claim 2']);
    expect(types(claimed.step(differs))).toEqual([]);
    expect(types(claimed.answer({ type: 'lost', view: view(3, 'c') }))).toEqual(['fail']);
  });

  it('that differs and waits for its claim follows nobody, but is made anew', () => {
    const bench = Bench.synced();
    bench.step(closed);
    bench.step(differs);
    expect(types(bench.hello(2, hello(4, 'c')))).toEqual(['close', 'fail']);
  });

  it('that differs does not wait for ever for a primary that went without a word', () => {
    const bench = Bench.synced();
    bench.step(differs);
    expect(bench.core.deadline()).toBeDefined();
    expect(asked(bench.step({ type: 'suspect', reason: 'silent' }))).toEqual(['claim 2']);
  });

  it('gives a damaged copy up and tells the primary', () => {
    const effects = Bench.synced().step({ type: 'damaged', reason: 'a gap in the log' });
    expect(types(effects)).toEqual(['send', 'close', 'reset']);
  });

  it('made primary by force tells the primary it leaves the later epoch', () => {
    const forced = view(40, 'b');
    const effects = Bench.synced().step({ type: 'force', view: forced });
    expect(types(effects)).toEqual(['send', 'close', 'promote']);
    expect(effects[0]).toMatchObject({ link: 1, message: { type: 'refuse', epoch: 40 } });
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
