/** A live primary core and its backups, with no shell: for tests of what it lets out and when. */

import type { AckLevel } from '../../hypervisor/protocol/ack-level.ts';
import type { OwnLogMode } from '../../hypervisor/protocol/own-log.ts';
import { PrimaryCore } from '../../hypervisor/protocol/primary.ts';
import type { PrimaryEffect, PrimaryEvent } from '../../hypervisor/protocol/primary-events.ts';
import { asEpoch, asLsn, asMillis } from '../../log-format/index.ts';
import { ackOf, welcomeOf } from './messages.ts';

type Bare =
  PrimaryEvent<string> extends infer E ? (E extends unknown ? Omit<E, 'now'> : never) : never;
export type Effects = readonly PrimaryEffect<string>[];
type Acked = Partial<ReturnType<typeof ackOf>>;

/** A live primary, its backups in the view, and no output yet. */
export class Pair {
  readonly core: PrimaryCore<string>;
  lsn = 0;
  tokens = 0;
  now = 0;

  constructor(
    level: AckLevel,
    options: { quorum?: number; onLoss?: 'continue' | 'stop'; ownLog?: OwnLogMode } = {},
  ) {
    const { quorum = 0, onLoss = 'continue' } = options;
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
      ownLog: options.ownLog ?? (level === 'durable' ? 'durable' : 'none'),
      rule: { level, quorum, onLoss },
    });
    this.step({ type: 'start' });
    this.win();
  }

  step(event: Bare): Effects {
    const effects: PrimaryEffect<string>[] = [];
    this.core.step({ ...event, now: asMillis(this.now) } as PrimaryEvent<string>, effects);
    for (const { type } of [...effects])
      if (type === 'appendView' || type === 'appendStop') effects.push(...this.append());
    return effects;
  }

  append(): Effects {
    this.lsn += 1;
    const lsn = asLsn(this.lsn);
    const bytes = new Uint8Array(8);
    const batch = { epoch: this.core.view.epoch, firstLsn: lsn, lastLsn: lsn, bytes };
    return this.step({ type: 'appended', batch, stop: false });
  }

  /** One record, its output, and the end of its group with this hash. */
  turn(outputsCrc = 1): Effects {
    const shipped = this.append();
    const lsn = asLsn(this.lsn);
    const outputs = [{ lsn, bytes: 1, output: `o${lsn}` }];
    return [...shipped, ...this.step({ type: 'produced', lsn, outputs, end: { lsn, outputsCrc } })];
  }

  win(): Effects {
    const view = { ...this.core.view, epoch: asEpoch(this.core.view.epoch + 1) };
    return this.step({ type: 'answer', token: `t${this.tokens}`, answer: { type: 'won', view } });
  }

  ack(peer: string, acked: Acked = {}): Effects {
    const lsnReceived = acked.lsnReceived ?? asLsn(this.lsn);
    const message = ackOf({ epoch: this.core.view.epoch, lsnReceived, ...acked });
    return this.step({ type: 'message', peer, message });
  }

  join(...backups: (string | readonly [string, { readonly cold: boolean }])[]): this {
    const peers = backups.map((one) => (typeof one === 'string' ? one : one[0]));
    const all = { lsnDurable: asLsn(this.lsn), outputsCrc: 1 };
    if (this.lsn === 1) this.turn();
    this.step({ type: 'written', lsn: asLsn(this.lsn), durable: true });
    for (const backup of backups) {
      const [peer, traits] = typeof backup === 'string' ? [backup, {}] : backup;
      this.step({ type: 'linked', peer });
      const welcome = welcomeOf({ epoch: this.core.view.epoch, ...traits });
      this.step({ type: 'message', peer, message: welcome });
      this.step({ type: 'streamed', peer, lastLsn: asLsn(this.lsn), failure: undefined });
      this.ack(peer, { ...all, lsnDurable: asLsn(this.lsn) });
      this.win();
      for (const one of this.core.view.backups)
        this.ack(one, { ...all, lsnDurable: asLsn(this.lsn) });
      this.step({ type: 'written', lsn: asLsn(this.lsn), durable: true });
    }
    if (this.core.view.backups.join() !== peers.join()) throw new Error('they are not in the view');
    return this;
  }
}

export const released = (effects: Effects): string[] =>
  effects.flatMap((effect) =>
    effect.type === 'release' ? effect.outputs.map(({ output }) => output) : [],
  );

export const committed = (effects: Effects): number[] =>
  effects.flatMap((effect) => (effect.type === 'committed' ? [effect.id] : []));

export const noted = (effects: Effects): string[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [effect.note.type] : []));
