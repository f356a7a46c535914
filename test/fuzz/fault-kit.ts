/**
 * How a fault gets into one side of a comparison: other answers of the engine's imports, other records
 * or other memory, at one turn. Everything sits between the machine and what it is built from or fed
 * with; the machine itself has no switch for any of it.
 */

import { ENGINE_IMPORTS } from '../../hypervisor/machine/engine-abi.ts';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { GoldenImage } from '../../hypervisor/machine/machine.ts';
import type { ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import type { Side } from '../../hypervisor/timeline/compare-runs.ts';
import { asMicros, type BootConfig, TRAP, type TrapName } from '../../log-format/index.ts';
import {
  type BuildOptions,
  type Built,
  type EngineFunction,
  type EngineTap,
  extent,
} from './machines.ts';
import type { InterruptRecord, LogRecord, Lsn } from './records.ts';

/** Offsets in JSRuntime of the pinned engine; a test of them comes before the faults. */
export const OFFSET = {
  heapLimit: 24,
  gcThreshold: 108,
  stackSize: 120,
  stackLimit: 128,
  jobs: 168,
} as const;

/** What a fault may reach into. */
export class Probe {
  readonly golden: GoldenImage;
  /** Set while the turn runs into which the fault is planted. */
  active = false;
  memory: Uint8Array = new Uint8Array();

  constructor(golden: GoldenImage) {
    this.golden = golden;
  }

  get words(): Uint32Array {
    return new Uint32Array(this.memory.buffer);
  }

  word(field: keyof typeof OFFSET): number {
    return (this.golden.engine.runtime + OFFSET[field]) >> 2;
  }

  add(word: number, by: number): void {
    this.words[word] = (this.words[word] ?? 0) + by;
  }
}

export interface Fault {
  readonly name: string;
  /** The turn it is planted into; the first that differs. */
  readonly at: string;
  readonly build?: (options: BuildOptions) => BuildOptions;
  readonly tap?: (probe: Probe) => Partial<EngineTap>;
  /** Memory before that turn. */
  readonly before?: (probe: Probe) => void;
  /** What is run instead of the turn. `next` is the turn after it, which is run as `instead` too. */
  readonly instead?: (turn: ReplayGroup, next: ReplayGroup) => readonly ReplayGroup[];
  readonly insteadOfNext?: (turn: ReplayGroup) => readonly ReplayGroup[];
  /** Compares no memory: the difference is one that outputs and figures show. */
  readonly withoutMemory?: boolean;
}

/** The faulty side: `turnOf` tells the turn behind a given one. */
export function faultySide(
  fault: Fault,
  given: { built: Built; probe: Probe; at: Lsn; turns: readonly ReplayGroup[] },
): Side {
  const { built, probe, at, turns } = given;
  const port = new LocalMachine(built.machine, {
    wall: () => asMicros(0),
    stopRequested: () => undefined,
  });
  probe.memory = built.memory;
  const place = turns.findIndex(({ firstLsn }) => firstLsn === at);
  const before = turns[place];
  return {
    name: 'faulty',
    memory: () => extent(built),
    settle: (turn, done) => {
      const next = turns[place + 1];
      let parts: readonly ReplayGroup[] = [turn];
      probe.active = turn.firstLsn === at;
      if (probe.active) fault.before?.(probe);
      if (probe.active && next) parts = fault.instead?.(turn, next) ?? parts;
      else if (turn === next && before) parts = fault.insteadOfNext?.(before) ?? parts;
      const results = (parts.length > 0 ? parts : [{ ...turn, records: [] }]).map((part) => {
        const all: TurnsResult[] = [];
        port.settle(part, (result) => all.push(result));
        return all[0] as TurnsResult;
      });
      probe.active = false;
      const last = results.at(-1) as TurnsResult;
      done({ ...last, outputs: results.flatMap(({ outputs }) => outputs) });
    },
  };
}

export type Change = (record: InterruptRecord) => InterruptRecord;

export function changed(change: Change): NonNullable<Fault['instead']> {
  return (turn) => [{ ...turn, records: turn.records.map((one) => changeOne(one, change)) }];
}

function changeOne(record: LogRecord, change: Change): LogRecord {
  return record.type === 'interrupt' ? change(record) : record;
}

export function payload(change: (bytes: Uint8Array) => Uint8Array): Change {
  return (record) => ({ ...record, payload: change(record.payload ?? new Uint8Array()) });
}

export function boot(name: string, config: Partial<BootConfig>): Fault {
  const edit = payload((bytes) => {
    const before = JSON.parse(new TextDecoder().decode(bytes)) as BootConfig;
    return new TextEncoder().encode(JSON.stringify({ ...before, ...config }));
  });
  return { name, at: 'boot', instead: changed(edit) };
}

export type Wrap = (real: EngineFunction, probe: Probe) => EngineFunction;

export function imported(letter: string, wrap: Wrap): NonNullable<Fault['tap']> {
  return (probe) => ({
    imports: (real) => ({ [letter]: wrap(real[letter] as EngineFunction, probe) }),
  });
}

/** Around one trap, while the fault is active. */
export function trapped(
  name: TrapName,
  around: (call: () => number, argv: number, probe: Probe) => number,
): NonNullable<Fault['tap']> {
  return imported(ENGINE_IMPORTS.callFunction, (real, probe) => (...args) => {
    const call = (): number => real(...args);
    if (!probe.active || args[4] !== TRAP[name]) return call();
    return around(call, Number(args[3]), probe);
  });
}

/** Data pointer of the ArrayBuffer at a value. */
export function bytesAt({ words, golden }: Probe, value: number): number {
  const { arrayBufferRecord, recordData } = golden.engine.layout;
  const object = words[value >> 2] ?? 0;
  const record = words[(object + arrayBufferRecord) >> 2] ?? 0;
  return words[(record + recordData) >> 2] ?? 0;
}

/** Swaps the first two jobs of the queue, a doubly linked list whose head is in JSRuntime. */
export function swapJobs(probe: Probe): void {
  const { words } = probe;
  const head = probe.golden.engine.runtime + OFFSET.jobs;
  const next = (at: number): number => words[(at >> 2) + 1] ?? 0;
  const one = next(head);
  const two = next(one);
  if (one === head || two === head) return;
  const rest = next(two);
  const link = (from: number, to: number): void => {
    words[(from >> 2) + 1] = to;
    words[to >> 2] = from;
  };
  link(head, two);
  link(two, one);
  link(one, rest);
}

/** Position of the bytes of a double in guest memory. */
export function findDouble({ memory }: Probe, value: number): number {
  const wanted = Buffer.from(new Float64Array([value]).buffer);
  const at = Buffer.from(memory.buffer).lastIndexOf(wanted);
  if (at < 0) throw new Error('the marker is not in memory');
  return at;
}

export function replaceIn(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const at = Buffer.from(bytes).indexOf(from);
  if (at < 0) throw new Error(`${from} is not in there`);
  const out = Uint8Array.from(bytes);
  out.set(Buffer.from(to), at);
  return out;
}
