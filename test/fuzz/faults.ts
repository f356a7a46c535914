/**
 * Planted nondeterminism: one fault per source, as if that source were not under control. What each
 * must be found at is its turn; docs/determinism.md has a row for every one.
 */

import { ENGINE_EXPORTS, ENGINE_IMPORTS } from '../../hypervisor/machine/engine-abi.ts';
import type { ReplayGroup } from '../../hypervisor/ports.ts';
import { asMicros } from '../../log-format/index.ts';
import {
  boot,
  bytesAt,
  changed,
  type Fault,
  findDouble,
  imported,
  payload,
  replaceIn,
  swapJobs,
  trapped,
} from './fault-kit.ts';
import type { EngineFunction } from './machines.ts';

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
    instead: changed((record) => ({ ...record, time: asMicros(record.time - 20_000) })),
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
    // Later than the loop's next look at the clock, whose ticks depend on the firmware.
    instead: (turn) => [
      {
        ...turn,
        records: turn.records.map((one) =>
          one.type === 'resync' ? { ...one, ticks: (one.ticks + 50) as typeof one.ticks } : one,
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
