/**
 * Runs a guest in a machine without any host: alarms are answered by jumping virtual time, immediates
 * by another round, and further interrupts come from the test. The records taken are returned, so
 * that a test can run them again and compare.
 */

import { loadEngineParts, loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../hypervisor/host/golden-image.ts';
import type { MidTurnSource } from '../../hypervisor/machine/cpu.ts';
import type { EngineParts } from '../../hypervisor/machine/engine.ts';
import {
  type GoldenImage,
  Machine,
  type MachineOptions,
} from '../../hypervisor/machine/machine.ts';
import type { Output, TurnsResult } from '../../hypervisor/ports.ts';
import {
  asLsn,
  asMicros,
  type BootConfig,
  INTERRUPT,
  type InterruptKind,
  type InterruptRecord,
  sha256Hex,
} from '../../log-format/index.ts';

let parts: EngineParts | undefined;
let firmware: Uint8Array | undefined;
let built: GoldenImage | undefined;

export const TEST_HEADER: MachineOptions['header'] = {
  machineVersion: 4,
  turnTicksMax: 0,
  secondTicksMax: 0,
  memoryPages: 4096,
  stackBytes: 1024 * 1024,
  seed: '5a'.repeat(32),
  startedAt: asMicros(1_700_000_000_000_000),
  ticksPerMicro: 128,
};

export const TEST_CONFIG: BootConfig = {
  argv: ['hv', '/guest/main.js'],
  env: {},
  cwd: '/guest',
  pid: 4242,
  ppid: 1,
  platform: 'linux',
  arch: 'x64',
  hostname: 'guest',
  nodeVersion: '20.20.2',
  hvVersion: '0.1.0',
  stdinIsTTY: false,
  stdoutIsTTY: false,
  stderrIsTTY: false,
  columns: 80,
  heapBytesMax: 240 * 2 ** 20,
};

const NEVER: MidTurnSource = {
  nextTicks: (): number => Number.POSITIVE_INFINITY,
  poll: () => undefined,
};

export class GuestRunner {
  readonly machine: Machine;
  readonly records: InterruptRecord[] = [];
  readonly outputs: Output[] = [];
  /** Asked in the middle of turns. */
  midTurn: MidTurnSource = NEVER;
  stdout = '';
  stderr = '';
  exitCode: number | undefined;
  end: TurnsResult['end'] | undefined;
  #time: number = TEST_HEADER.startedAt;
  #alarmAt: number | undefined;
  #immediates = false;

  constructor(
    image: Uint8Array | string,
    sourceMap: Uint8Array = new Uint8Array(),
    golden?: GoldenImage,
    limits: Partial<MachineOptions['header']> = {},
  ) {
    parts ??= loadEngineParts();
    firmware ??= loadFirmware();
    // To evaluate the firmware takes a second, and leads to the same bits (golden-image.test.ts).
    built ??= readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
    const code = typeof image === 'string' ? new TextEncoder().encode(image) : image;
    this.machine = new Machine({
      parts,
      header: { ...TEST_HEADER, ...limits },
      firmware,
      image: code,
      sourceMap,
      golden: golden ?? built,
    });
  }

  /** Of the memory the guest has used, between turns. */
  memoryHash(): string {
    return sha256Hex(this.machine.usedMemory());
  }

  /** Delivers one interrupt `afterMicros` later and collects what it caused. */
  interrupt(
    kind: InterruptKind,
    fields: { id?: number; num?: number; payload?: Uint8Array } = {},
    afterMicros = 10,
  ): void {
    this.#time = Math.max(this.#time + afterMicros, Math.ceil(this.machine.now));
    const { id = 0, num = 0, payload } = fields;
    this.replay({ type: 'interrupt', kind, time: asMicros(this.#time), id, num, payload });
  }

  replay(record: InterruptRecord): void {
    this.records.push(record);
    this.machine.turn(record, asLsn(this.records.length), this.midTurn);
    const result = this.machine.collect();
    for (const { output } of result.outputs) this.#note(output);
    this.#alarmAt = result.alarmAt;
    this.#immediates = result.immediatesLeft;
    this.end = result.end;
  }

  boot(config: Partial<BootConfig> = {}): this {
    const payload = new TextEncoder().encode(JSON.stringify({ ...TEST_CONFIG, ...config }));
    this.interrupt(INTERRUPT.boot, { payload });
    return this;
  }

  /** Goes on by itself until the guest exits or waits for something only the test can give. */
  run(roundsMax = 10_000): this {
    for (let round = 0; round < roundsMax && this.exitCode === undefined; round++) {
      if (this.#immediates) this.interrupt(INTERRUPT.check);
      else if (this.#alarmAt !== undefined) {
        this.#time = Math.max(this.#time, this.#alarmAt);
        this.interrupt(INTERRUPT.alarm, {}, 0);
      } else return this;
    }
    return this;
  }

  #note(output: Output): void {
    this.outputs.push(output);
    if (output.device === 'exit') this.exitCode = output.code;
    if (output.device !== 'console') return;
    const text = new TextDecoder().decode(output.bytes);
    if (output.fd === 1) this.stdout += text;
    else this.stderr += text;
  }
}
