/**
 * A guest as small as it can be and still tell everything: its outputs depend on all records before,
 * some turns take a mid-turn record, some arm the alarm or leave an immediate behind. Deterministic:
 * two of them fed the same records are equal.
 */

import type {
  CheckpointFigures,
  HeldOutput,
  MachineDivergence,
  NetTable,
  Output,
  ReplayGroup,
  TurnsResult,
} from '../../hypervisor/ports.ts';
import {
  asLsn,
  asMicros,
  asTicks,
  COMMIT_LEVELS,
  type CommitLevel,
  encodeBlob,
  encodeHeader,
  INTERRUPT,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  type MidTurnRecord,
  type PendingCommit,
} from '../../log-format/index.ts';
import { getUint32, setUint32 } from './bytes.ts';
import {
  type MachineKind,
  type MachineWorld,
  type SavedMachine,
  type SimMachine,
  setCause,
} from './sim-machine.ts';
import { HEADER } from './sim-store.ts';

export const REQUEST_BYTES = 8;
export const REPLY_BYTES = 16;
/** A request with this number ends the guest. */
export const EXIT_NUMBER = 0xffff_ffff;

type MidTurnSource = (turn: Lsn, ticks: number) => MidTurnRecord | undefined;

/** What a guest asks whom it calls, and what it is answered. */
export const CALL_BYTES = 4;

interface Connection {
  inOffset: number;
  outOffset: number;
}

export interface ToyOptions {
  /** It asks to be told how safe it is. */
  readonly commits: boolean;
  /** After how many requests it calls somebody, again and again; 0: never. */
  readonly callsEvery: number;
}

/** All that outlives a turn. A guest that has ended is not saved. */
interface Saved {
  readonly digest: number;
  readonly ticks: number;
  readonly outputs: number;
  readonly outputsCrc: number;
  readonly requests: number;
  readonly lines: number;
  readonly commitLast: number;
  readonly pending: readonly (readonly [number, CommitLevel])[];
  readonly callLast: number;
  readonly now: number;
  readonly alarmAt: Micros | undefined;
  readonly immediate: boolean;
  readonly listening: boolean;
  readonly connections: readonly (readonly [number, Connection])[];
  readonly acceptedMax: number;
}

export class ToyMachine implements SimMachine {
  digest = 1;
  #ticks = 0;
  #outputs = 0;
  #outputsCrc = 0;
  #requests = 0;
  #lines = 0;
  #commitLast = 0;
  readonly #pending = new Map<number, CommitLevel>();
  readonly #options: ToyOptions;
  #callLast = -1;
  #now = 0;
  #alarmAt: Micros | undefined;
  #immediate = false;
  #halted: { code: number; reason: string } | undefined;
  #listening = false;
  #connections = new Map<number, Connection>();
  #acceptedMax = 0;
  #cause: Lsn = asLsn(0);
  #out: HeldOutput[] = [];
  readonly #world: MachineWorld;

  constructor(world: MachineWorld, options: ToyOptions) {
    this.#world = world;
    this.#options = options;
  }

  get fingerprint(): number {
    return this.digest;
  }

  get callsOpen(): number {
    let open = 0;
    for (const id of this.#connections.keys()) if (id % 2 === 1) open += 1;
    return open;
  }

  flip(): void {
    this.digest ^= 1;
  }

  run(
    turns: readonly { readonly lsn: Lsn; readonly record: InterruptRecord }[],
    onMidTurn: (record: MidTurnRecord) => Lsn,
    done: (result: TurnsResult) => void,
  ): void {
    for (const { lsn, record } of turns) {
      this.#turn(lsn, record, (turn, ticks) => {
        const time = this.#world.resync();
        if (time === undefined || time <= this.#now) return undefined;
        const resync: MidTurnRecord = { type: 'resync', turn, ticks: asTicks(ticks), time };
        this.#cause = onMidTurn(resync);
        return resync;
      });
    }
    done(this.#collect());
  }

  replay(
    group: ReplayGroup,
    done: (result: TurnsResult, divergence: MachineDivergence | undefined) => void,
  ): void {
    const last = group.records.at(-1);
    if (last?.type !== 'end') throw new Error('a replayed group has its end');
    const got = this.#replay(group);
    const { type: _, ...expected } = last;
    const lsn = asLsn(group.firstLsn + group.records.length - 1);
    const same =
      got.end.ticks === expected.ticks &&
      got.end.digest === expected.digest &&
      got.end.outputs === expected.outputs &&
      got.end.outputsCrc === expected.outputsCrc;
    const rest = { turn: undefined, output: undefined, checkpoint: undefined };
    done(got, same ? undefined : { lsn, expected, got: got.end, ...rest });
  }

  settle(group: ReplayGroup, done: (result: TurnsResult) => void): void {
    done(this.#replay(group));
  }

  pendingCommits(): readonly PendingCommit[] {
    return [...this.#pending].map(([id, level]) => ({ id, level }));
  }

  figures(): CheckpointFigures {
    const memory = new Uint8Array(16);
    setUint32(memory, 0, this.digest);
    return { turns: this.#requests, heapBytes: this.#lines, heapBlocks: 0, pages: 0, memory };
  }

  save(): SavedMachine {
    const { alarmAt, immediatesLeft, halted, end } = this.#collect();
    const saved: Saved = {
      digest: this.digest,
      ticks: this.#ticks,
      outputs: this.#outputs,
      outputsCrc: this.#outputsCrc,
      requests: this.#requests,
      lines: this.#lines,
      commitLast: this.#commitLast,
      pending: [...this.#pending],
      callLast: this.#callLast,
      now: this.#now,
      alarmAt: this.#alarmAt,
      immediate: this.#immediate,
      listening: this.#listening,
      connections: [...this.#connections],
      acceptedMax: this.#acceptedMax,
    };
    const state = { alarmAt, immediatesLeft, halted };
    return { machine: JSON.stringify(saved), outputsCrc: end.outputsCrc, state };
  }

  static restored(world: MachineWorld, options: ToyOptions, text: string): ToyMachine {
    const saved = JSON.parse(text) as Saved;
    const machine = new ToyMachine(world, options);
    machine.digest = saved.digest;
    machine.#ticks = saved.ticks;
    machine.#outputs = saved.outputs;
    machine.#outputsCrc = saved.outputsCrc;
    machine.#requests = saved.requests;
    machine.#lines = saved.lines;
    machine.#commitLast = saved.commitLast;
    for (const [id, level] of saved.pending) machine.#pending.set(id, level);
    machine.#callLast = saved.callLast;
    machine.#now = saved.now;
    machine.#alarmAt = saved.alarmAt;
    machine.#immediate = saved.immediate;
    machine.#listening = saved.listening;
    machine.#connections = new Map(saved.connections);
    machine.#acceptedMax = saved.acceptedMax;
    return machine;
  }

  netTable(): NetTable {
    const listener = { id: 1, host: '', port: 80, backlog: 0, bound: true };
    return {
      listeners: this.#listening ? [listener] : [],
      connections: [...this.#connections].map(([id, { inOffset, outOffset }]) => ({
        id,
        inOffset,
        outOffset,
        connecting: false,
      })),
      acceptedMax: this.#acceptedMax,
    };
  }

  #replay(group: ReplayGroup): TurnsResult {
    const mid = new Map<number, { readonly lsn: Lsn; readonly record: MidTurnRecord }>();
    group.records.forEach((record, index) => {
      if (record.type !== 'resync' && record.type !== 'stopAt') return;
      mid.set(record.turn, { lsn: asLsn(group.firstLsn + index), record });
    });
    group.records.forEach((record: LogRecord, index) => {
      if (record.type === 'view' || record.type === 'stop') throw new Error('control in a group');
      if (record.type !== 'interrupt') return;
      this.#turn(asLsn(group.firstLsn + index), record, (turn) => {
        const found = mid.get(turn);
        if (found !== undefined) this.#cause = found.lsn;
        return found?.record;
      });
    });
    return this.#collect();
  }

  #turn(lsn: Lsn, record: InterruptRecord, source: MidTurnSource): void {
    if (this.#halted !== undefined) return;
    this.#cause = lsn;
    this.#now = Math.max(this.#now, record.time);
    this.#ticks += 10;
    this.#immediate = false;
    this.#mix(record.kind);
    this.#mix(record.id);
    this.#mix(record.time % 1_000_003);
    this.#dispatch(record, source);
  }

  #dispatch(record: InterruptRecord, source: MidTurnSource): void {
    switch (record.kind) {
      case INTERRUPT.boot:
        this.#listening = true;
        this.#emit({ device: 'net', op: 'listen', id: 1, host: '', port: 80, backlog: 0 });
        return;
      case INTERRUPT.netAccept:
        this.#connections.set(record.id, { inOffset: 0, outOffset: 0 });
        this.#acceptedMax = Math.max(this.#acceptedMax, record.id);
        return;
      case INTERRUPT.netConnected:
        this.#ask(record.id);
        return;
      case INTERRUPT.netClose:
        // Whom it called is gone, and whether the call was heard nobody knows: it says so.
        if (this.#connections.delete(record.id) && record.id % 2 === 1) this.#line();
        return;
      case INTERRUPT.netData:
        if (record.id % 2 === 1) this.#connections.delete(record.id);
        else this.#request(record, source);
        return;
      case INTERRUPT.alarm:
        this.#alarmAt = undefined;
        this.#line();
        return;
      case INTERRUPT.check:
        this.#line();
        return;
      case INTERRUPT.committed:
        if (!this.#pending.delete(record.id)) throw new Error('a commit is answered once');
        return;
      case INTERRUPT.reseed:
        for (const byte of record.payload ?? []) this.#mix(byte);
        return;
      default:
        return;
    }
  }

  #request(record: InterruptRecord, source: MidTurnSource): void {
    const connection = this.#connections.get(record.id);
    const { payload } = record;
    if (connection === undefined || payload === undefined) return;
    const number = getUint32(payload, 4);
    connection.inOffset += payload.length;
    this.#requests += 1;
    this.#mix(number);
    if (number === EXIT_NUMBER) {
      this.#halted = { code: 7, reason: 'exit' };
      this.#emit({ device: 'exit', code: 7 });
      return;
    }
    if (this.#requests % 5 === 0) this.#line();
    const { commits, callsEvery } = this.#options;
    if (callsEvery > 0 && this.#requests % callsEvery === 0) this.#call();
    if (commits && this.#requests % 6 === 0) this.#commit();
    if (this.#requests % 3 === 0) {
      const resync = source(this.#cause, this.#ticks);
      if (resync?.type === 'resync') {
        this.#now = Math.max(this.#now, resync.time);
        this.#mix(resync.time % 1_000_003);
      }
    }
    if (this.#requests % 4 === 0) this.#alarmAt ??= asMicros(this.#now + 3_000);
    if (this.#requests % 7 === 0) this.#immediate = true;
    const bytes = new Uint8Array(REPLY_BYTES);
    setUint32(bytes, 0, getUint32(payload, 0));
    setUint32(bytes, 4, number);
    setUint32(bytes, 8, this.#requests);
    setUint32(bytes, 12, this.digest);
    const { outOffset } = connection;
    connection.outOffset += bytes.length;
    this.#emit({ device: 'net', op: 'write', id: record.id, offset: outOffset, bytes });
  }

  #call(): void {
    this.#callLast += 2;
    const id = this.#callLast;
    this.#connections.set(id, { inOffset: 0, outOffset: 0 });
    this.#emit({ device: 'net', op: 'connect', id, host: '', port: 81 });
  }

  #ask(id: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    const bytes = new Uint8Array(CALL_BYTES);
    setUint32(bytes, 0, this.digest);
    connection.outOffset = CALL_BYTES;
    this.#emit({ device: 'net', op: 'write', id, offset: 0, bytes });
  }

  #commit(): void {
    this.#commitLast += 1;
    const id = this.#commitLast;
    const level = COMMIT_LEVELS[id % COMMIT_LEVELS.length] ?? 'durable';
    this.#pending.set(id, level);
    this.#emit({ device: 'commit', id, level });
  }

  /** A line on the console, numbered: the same number must always carry the same text. */
  #line(): void {
    this.#lines += 1;
    const bytes = new Uint8Array(8);
    setUint32(bytes, 0, this.#lines);
    setUint32(bytes, 4, this.digest);
    this.#emit({ device: 'console', fd: 1, bytes });
  }

  #emit(output: Output): void {
    this.#outputs += 1;
    this.#outputsCrc = Math.imul(this.#outputsCrc ^ this.digest, 0x01000193) >>> 0;
    const held = { lsn: this.#cause, output };
    setCause(held);
    this.#out.push(held);
  }

  #mix(value: number): void {
    this.digest = Math.imul(this.digest ^ value, 0x01000193) >>> 0;
  }

  #collect(): TurnsResult {
    const outputs = this.#out;
    this.#out = [];
    return {
      outputs,
      end: {
        ticks: asTicks(this.#ticks),
        digest: this.digest,
        outputs: this.#outputs,
        outputsCrc: this.#outputsCrc,
        checks: new Uint8Array(),
      },
      alarmAt: this.#halted === undefined ? this.#alarmAt : undefined,
      immediatesLeft: this.#halted === undefined && this.#immediate,
      halted: this.#halted,
    };
  }
}

function kindOf(options: ToyOptions): Pick<MachineKind, 'build' | 'restore'> {
  return {
    build: (world) => new ToyMachine(world, options),
    restore: (world, saved) => ToyMachine.restored(world, options, saved),
  };
}

export const TOY: MachineKind = {
  name: 'toy',
  header: HEADER,
  frames: [
    encodeHeader(HEADER),
    encodeBlob({
      name: 'image',
      hash: HEADER.imageHash,
      encoding: 'identity',
      bytes: new Uint8Array(4),
    }),
  ],
  boot: new Uint8Array(2),
  ...kindOf({ commits: false, callsEvery: 0 }),
};

/** It asks to be told how safe it is, and calls others, too. */
export const BUSY_TOY: MachineKind = {
  ...TOY,
  ...kindOf({ commits: true, callsEvery: 6 }),
};

/** Every second request makes it call somebody. */
export const CALLING_TOY: MachineKind = {
  ...TOY,
  ...kindOf({ commits: false, callsEvery: 2 }),
};
