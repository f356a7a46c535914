import { describe, expect, it } from 'vitest';
import type { Message } from '../../../hypervisor/protocol/messages.ts';
import type { OwnLogMode } from '../../../hypervisor/protocol/own-log.ts';
import { PrimaryCore } from '../../../hypervisor/protocol/primary.ts';
import type { PrimaryEffect, PrimaryEvent } from '../../../hypervisor/protocol/primary-events.ts';
import { asEpoch, asLsn, asMillis, type EncodedBatch } from '../../../log-format/index.ts';
import { ackOf, welcomeOf } from '../../support/messages.ts';

type Bare =
  PrimaryEvent<string> extends infer E ? (E extends unknown ? Omit<E, 'now'> : never) : never;

/** A core and a bookkeeper for lsns, nothing else. */
class Bench {
  readonly core: PrimaryCore<string>;
  now = 0;
  lsn = 0;
  tokens = 0;

  constructor(ownLog: OwnLogMode = 'none') {
    this.core = new PrimaryCore<string>({
      id: 'a',
      vm: 'vm',
      detectMs: 50,
      newToken: () => `t${++this.tokens}`,
      hello: (_backup, epoch) => ({ type: 'released', epoch, lsnReleased: asLsn(0) }),
      view: undefined,
      epochLast: asEpoch(0),
      formerIds: [],
      lsnAppended: asLsn(0),
      lsnReleased: asLsn(0),
      ownLog,
      rule: { level: 'received', quorum: 0, onLoss: 'continue' },
    });
  }

  step(event: Bare): PrimaryEffect<string>[] {
    const effects: PrimaryEffect<string>[] = [];
    this.core.step({ ...event, now: asMillis(this.now) } as PrimaryEvent<string>, effects);
    const control = effects.some(({ type }) => type === 'appendView');
    if (control) effects.push(...this.append());
    if (effects.some(({ type }) => type === 'appendStop')) effects.push(...this.append(true));
    return effects;
  }

  append(stop = false, bytes = 10): PrimaryEffect<string>[] {
    this.lsn += 1;
    const batch: EncodedBatch = {
      epoch: this.core.view.epoch,
      firstLsn: asLsn(this.lsn),
      lastLsn: asLsn(this.lsn),
      bytes: new Uint8Array(bytes),
    };
    return this.step({ type: 'appended', batch, stop });
  }

  /** One record and the output it causes. */
  turn(bytes = 10): PrimaryEffect<string>[] {
    const effects = this.append(false, bytes);
    const lsn = asLsn(this.lsn);
    const outputs = [{ lsn, bytes: 10, output: `o${lsn}` }];
    return [...effects, ...this.step({ type: 'produced', lsn, outputs })];
  }

  win(): PrimaryEffect<string>[] {
    const pending = { ...this.core.view, epoch: asEpoch(this.core.view.epoch + 1) };
    return this.step({
      type: 'answer',
      token: `t${this.tokens}`,
      answer: { type: 'won', view: pending },
    });
  }

  hear(peer: string, message: Message): PrimaryEffect<string>[] {
    return this.step({ type: 'message', peer, message });
  }

  ack(peer: string, lsn: number, epoch: number = this.core.view.epoch): PrimaryEffect<string>[] {
    const lsnReceived = asLsn(lsn);
    return this.hear(peer, ackOf({ epoch: asEpoch(epoch), lsnReceived, lsnReplayed: asLsn(0) }));
  }

  /** Brings `peer` to the point where its acks count. */
  join(peer: string, traits: Parameters<typeof welcomeOf>[0] = {}): PrimaryEffect<string>[] {
    this.step({ type: 'linked', peer });
    this.hear(peer, welcomeOf({ epoch: this.core.view.epoch, ...traits }));
    this.step({ type: 'streamed', peer, lastLsn: asLsn(this.lsn), failure: undefined });
    return this.append().concat(this.ack(peer, this.lsn));
  }

  static live(ownLog: OwnLogMode = 'none'): Bench {
    const bench = new Bench(ownLog);
    bench.step({ type: 'start' });
    bench.win();
    return bench;
  }

  static protectedBy(...peers: string[]): Bench {
    return Bench.live().protect(...peers);
  }

  protect(...peers: string[]): this {
    for (const peer of peers) {
      this.join(peer);
      this.win();
      this.ack(peer, this.lsn);
      for (const other of this.core.view.backups) this.ack(other, this.lsn);
    }
    return this;
  }
}

function released(effects: readonly PrimaryEffect<string>[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === 'release' ? effect.outputs.map(({ output }) => output) : [],
  );
}

function claims(effects: readonly PrimaryEffect<string>[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === 'ask' && effect.question.type === 'claim'
      ? [`${effect.question.claim.next.epoch}:${effect.question.claim.next.backups.join(',')}`]
      : [],
  );
}

describe('PrimaryCore', () => {
  it('lets nothing out before it has won its first view', () => {
    const bench = new Bench();
    bench.step({ type: 'start' });
    expect(bench.core.live).toBe(false);
    expect(released(bench.win())).toEqual([]);
    expect(released(bench.turn())).toEqual(['o2']);
  });

  it('waits for a newcomer from before the claim that names it', () => {
    const bench = Bench.live();
    expect(claims(bench.join('b'))).toEqual(['2:b']);
    const effects = bench.turn();
    expect(released(effects)).toEqual([]);
    expect(released(bench.ack('b', bench.lsn))).toEqual([`o${bench.lsn}`]);
  });

  it('ranks a cold backup behind a hot one of the same priority, whoever joined first', () => {
    const bench = Bench.live();
    bench.join('cold', { cold: true });
    bench.win();
    bench.ack('cold', bench.lsn);
    expect(claims(bench.join('hot'))).toEqual(['3:hot,cold']);
  });

  it('says that it is fenced when it hears of a later view unasked, and lets nothing out any more', () => {
    const bench = Bench.protectedBy('b');
    bench.turn();
    const view = { epoch: asEpoch(9), primary: 'z', backups: [] };
    const effects = bench.step({ type: 'deposed', view });
    expect(effects).toEqual([
      { type: 'note', note: { type: 'fenced', view, discarded: 1 } },
      { type: 'halt', view, discarded: 1 },
    ]);
    expect(bench.core.ended).toBe(true);
    expect(released(bench.ack('b', bench.lsn))).toEqual([]);
  });

  it('does not claim for a newcomer that lacks something that has left', () => {
    const bench = Bench.live();
    bench.step({ type: 'linked', peer: 'b' });
    bench.hear('b', welcomeOf({}));
    bench.step({ type: 'streamed', peer: 'b', lastLsn: asLsn(bench.lsn), failure: undefined });
    const caughtUp = bench.lsn;
    bench.turn();
    bench.append();
    expect(claims(bench.ack('b', caughtUp))).toEqual([]);
    expect(claims(bench.ack('b', bench.lsn))).toEqual(['2:b']);
  });

  it('alone, releases nothing before its own log is written, asks once, and starts no turn', () => {
    const bench = Bench.live('written');
    const first = bench.turn();
    expect(released(first)).toEqual([]);
    expect(first.filter(({ type }) => type === 'write')).toHaveLength(1);
    expect(bench.core.throttled).toBe(true);
    const lsn = asLsn(bench.lsn);
    const second = bench.turn();
    expect(released(second)).toEqual([]);
    expect(second.filter(({ type }) => type === 'write')).toEqual([]);
    const written = bench.step({ type: 'written', lsn, durable: true });
    expect(released(written)).toEqual([`o${lsn}`]);
    expect(written.filter(({ type }) => type === 'write')).toHaveLength(1);
    expect(released(bench.step({ type: 'written', lsn: asLsn(bench.lsn), durable: true }))).toEqual(
      [`o${bench.lsn}`],
    );
    expect(bench.core.throttled).toBe(false);
  });

  it('with a backup waits for its own log as well, as safe as it was asked to be', () => {
    for (const mode of ['written', 'durable'] as const) {
      const bench = Bench.live(mode).protect('b');
      const durable = mode === 'durable';
      const before = bench.step({ type: 'written', lsn: asLsn(bench.lsn), durable: true });
      expect(before.filter(({ type }) => type === 'write')).toEqual([]);
      expect(bench.turn().filter(({ type }) => type === 'write')).toEqual([
        { type: 'write', durable },
      ]);
      expect(released(bench.ack('b', bench.lsn))).toEqual([]);
      expect(bench.core.throttled).toBe(false);
      const lsn = asLsn(bench.lsn);
      const inKernel = bench.step({ type: 'written', lsn, durable: false });
      expect(released(inKernel)).toEqual(durable ? [] : [`o${lsn}`]);
      if (durable)
        expect(released(bench.step({ type: 'written', lsn, durable }))).toEqual([`o${lsn}`]);
    }
  });

  it('releases with two backups what both have', () => {
    const bench = Bench.protectedBy('b', 'c');
    expect(bench.core.view.backups).toEqual(['b', 'c']);
    bench.turn();
    expect(released(bench.ack('b', bench.lsn))).toEqual([]);
    expect(released(bench.ack('c', bench.lsn))).toEqual([`o${bench.lsn}`]);
  });

  it('holds outputs until the view without a lost backup is won', () => {
    const bench = Bench.protectedBy('b');
    bench.turn();
    const lsn = bench.lsn;
    const effects = bench.step({ type: 'closed', peer: 'b', reason: 'reset' });
    expect(claims(effects)).toEqual(['3:']);
    expect(released(effects)).toEqual([]);
    for (let ms = 0; ms < 60_000; ms += 1_000) {
      bench.now = ms;
      expect(released(bench.step({ type: 'deadline' }))).toEqual([]);
    }
    expect(released(bench.win())).toEqual([`o${lsn}`]);
  });

  it('ends fenced and throws held outputs away when its claim is lost', () => {
    const bench = Bench.protectedBy('b');
    bench.turn();
    bench.step({ type: 'closed', peer: 'b', reason: 'reset' });
    const view = { epoch: asEpoch(3), primary: 'b', backups: [] };
    const effects = bench.step({
      type: 'answer',
      token: `t${bench.tokens}`,
      answer: { type: 'lost', view },
    });
    expect(effects).toContainEqual({ type: 'halt', view, discarded: 1 });
    expect(bench.core.ended).toBe(true);
    expect(bench.step({ type: 'deadline' })).toEqual([]);
  });

  it('ignores an ack of an earlier epoch', () => {
    const bench = Bench.protectedBy('b');
    bench.turn();
    expect(released(bench.ack('b', bench.lsn, 1))).toEqual([]);
    expect(released(bench.ack('b', bench.lsn))).toHaveLength(1);
  });

  it('gives up a backup that acknowledges what it was never sent', () => {
    const bench = Bench.protectedBy('b');
    const effects = bench.ack('b', bench.lsn + 5);
    expect(effects.map(({ type }) => type)).toContain('close');
    expect(claims(effects)).toEqual(['3:']);
  });

  it('does not dial a backup that a view still names', () => {
    const bench = Bench.protectedBy('b');
    bench.step({ type: 'closed', peer: 'b', reason: 'reset' });
    expect(bench.core.canLink('b')).toBe(false);
    bench.win();
    expect(bench.core.canLink('b')).toBe(true);
  });

  it('stops the guest when a window is full and lets it go on at half', () => {
    const bench = Bench.protectedBy('b');
    const lsn = bench.lsn;
    const on = { type: 'throttle', on: true };
    expect(bench.append(false, 60 << 20)).not.toContainEqual(on);
    expect(bench.append(false, 5 << 20)).toContainEqual(on);
    expect(bench.core.throttled).toBe(true);
    expect(bench.ack('b', lsn + 1)).toContainEqual({ type: 'throttle', on: false });
  });

  it('ends a deliberate stop only when the backup has the stop record', () => {
    const bench = Bench.protectedBy('b');
    bench.turn();
    const types = (effects: PrimaryEffect<string>[]): string[] => effects.map(({ type }) => type);
    expect(types(bench.step({ type: 'stop', code: 3, reason: 'test' }))).toEqual([]);
    const drained = bench.ack('b', bench.lsn);
    expect(released(drained)).toHaveLength(1);
    expect(types(drained)).toContain('appendStop');
    const finished = bench.ack('b', bench.lsn);
    expect(finished).toContainEqual({ type: 'finish', code: 3, reason: 'test', confirmed: true });
    expect(types(finished)).toContain('send');
  });

  it('says so when a stop could not be confirmed', () => {
    const bench = Bench.protectedBy('b');
    bench.step({ type: 'stop', code: 0, reason: 'test' });
    bench.step({ type: 'closed', peer: 'b', reason: 'reset' });
    bench.now = 5_001;
    const effects = bench.step({ type: 'deadline' });
    expect(effects).toContainEqual({
      type: 'finish',
      code: 0,
      reason: 'test',
      confirmed: false,
    });
  });
});
