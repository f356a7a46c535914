import { describe, expect, test } from 'vitest';
import { loadEngineParts, loadFirmware } from '../../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../../hypervisor/host/golden-image.ts';
import { Machine, type MachineOptions } from '../../../hypervisor/machine/machine.ts';
import type { MachineSnapshot } from '../../../hypervisor/machine/snapshot.ts';
import {
  asLsn,
  asMicros,
  decodeValue,
  encodeValue,
  INTERRUPT,
  type InterruptRecord,
  sha256Hex,
  toHex,
} from '../../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from '../../support/guest-runner.ts';

const parts = loadEngineParts();
const firmware = loadFirmware();
const golden = readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
const NOTHING = { nextTicks: () => Number.POSITIVE_INFINITY, poll: () => undefined };

/** Keeps state of many kinds over its turns, and lets all of it decide what comes next. */
const GUEST = `(function hvMain(require) {
  const net = require('net');
  const { randomBytes } = require('crypto');
  const map = new Map(), log = [], weak = new WeakRef({ a: 1 });
  function* numbers() { let n = 0; for (;;) n += yield n; }
  async function* ticks() { for (let i = 0; ; i++) { await new Promise((go) => setTimeout(go, 3)); yield i; } }
  const generator = numbers(); generator.next();
  (async () => { for await (const tick of ticks()) { map.set('tick' + tick, Math.random()); console.log(tick, generator.next(tick).value, randomBytes(4).toString('hex'), Date.now() % 1e6, map.size, weak.deref()?.a); } })();
  const big = []; setInterval(() => { big.push(new Array(2000).fill(log.length)); if (big.length > 8) big.shift(); log.push(process.hrtime()[1]); }, 2);
  net.createServer((socket) => socket.on('data', (data) => socket.write(data + String(map.size)))).listen(7);
})`;

class Driver {
  readonly machine: Machine;
  readonly outputs: unknown[] = [];
  lsn = 0;
  time: number = TEST_HEADER.startedAt;
  alarmAt: number | undefined;

  constructor(options: Partial<MachineOptions> = {}) {
    this.machine = new Machine({
      parts,
      header: TEST_HEADER,
      firmware,
      image: new TextEncoder().encode(GUEST),
      sourceMap: new Uint8Array(),
      golden,
      ...options,
    });
  }

  turn(kind: InterruptRecord['kind'], fields: Partial<InterruptRecord> = {}): void {
    this.lsn += 1;
    const record: InterruptRecord = {
      type: 'interrupt',
      kind,
      time: asMicros(this.time),
      id: 0,
      num: 0,
      payload: undefined,
      ...fields,
    };
    this.machine.turn(record, asLsn(this.lsn), NOTHING);
    const result = this.machine.collect();
    this.outputs.push(...result.outputs, result.end);
    this.alarmAt = result.alarmAt;
  }

  boot(): this {
    this.turn(INTERRUPT.boot, { payload: bytes(JSON.stringify(TEST_CONFIG)) });
    const address = { address: '127.0.0.1', family: 'IPv4', port: 7 };
    this.turn(INTERRUPT.netBound, { id: 1, payload: bytes(JSON.stringify(address)) });
    const peers = bytes(JSON.stringify({ peer: address, local: address }));
    this.turn(INTERRUPT.netAccept, { id: 2, num: 1, payload: peers });
    return this;
  }

  run(turns: number): this {
    for (let turn = 0; turn < turns; turn++) {
      this.time = Math.max(this.time, this.alarmAt ?? 0) + 7;
      if (turn % 3 === 0) this.turn(INTERRUPT.netData, { id: 2, payload: bytes(`x${turn}`) });
      else this.turn(INTERRUPT.alarm);
    }
    return this;
  }

  /** As they would lie on a disk: copies, through the log's own encoding. */
  snapshot(): MachineSnapshot {
    const { state, memory } = this.machine.save();
    return {
      state: decodeValue(encodeValue(state)) as MachineSnapshot['state'],
      memory: memory.map(({ at, bytes: view }) => ({ at, bytes: view.slice() })),
    };
  }

  /** Goes on where `from` stands, on another machine. */
  follow(from: Driver): this {
    this.lsn = from.lsn;
    this.time = from.time;
    this.alarmAt = from.alarmAt;
    return this;
  }

  get hash(): string {
    return sha256Hex(this.machine.usedMemory());
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('a snapshot', () => {
  test('goes on as the machine it was taken of, bit for bit, in a new instance and in place', () => {
    const original = new Driver().boot().run(20);
    const snapshot = original.snapshot();
    const fresh = new Driver({ snapshot }).follow(original);
    const reused = new Driver().boot().run(35);
    reused.machine.restore(snapshot);
    reused.follow(original);
    for (const other of [fresh, reused]) {
      expect(other.hash).toBe(original.hash);
      other.outputs.length = 0;
    }
    original.outputs.length = 0;
    for (const driver of [original, fresh, reused]) driver.run(60);
    expect(original.outputs.length).toBeGreaterThan(90);
    for (const other of [fresh, reused]) {
      expect(other.outputs).toEqual(original.outputs);
      expect(other.hash).toBe(original.hash);
      expect(other.machine.figures()).toEqual(original.machine.figures());
    }
  });

  test('kept in the process stays what it was when its machine runs on', () => {
    const driver = new Driver().boot().run(20);
    const { state, memory } = driver.machine.save();
    const before = JSON.stringify(state);
    const copy = {
      state,
      memory: memory.map(({ at, bytes: view }) => ({ at, bytes: view.slice() })),
    };
    const { lsn, time, alarmAt } = driver;
    driver.outputs.length = 0;
    const first = [...driver.run(30).outputs];
    expect(JSON.stringify(state)).toBe(before);
    driver.machine.restore(copy);
    Object.assign(driver, { lsn, time, alarmAt });
    driver.outputs.length = 0;
    expect(driver.run(30).outputs).toEqual(first);
  });

  test('taking one changes nothing', () => {
    const watched = new Driver().boot();
    const alone = new Driver().boot();
    for (let step = 0; step < 10; step++) {
      watched.run(3).snapshot();
      watched.machine.figures();
      alone.run(3);
    }
    expect(watched.outputs).toEqual(alone.outputs);
    expect(watched.hash).toBe(alone.hash);
  });

  test('in a machine of other limits has the words of those limits and nothing else different', () => {
    const limits = { memoryPages: 1024, stackBytes: 512 * 1024 };
    const header = { ...TEST_HEADER, ...limits };
    const booted = new Driver({ header, golden: undefined }).boot().run(30);
    const woken = new Driver({ header, golden }).boot().run(30);
    expect(woken.outputs).toEqual(booted.outputs);
    expect(woken.hash).toBe(booted.hash);
    expect(woken.hash).not.toBe(new Driver().boot().run(30).hash);
  });
});

describe('figures of a checkpoint', () => {
  test('change with any byte of memory and with nothing else', () => {
    const driver = new Driver().boot().run(5);
    const before = driver.machine.figures();
    expect(driver.machine.figures()).toEqual(before);
    expect(before.turns).toBe(8);
    const memory = driver.machine.usedMemory();
    const at = memory.length - 5000;
    memory[at] = (memory[at] as number) ^ 1;
    expect(toHex(driver.machine.figures().memory)).not.toBe(toHex(before.memory));
    memory[at] = (memory[at] as number) ^ 1;
    expect(driver.machine.figures()).toEqual(before);
  });

  test('count every page: memory above the extent was never touched', () => {
    let whole: Uint8Array = new Uint8Array();
    const driver = new Driver({ onMemory: (memory) => (whole = memory) }).boot();
    const before = driver.machine.usedMemory().length;
    driver.turn(INTERRUPT.netData, { id: 2, payload: new Uint8Array(4_000_000).fill(65) });
    const extent = driver.machine.usedMemory().length;
    expect(extent).toBeGreaterThan(before);
    expect(whole.subarray(extent).every((byte) => byte === 0)).toBe(true);
    expect(whole.subarray(extent - 4096, extent).some((byte) => byte !== 0)).toBe(true);
  });
});
