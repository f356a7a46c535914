import { describe, expect, it } from 'vitest';
import type { BackupMachine, ReopenedCopy, RestoredStanding } from '../../../hypervisor/ports.ts';
import type { AckLevel } from '../../../hypervisor/protocol/ack-level.ts';
import type { BackupPorts } from '../../../hypervisor/replica/hooks.ts';
import { LogCopy } from '../../../hypervisor/replica/log-copy.ts';
import type { LogCopyHandlers } from '../../../hypervisor/replica/log-copy-types.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  encodeBatch,
  INTERRUPT,
  type LogRecord,
} from '../../../log-format/index.ts';
import { helloOf } from '../../support/messages.ts';
import { sampleHeader } from '../log-format/samples.ts';

const HEADER = sampleHeader();
const SNAPSHOT = asLsn(10);
const STATE = { alarmAt: undefined, immediatesLeft: false, halted: undefined };
const STANDING: RestoredStanding = { outputsCrc: 77, state: STATE, held: [] };

const GROUP: readonly LogRecord[] = [
  {
    type: 'interrupt',
    kind: INTERRUPT.check,
    time: asMicros(HEADER.startedAt + 1),
    ...{ id: 0, num: 0, payload: undefined },
  },
  { type: 'end', ticks: 5, digest: 6, outputs: 1, outputsCrc: 88, checks: new Uint8Array() },
] as unknown as readonly LogRecord[];

/** A copy that joins by a snapshot at record 10, whose machine is restored when the test says so. */
class Lab {
  readonly heard: string[] = [];
  readonly appended: number[] = [];
  readonly #deferred: (() => void)[] = [];
  readonly copy: LogCopy;
  /** Groups that the machine was given, with the way to answer. */
  readonly replays: (() => void)[] = [];
  disposed = 0;
  readonly handlers: LogCopyHandlers = {
    logged: (lsn) => this.heard.push(`logged ${lsn}`),
    replayed: (lsn, crc) => this.heard.push(`replayed ${lsn} ${crc}`),
    durable: () => undefined,
    diverged: () => this.heard.push('diverged'),
    damaged: () => this.heard.push('damaged'),
  };
  #joined: (copy: ReopenedCopy | undefined) => void = () => undefined;
  #restored: (standing: RestoredStanding) => void = () => undefined;

  constructor(level: AckLevel) {
    const ports = {
      clock: { now: () => 1, defer: (run: () => void) => this.#deferred.push(run) },
      openArbiter: () => ({}),
      retain: () => undefined,
      join: (
        _hello: unknown,
        _snapshot: unknown,
        done: (copy: ReopenedCopy | undefined) => void,
      ) => {
        this.#joined = done;
        return { beginning: () => undefined, piece: () => undefined, abandon: () => undefined };
      },
    } as unknown as BackupPorts;
    const hello = helloOf({ rule: { level, quorum: 0, onLoss: 'continue' } });
    this.copy = LogCopy.join(
      {
        ...{ ports, hello, cold: false },
        handlers: this.handlers,
      },
      { lsn: SNAPSHOT, files: [] },
      (act) => act({ lsnReleased: asLsn(0) }),
    );
  }

  /** The snapshot is on disk. */
  join(): void {
    const machine = {
      replay: (_group: unknown, done: (result: unknown, divergence: undefined) => void) => {
        this.replays.push(() =>
          done({ ...STATE, outputs: [], end: { outputsCrc: 88 } }, undefined),
        );
      },
      dispose: () => {
        this.disposed += 1;
      },
    } as unknown as BackupMachine;
    this.#joined({
      store: {
        append: ({ lastLsn }: { readonly lastLsn: number }) => this.appended.push(lastLsn),
        checkpoint: () => undefined,
        close: (done: () => void) => done(),
      } as unknown as ReopenedCopy['store'],
      base: { header: HEADER, blobs: [] },
      ...{ machine, lsnReplayed: SNAPSHOT, outputsCrc: 0, timeLast: HEADER.startedAt },
      history: { epochs: [], lsnFirst: asLsn(11), lsnLast: SNAPSHOT },
      ...{ state: STATE, tail: undefined, held: [] },
      restoring: (done) => {
        this.#restored = done;
      },
    });
  }

  restore(): void {
    this.#restored(STANDING);
    this.settle();
  }

  batch(firstLsn: number, records: readonly LogRecord[]): void {
    const batch = { epoch: asEpoch(1), firstLsn: asLsn(firstLsn), records };
    this.copy.append(encodeBatch(batch, HEADER.startedAt));
    this.settle();
  }

  settle(): void {
    for (let act = this.#deferred.shift(); act !== undefined; act = this.#deferred.shift()) act();
  }
}

describe('a copy that is opened again', () => {
  const reopening = (): { lab: Lab; copy: LogCopy; opened: (copy?: ReopenedCopy) => void } => {
    const lab = new Lab('received');
    let opened: (copy: ReopenedCopy | undefined) => void = () => undefined;
    const ports = {
      ...{ openArbiter: () => ({}), clock: { now: () => 1, defer: () => undefined } },
      reopen: (_hello: unknown, _at: unknown, done: typeof opened) => {
        opened = done;
      },
    } as unknown as BackupPorts;
    const options = { ports, hello: helloOf({}), cold: false, handlers: lab.handlers };
    const copy = LogCopy.reopen(options, asLsn(5), (act) => act({ lsnReleased: asLsn(0) }));
    return { lab, copy, opened: (found) => opened(found) };
  };

  it('keeps the disk until it has been opened, if another one is to take its place meanwhile', () => {
    for (const found of ['a copy', 'nothing'] as const) {
      const { copy, opened } = reopening();
      const story: string[] = [];
      copy.discard(() => story.push('free'));
      expect(story).toEqual([]);
      const store = { close: (done: () => void) => done() };
      const machine = { dispose: () => story.push('disposed') };
      if (found === 'nothing') opened();
      else opened({ store, machine } as unknown as ReopenedCopy);
      expect(story).toEqual(found === 'nothing' ? ['free'] : ['disposed', 'free']);
    }
  });
});

describe('a copy whose machine is still being restored from a snapshot', () => {
  it('has the log at once, and no word of a replay until the machine is there', () => {
    const lab = new Lab('received');
    lab.join();
    lab.batch(11, GROUP);
    expect(lab.heard).toEqual(['logged 10', 'logged 12']);
    expect(lab.appended).toEqual([12]);
    expect(lab.copy.opening).toBe(true);
    lab.restore();
    expect(lab.copy.opening).toBe(false);
    expect(lab.heard.slice(2)).toEqual(['replayed 10 77']);
    expect(lab.replays).toHaveLength(1);
    lab.replays[0]?.();
    expect(lab.heard.slice(3)).toEqual(['replayed 12 88']);
  });

  it('does not run over control records before, whose hash of outputs it cannot tell', () => {
    const lab = new Lab('received');
    lab.join();
    const time = asMicros(HEADER.startedAt + 1);
    const view = { type: 'view', time, epoch: asEpoch(2), primary: 'a', backups: ['b'] } as const;
    lab.batch(11, [view]);
    expect(lab.heard).toEqual(['logged 10', 'logged 11']);
    lab.restore();
    expect(lab.heard.slice(2)).toEqual(['replayed 10 77', 'replayed 11 77']);
  });

  it.each(['replayed', 'verified'] as const)(
    'enters no view in which outputs wait for replays: %s',
    (level) => {
      const lab = new Lab(level);
      lab.join();
      lab.batch(11, GROUP);
      expect(lab.heard).toEqual([]);
      expect(lab.copy.opening).toBe(true);
      lab.restore();
      expect(lab.heard).toEqual(['logged 10', 'replayed 10 77', 'logged 12']);
      expect(lab.copy.opening).toBe(false);
      expect(lab.replays).toHaveLength(1);
    },
  );

  it.each(['received', 'replayed'] as const)(
    'that is given up takes its machine with it: %s',
    (level) => {
      const lab = new Lab(level);
      lab.join();
      lab.copy.discard();
      lab.restore();
      expect(lab.disposed).toBeGreaterThan(0);
      expect(lab.heard.filter((word) => word.startsWith('replayed'))).toEqual([]);
    },
  );
});

describe('a copy that is opened again', () => {
  /** What the host is told to have left, for a copy cut at record 40. */
  function leftAt(settled: number, known: number): number {
    const told: number[] = [];
    const ports = {
      clock: { now: () => 1 },
      openArbiter: () => ({}),
      reopen: (_hello: unknown, at: { readonly lsnReleased: number }) => told.push(at.lsnReleased),
    } as unknown as BackupPorts;
    const hello = helloOf({ lsnSettled: asLsn(settled) });
    const handlers = {} as unknown as LogCopyHandlers;
    const options = { ports, hello, cold: false, handlers };
    const copy = LogCopy.reopen(options, asLsn(40), (act) => act({ lsnReleased: asLsn(known) }));
    expect(told).toEqual([copy.lsnReleased]);
    return copy.lsnReleased;
  }

  it('takes what it has heard of, or the word of its primary, for what has left', () => {
    expect(leftAt(30, 0)).toBe(30);
    expect(leftAt(0, 20)).toBe(20);
    expect(leftAt(30, 20)).toBe(30);
  });

  it('does not take more for left than it has', () => {
    expect(leftAt(90, 0)).toBe(40);
  });
});
