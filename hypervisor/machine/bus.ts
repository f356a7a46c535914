/**
 * Which device answers which trap, and which device hears of an interrupt first. Handlers never
 * throw into the engine: a failure is noted and the guest stopped at its next poll.
 */

import type { InterruptRecord, MachineVersion, TrapName } from '../../log-format/index.ts';
import { TRAP, TRAP_SINCE } from '../../log-format/index.ts';
import { ClockDevice } from './devices/clock.ts';
import { CommitDevice } from './devices/commit.ts';
import { ConsoleDevice } from './devices/console.ts';
import type { Board, Device, TrapHandler } from './devices/device.ts';
import { DiskDevice } from './devices/disk.ts';
import { EntropyDevice } from './devices/entropy.ts';
import { NetDevice } from './devices/net.ts';
import { PreemptDevice } from './devices/preempt.ts';
import { ProcessDevice } from './devices/process.ts';
import { ReportDevice } from './devices/report.ts';
import { TimerDevice } from './devices/timer.ts';
import { intrinsics } from './intrinsics.ts';
import { lateParts } from './late-parts.ts';
import type { StackMap } from './stack-map.ts';
import { newBytes } from './values.ts';

export interface BusOptions {
  ticks(): number;
  /** Lsn of the interrupt whose turn runs. */
  position(): number;
  readonly startedAt: number;
  readonly stackMap: StackMap;
  /** Parts of the firmware. */
  readonly firmware: readonly Uint8Array[];
  onFault(error: unknown): void;
}

/** State of the devices by name: plain data that survives `encodeValue`. */
export type DevicesState = Readonly<Record<string, unknown>>;

export class Bus {
  readonly clock: ClockDevice;
  readonly timer: TimerDevice;
  readonly entropy: EntropyDevice;
  readonly net: NetDevice;
  readonly process: ProcessDevice;
  readonly preempt: PreemptDevice;
  readonly commit: CommitDevice;
  readonly report: ReportDevice;
  readonly disk: DiskDevice;
  readonly #board: Board;
  readonly #devices: readonly Device[];
  readonly #handlers: (TrapHandler | undefined)[] = [];
  /** How often each trap was made in this process: a figure for people, no state of the machine. */
  readonly #counts: Float64Array = new Float64Array(Math.max(...Object.values(TRAP)) + 1);
  readonly #onFault: (error: unknown) => void;
  readonly #isInParts: boolean;

  constructor(board: Board, options: BusOptions) {
    this.#board = board;
    this.#onFault = options.onFault;
    this.#isInParts = options.firmware.length > 1;
    this.clock = new ClockDevice(board, options.ticks, options.startedAt);
    this.timer = new TimerDevice(board);
    this.entropy = new EntropyDevice(board);
    this.net = new NetDevice(board);
    this.process = new ProcessDevice(board);
    this.preempt = new PreemptDevice(board);
    this.commit = new CommitDevice(board);
    this.report = new ReportDevice(board, options.position);
    this.disk = new DiskDevice(board);
    this.#devices = [
      this.timer,
      this.entropy,
      this.net,
      this.process,
      new ConsoleDevice(board),
      this.preempt,
      this.commit,
      this.report,
      this.disk,
    ];
    const answers = [
      this.clock.trap(),
      ...this.#devices.map((device) => device.trap()),
      intrinsics(board.engine, options.stackMap),
      lateParts(board.engine, options.firmware),
    ];
    for (const answer of answers)
      for (const [name, handler] of Object.entries(answer))
        this.#handlers[TRAP[name as TrapName]] = handler;
  }

  /** A new guest object with one host function per trap of this version. Owned by the caller. */
  bind(machineVersion: MachineVersion): number {
    const { engine } = this.#board;
    const object = engine.call.newObject(engine.context);
    for (const [name, id] of Object.entries(TRAP)) {
      if ((TRAP_SINCE[name as TrapName] ?? 1) > machineVersion) continue;
      if (name === 'late' && !this.#isInParts) continue;
      const text = engine.cString(name);
      const fn = engine.call.newFunction(engine.context, text, 0, 0, id);
      engine.call.free(text);
      engine.setProperty(object, name, fn);
      engine.freeValue(fn);
    }
    return object;
  }

  /** Answers a trap: a pointer to an owned value, or 0 for undefined. */
  trap(id: number, argv: number): number {
    this.#counts[id] = (this.#counts[id] as number) + 1;
    try {
      return this.#handlers[id]?.(argv) ?? 0;
    } catch (error) {
      this.#onFault(error);
      return 0;
    }
  }

  /** Traps of this process by name, those that were never made left out. */
  trapCounts(): Readonly<Record<string, number>> {
    const found = Object.entries(TRAP).map(([name, id]) => [name, this.#counts[id] as number]);
    return Object.fromEntries(found.filter(([, count]) => count !== 0));
  }

  /** Tells the devices; false when no turn is needed because the guest has lost interest. */
  interrupt(record: InterruptRecord): boolean {
    let wanted = true;
    for (const device of this.#devices) if (!device.interrupt(record)) wanted = false;
    return wanted;
  }

  /** What the devices hold outside guest memory, by name. Between turns only. */
  save(): DevicesState {
    const all: readonly Device[] = [this.clock, ...this.#devices];
    return Object.fromEntries(all.map((device) => [device.name, device.save() ?? null]));
  }

  restore(state: DevicesState): void {
    const all: readonly Device[] = [this.clock, ...this.#devices];
    for (const device of all) device.restore(state[device.name] ?? null);
  }

  /** The record's payload as an owned ArrayBuffer in the guest, or undefined. */
  payload(record: InterruptRecord): number {
    const { engine } = this.#board;
    if (record.payload === undefined) return engine.undefinedValue;
    return newBytes(engine, record.payload);
  }
}
