/**
 * Planted nondeterminism: one side of a comparison gets other answers, other records or other memory
 * at one turn, as if the source of that name were not under control. Everything sits between the
 * machine and what it is built from or fed with; the machine itself has no switch for any of it.
 */

import { ENGINE_EXPORTS, ENGINE_IMPORTS } from '../../hypervisor/machine/engine-abi.ts';
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

type Change = (record: InterruptRecord) => InterruptRecord;

function changed(change: Change): NonNullable<Fault['instead']> {
  return (turn) => [{ ...turn, records: turn.records.map((one) => changeOne(one, change)) }];
}

function changeOne(record: LogRecord, change: Change): LogRecord {
  return record.type === 'interrupt' ? change(record) : record;
}

function payload(change: (bytes: Uint8Array) => Uint8Array): Change {
  return (record) => ({ ...record, payload: change(record.payload ?? new Uint8Array()) });
}

function boot(name: string, config: Partial<BootConfig>): Fault {
  const edit = payload((bytes) => {
    const before = JSON.parse(new TextDecoder().decode(bytes)) as BootConfig;
    return new TextEncoder().encode(JSON.stringify({ ...before, ...config }));
  });
  return { name, at: 'boot', instead: changed(edit) };
}

type Wrap = (real: EngineFunction, probe: Probe) => EngineFunction;

function imported(letter: string, wrap: Wrap): NonNullable<Fault['tap']> {
  return (probe) => ({
    imports: (real) => ({ [letter]: wrap(real[letter] as EngineFunction, probe) }),
  });
}

/** Around one trap, while the fault is active. */
function trapped(
  name: TrapName,
  around: (call: () => number, argv: number, probe: Probe) => number,
) {
  return imported(ENGINE_IMPORTS.callFunction, (real, probe) => (...args) => {
    const call = (): number => real(...args);
    if (!probe.active || args[4] !== TRAP[name]) return call();
    return around(call, Number(args[3]), probe);
  });
}

/** Data pointer of the ArrayBuffer at a value. */
function bytesAt({ words, golden }: Probe, value: number): number {
  const { arrayBufferRecord, recordData } = golden.engine.layout;
  const object = words[value >> 2] ?? 0;
  const record = words[(object + arrayBufferRecord) >> 2] ?? 0;
  return words[(record + recordData) >> 2] ?? 0;
}

/** Swaps the first two jobs of the queue, a doubly linked list whose head is in JSRuntime. */
function swapJobs(probe: Probe): void {
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
function findDouble({ memory }: Probe, value: number): number {
  const wanted = Buffer.from(new Float64Array([value]).buffer);
  const at = Buffer.from(memory.buffer).lastIndexOf(wanted);
  if (at < 0) throw new Error('the marker is not in memory');
  return at;
}

function replaceIn(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const at = Buffer.from(bytes).indexOf(from);
  if (at < 0) throw new Error(`${from} is not in there`);
  const out = Uint8Array.from(bytes);
  out.set(Buffer.from(to), at);
  return out;
}

export const SOURCE_MAPS: readonly Uint8Array[] = ['one.js', 'two.js'].map((source) => {
  const mappings = `AAAA${';AACA'.repeat(60)}`;
  return new TextEncoder().encode(
    JSON.stringify({ version: 3, sources: [source], names: [], mappings }),
  );
});

export const FAULTS: readonly Fault[] = [
  {
    name: 'clock',
    at: 'clock',
    tap: imported(ENGINE_IMPORTS.dateNow, (real, probe) => () => real() + (probe.active ? 1 : 0)),
  },
  {
    name: 'monotonic clock',
    at: 'hrtime',
    tap: trapped('now', (call, _, probe) => {
      const value = call();
      probe.add(value >> 2, 4096);
      return value;
    }),
  },
  {
    name: 'time zone',
    at: 'zone',
    tap: imported(ENGINE_IMPORTS.localtime, (real, probe) => (time, at) => {
      const answer = real(time, at);
      if (probe.active) probe.words[(Number(at) >> 2) + 9] = 3600;
      return answer;
    }),
  },
  {
    name: 'environment of the hypervisor',
    at: 'boot',
    build: (options) => ({ ...options, cold: true }),
    tap: (probe) => ({
      imports: (real) => {
        const text = Buffer.from('LANG=tr_TR.UTF-8\0');
        return {
          [ENGINE_IMPORTS.environSizesGet]: (count, size) => {
            real[ENGINE_IMPORTS.environSizesGet]?.(count, size);
            const memory = real[ENGINE_IMPORTS.memory] as unknown as WebAssembly.Memory;
            const words = new Uint32Array(memory.buffer);
            words[Number(count) >> 2] = 1;
            words[Number(size) >> 2] = text.length;
            probe.memory = new Uint8Array(memory.buffer);
            return 0;
          },
          [ENGINE_IMPORTS.environGet]: (list, at) => {
            probe.words[Number(list) >> 2] = Number(at);
            probe.memory.set(text, Number(at));
            return 0;
          },
        };
      },
    }),
  },
  {
    name: 'state of Math.random',
    at: 'random',
    before: (probe) => probe.add(probe.golden.engine.layout.randomState >> 2, 2),
  },
  {
    name: 'seed',
    at: 'boot',
    build: (options) => ({ ...options, header: { ...options.header, seed: 'ab'.repeat(32) } }),
  },
  {
    name: 'crypto stream',
    at: 'crypto',
    tap: trapped('entropy', (call, _, probe) => {
      const value = call();
      const at = bytesAt(probe, value);
      probe.memory[at + 3] = (probe.memory[at + 3] ?? 0) ^ 1;
      return value;
    }),
  },
  {
    name: 'alarm',
    at: 'alarm',
    tap: trapped('alarm', (call, argv, probe) => {
      const before = probe.words[argv >> 2] ?? 0;
      probe.add(argv >> 2, 4096);
      const answer = call();
      probe.words[argv >> 2] = before;
      return answer;
    }),
  },
  {
    name: 'time of an interrupt',
    at: 'clock',
    instead: changed((record) => ({ ...record, time: asMicros(record.time + 1000) })),
  },
  {
    name: 'time of an alarm, and so which timers are due',
    at: 'rings',
    instead: changed((record) => ({ ...record, time: asMicros(record.time - 1500) })),
  },
  {
    name: 'order of microtasks',
    at: 'jobs',
    tap: (probe) => ({
      exports: (real) => {
        const letter = ENGINE_EXPORTS.executePendingJob;
        return {
          [letter]: (...args) => {
            if (probe.active) swapJobs(probe);
            return (real[letter] as EngineFunction)(...args);
          },
        };
      },
    }),
  },
  {
    name: 'data byte of a socket',
    at: 'data',
    instead: changed(payload((bytes) => replaceIn(bytes, 'quick', 'quack'))),
  },
  {
    name: 'cut of socket data',
    at: 'data',
    instead: (turn) => {
      const part = (from: number, until: number | undefined): ReplayGroup[] =>
        changed(payload((bytes) => bytes.slice(from, until)))(turn, turn) as ReplayGroup[];
      return [...part(0, 9), ...part(9, undefined)];
    },
  },
  {
    name: 'heap limit',
    at: 'heap',
    before: (probe) => probe.add(probe.word('heapLimit'), -2_097_152),
  },
  {
    name: 'memory size',
    at: 'boot',
    build: (options) => ({
      ...options,
      cold: true,
      header: { ...options.header, memoryPages: 513 },
    }),
  },
  {
    name: 'stack limit',
    at: 'depth',
    before: (probe) => probe.add(probe.word('stackLimit'), 4096),
  },
  {
    name: 'stack size',
    at: 'first depth',
    build: (options) => ({
      ...options,
      cold: true,
      header: { ...options.header, stackBytes: 98_304 },
    }),
    withoutMemory: true,
  },
  {
    name: 'threshold of garbage collection',
    at: 'gc',
    before: (probe) => {
      probe.words[probe.word('gcThreshold')] = 0;
    },
  },
  {
    name: 'bits of NaN',
    at: 'nan',
    before: (probe) => {
      const at = findDouble(probe, 1.2345678901234567e100) + 15;
      probe.memory[at] = (probe.memory[at] ?? 0) ^ 0x80;
    },
  },
  {
    name: 'byte of memory nobody reads',
    at: 'quiet',
    before: (probe) => {
      probe.memory[1_048_576] = 7;
    },
  },
  {
    name: 'source map',
    at: 'first stack',
    build: (options) => ({ ...options, sourceMap: SOURCE_MAPS[1] as Uint8Array }),
  },
  {
    name: 'encode intrinsic',
    at: 'encode',
    tap: trapped('encode', (call, _, probe) => {
      const value = call();
      const at = bytesAt(probe, value);
      probe.memory[at] = (probe.memory[at] ?? 0) ^ 1;
      return value;
    }),
  },
  {
    name: 'decode intrinsic',
    at: 'decode',
    tap: trapped('decode', (call, argv, probe) => {
      const encoding = (argv + 3 * 8) >> 2;
      const before = probe.words[encoding] ?? 0;
      probe.words[encoding] = 1;
      const answer = call();
      probe.words[encoding] = before;
      return answer;
    }),
  },
  boot('environment', { env: { MODE: 'b' } }),
  boot('arguments', { argv: ['hv', '/guest/main.js', 'more'] }),
  boot('working directory', { cwd: '/elsewhere' }),
  boot('process id', { pid: 4243 }),
  boot('host name', { hostname: 'other' }),
  boot('terminal', { stdoutIsTTY: true }),
  {
    name: 'byte of the image',
    at: 'boot',
    build: (options) => ({
      ...options,
      image: replaceIn(options.image, "'closed'", "'clothe'"),
    }),
  },
  {
    name: 'firmware',
    at: 'boot',
    build: (options) => ({
      ...options,
      cold: true,
      firmware: replaceIn(
        options.firmware ?? new Uint8Array(),
        'has not booted yet',
        'has not booted YET',
      ),
    }),
  },
  { name: 'signal number', at: 'signal', instead: changed((record) => ({ ...record, id: 12 })) },
  { name: 'signal lost', at: 'signal', instead: () => [] },
  { name: 'interrupt lost', at: 'order one', instead: () => [] },
  { name: 'interrupt twice', at: 'order one', instead: (turn) => [turn, turn] },
  {
    name: 'order of interrupts',
    at: 'order one',
    instead: (_, next) => [next],
    insteadOfNext: (turn) => [turn],
  },
  { name: 'error of a close', at: 'close', instead: changed((record) => ({ ...record, num: 8 })) },
  {
    name: 'entropy of a reseed',
    at: 'reseed',
    instead: changed(payload((bytes) => replaceIn(bytes, 'xx', 'xy'))),
  },
  {
    name: 'tick of a mid-turn record',
    at: 'spin',
    instead: (turn) => [
      {
        ...turn,
        records: turn.records.map((one) =>
          one.type === 'resync' ? { ...one, ticks: (one.ticks + 1) as typeof one.ticks } : one,
        ),
      },
    ],
  },
  {
    name: 'mid-turn record lost',
    at: 'spin',
    instead: (turn) => [{ ...turn, records: turn.records.slice(0, 1) }],
  },
];
