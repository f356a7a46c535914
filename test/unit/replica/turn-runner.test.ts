import { describe, expect, it } from 'vitest';
import type {
  Checkpointer,
  Clock,
  LogStore,
  MachinePort,
  TurnsResult,
} from '../../../hypervisor/ports.ts';
import { EpochHistory } from '../../../hypervisor/protocol/history.ts';
import { Journal } from '../../../hypervisor/replica/journal.ts';
import { TurnRunner } from '../../../hypervisor/replica/turn-runner.ts';
import { VirtualClock } from '../../../hypervisor/replica/virtual-clock.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  asMillis,
  decodeBatch,
  FrameReader,
  INTERRUPT,
  type LogRecord,
} from '../../../log-format/index.ts';

const STARTED = asMicros(1_000_000);

const RESULT: TurnsResult = {
  outputs: [],
  end: { ticks: 0, digest: 0, outputs: 0, outputsCrc: 0, checks: new Uint8Array() },
  alarmAt: undefined,
  immediatesLeft: false,
  halted: undefined,
} as unknown as TurnsResult;

/** A runner whose host does what it has deferred when the test says so, and a guest that does nothing. */
class Lab {
  readonly #deferred: (() => void)[] = [];
  readonly records: LogRecord[] = [];
  readonly runner: TurnRunner;
  readonly taken: number[] = [];
  wake: () => void = () => undefined;
  wanted = false;
  mayRun = true;
  /** Set: turns do not come to their end by themselves. */
  #finish: (() => void) | undefined;
  holdsTurns = false;

  constructor() {
    const clock: Clock = {
      now: () => asMillis(1),
      wall: () => STARTED,
      setTimer: () => ({ cancel: () => undefined }),
      defer: (run) => this.#deferred.push(run),
    };
    const store = {
      discards: false,
      append: ({ bytes }: { readonly bytes: Uint8Array }) => {
        const reader = new FrameReader(1 << 20);
        reader.push(bytes);
        const read = reader.next();
        if (read.type !== 'frame') throw new Error('a batch is one frame');
        this.records.push(...decodeBatch(read.frame.payload, STARTED).records);
      },
    } as unknown as LogStore;
    const journal = new Journal({ clock, store, startedAt: STARTED, history: new EpochHistory() });
    const machine = {
      run: (_turns: unknown, _midTurn: unknown, done: (result: TurnsResult) => void) => {
        if (this.holdsTurns) this.#finish = () => done(RESULT);
        else done(RESULT);
      },
      figures: () => ({
        ...{ turns: 1, heapBytes: 1, heapBlocks: 1, pages: 1 },
        memory: new Uint8Array(16),
      }),
    } as unknown as MachinePort;
    const checkpoints: Checkpointer = {
      ran: () => this.wanted,
      onWanted: (wake) => {
        this.wake = wake;
      },
      take: ({ lsn }) => {
        this.wanted = false;
        this.taken.push(lsn);
      },
    };
    this.runner = new TurnRunner({
      ...{ clock, journal, machine, checkpoints },
      virtual: new VirtualClock(STARTED),
      recordOutput: undefined,
      view: () => ({ epoch: asEpoch(1), primary: 'a', backups: [] }),
      outputsWait: () => false,
      mayRun: () => this.mayRun,
      flush: () => journal.flush(asEpoch(1)),
      produced: () => undefined,
      halted: () => undefined,
    });
    this.runner.begin({ alarmAt: undefined, immediatesLeft: false, halted: undefined });
  }

  settle(): void {
    for (let act = this.#deferred.shift(); act !== undefined; act = this.#deferred.shift()) act();
  }

  finishTurn(): void {
    this.#finish?.();
    this.settle();
  }

  get types(): readonly string[] {
    return this.records.map(({ type }) => type);
  }
}

const NEWS = { kind: INTERRUPT.stdinEnd, id: 0, num: 0, payload: undefined };

describe('a checkpoint that somebody waits for', () => {
  it('makes an idle guest end a group, by a signal no guest listens for', () => {
    const lab = new Lab();
    lab.wanted = true;
    lab.wake();
    lab.settle();
    expect(lab.types).toEqual(['interrupt', 'checkpoint', 'end']);
    expect(lab.records[0]).toMatchObject({ kind: INTERRUPT.signal, id: 0, payload: undefined });
    expect(lab.taken).toEqual([asLsn(3)]);
  });

  it('adds nothing to a guest that is about to end one anyway', () => {
    const lab = new Lab();
    lab.wanted = true;
    lab.runner.push(NEWS);
    lab.wake();
    lab.settle();
    expect(lab.types).toEqual(['interrupt', 'checkpoint', 'end']);
    expect(lab.records[0]).toMatchObject({ kind: INTERRUPT.stdinEnd });
  });

  it('adds nothing while a group is under way', () => {
    const lab = new Lab();
    lab.holdsTurns = true;
    lab.runner.push(NEWS);
    lab.settle();
    lab.wanted = true;
    lab.wake();
    lab.finishTurn();
    expect(lab.types).toEqual(['interrupt', 'checkpoint', 'end']);
    expect(lab.taken).toEqual([asLsn(3)]);
  });

  it('waits where no turn may run, and comes when one may', () => {
    const lab = new Lab();
    lab.mayRun = false;
    lab.wanted = true;
    lab.wake();
    lab.settle();
    expect(lab.types).toEqual([]);
    lab.mayRun = true;
    lab.runner.schedule();
    lab.settle();
    expect(lab.types).toEqual(['interrupt', 'checkpoint', 'end']);
  });
});
