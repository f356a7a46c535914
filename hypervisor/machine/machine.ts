/**
 * The machine: engine, CPU and devices as one deterministic whole. Given the same parts, the same
 * image and the same records it computes the same outputs, ticks and digest, bit for bit.
 *
 * Synchronous. Both replicas make the identical sequence of engine calls; anything that looks into a
 * machine from outside belongs on a copy.
 */

import type {
  InterruptRecord,
  Lsn,
  MachineVersion,
  MidTurnRecord,
  PendingCommit,
  Ticks,
} from '../../log-format/index.ts';
import {
  asLsn,
  FIRMWARE_FILE,
  firmwareParts,
  fromHex,
  IMAGE_FILE,
  INTERRUPT,
  STEP,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { EXIT } from '../base/errors.ts';
import type { CheckpointFigures, NetTable, Output, TurnsResult } from '../ports.ts';
import { Budget } from './budget.ts';
import { Bus } from './bus.ts';
import { Cpu, type MidTurnSource } from './cpu.ts';
import type { DiskView } from './devices/disk.ts';
import type { ReportDevice } from './devices/report.ts';
import { Engine, EngineFault, isException } from './engine.ts';
import { Kernel, type KernelState } from './kernel.ts';
import { lastWords } from './last-words.ts';
import { LiveShadow } from './live-shadow.ts';
import type { MachineMeter } from './machine-meter.ts';
import type { GoldenImage, MachineOptions } from './machine-options.ts';
import { readMemory } from './memory-image.ts';
import type { MachineSnapshot, MachineState } from './snapshot.ts';
import type { InspectionSource } from './spare-engine.ts';
import { StackMap } from './stack-map.ts';
import { Tally } from './tally.ts';

export type { GoldenImage, MachineOptions } from './machine-options.ts';

/** Node's exit status of a process that ran out of memory (128 + SIGABRT). */
const FAULT_EXIT_CODE = 134;

export class Machine {
  readonly #engine: Engine;
  readonly #cpu: Cpu;
  readonly #bus: Bus;
  readonly #budget: Budget;
  readonly #header: MachineOptions['header'];
  readonly #image: Uint8Array;
  readonly #seed: Uint8Array;
  readonly #kernel: Kernel;
  readonly #tally = new Tally();
  /** A copy of memory for who takes snapshots. */
  readonly shadow: LiveShadow = new LiveShadow(() => this.usedMemory());
  /** The last record anything computed so far depends on. */
  #cause: Lsn = asLsn(0);
  /** The interrupt whose turn runs, or ran last. */
  #turn: Lsn = asLsn(0);
  #halted: { code: number; reason: string } | undefined;
  #immediatesLeft = false;
  /** The guest's preemption handlers run: they are not preempted themselves. */
  #preempting = false;

  /**
   * Boots engine and firmware, or wakes the pair from `options.golden`; the machine is the same, bit
   * for bit, either way. Throws EngineFault when the firmware does not boot.
   */
  constructor(options: MachineOptions) {
    const { golden, snapshot, header } = options;
    this.#image = options.image;
    this.#header = header;
    this.#seed = fromHex(header.seed);
    const stackMap = new StackMap(options.sourceMap);
    const hooks = {
      dateNow: () => (this.#bus === undefined ? 0 : this.#bus.clock.now() / 1000),
      trap: (id: number, _argc: number, argv: number) => this.#bus.trap(id, argv),
      poll: () => this.#cpu.poll(),
      diagnostic: (text: string) => options.onDiagnostic?.(text),
      rejection: (promise: number, reason: number, handled: boolean) =>
        this.#kernel.noteRejection(promise, reason, handled),
    };
    const saved = snapshot
      ? { state: snapshot.state.engine, memory: snapshot.memory }
      : golden && { state: golden.engine, memory: golden.memory };
    this.#engine = new Engine(options.parts, options.header, hooks, saved);
    const firmware = firmwareParts(options.firmware);
    options.onMemory?.(this.#engine.u8);
    this.#cpu = new Cpu(
      this.#engine,
      {
        onAlive: () => options.onAlive?.(),
        onMidTurn: (record, lsn) => this.#applyMidTurn(record, lsn),
        onLimit: (reason) => this.#collapse(reason, EXIT.limit),
      },
      snapshot?.state.ticks ?? golden?.ticks,
    );
    this.#bus = new Bus(
      {
        engine: this.#engine,
        now: () => this.#bus.clock.now(),
        emit: (output) => this.#emit(output),
        exit: (code) => this.#halt(code, 'exit'),
      },
      {
        ticks: () => this.#cpu.ticks,
        position: () => this.#turn,
        startedAt: options.header.startedAt,
        stackMap,
        firmware,
        onFault: (error) => this.#fault(error),
      },
    );
    this.#budget = new Budget(header, () => this.#bus.clock.save(), this.#cpu.ticks);
    this.#cpu.limit(this.#budget);
    const state =
      snapshot?.state.kernel ??
      golden?.kernel ??
      this.#startFirmware(firmware, header.machineVersion);
    this.#kernel = new Kernel(this.#engine, state, {
      stopping: () => this.#cpu.stopping,
      onCollapse: (text) => this.#collapse(text),
    });
    if (snapshot !== undefined) {
      this.#adopt(snapshot.state);
      return;
    }
    this.#kernel.drainJobs();
    // The counter's phase at the end of the boot would be a difference that means nothing.
    this.#cpu.endTurn();
  }

  /**
   * This machine as it is before its first turn, for `MachineOptions.golden` of others with the same
   * engine, helper, firmware and limits. Memory is not copied.
   */
  saveGolden(): GoldenImage {
    assert(this.#cause === 0, 'a golden image is taken before the first turn');
    return {
      ticks: this.#cpu.ticks,
      engine: this.#engine.save(),
      kernel: this.#kernel.save(),
      memory: readMemory(this.#engine.u8, this.#engine.extent),
    };
  }

  /**
   * This machine as it is now, for `MachineOptions.snapshot` or `restore` of others of the same log.
   * Between turns, collected, and not once halted. Memory is not copied.
   */
  save(): MachineSnapshot {
    return {
      state: this.saveState(),
      memory: readMemory(this.#engine.u8, this.#engine.extent),
    };
  }

  /** `save` without its memory. */
  saveState(): MachineState {
    assert(this.#halted === undefined, 'a guest that has ended is not saved');
    return {
      cause: this.#cause,
      ticks: this.#cpu.ticks,
      ...this.#tally.save(),
      immediatesLeft: this.#immediatesLeft,
      ...this.#budget.save(),
      engine: this.#engine.save(),
      kernel: this.#kernel.save(),
      devices: this.#bus.save(),
    };
  }

  /** Puts this machine back to a snapshot of one of the same log: a hundredth of building one. */
  restore(snapshot: MachineSnapshot): void {
    this.#engine.restore({ state: snapshot.state.engine, memory: snapshot.memory });
    this.#cpu.restore(snapshot.state.ticks);
    this.#adopt(snapshot.state);
  }

  #adopt(state: MachineState): void {
    this.#bus.restore(state.devices);
    this.#cause = state.cause;
    this.#tally.restore(state);
    this.#budget.restore(state);
    this.#immediatesLeft = state.immediatesLeft;
    this.#halted = undefined;
    this.shadow.outdated();
  }

  /** What the guest has used, and the hash of its memory. Between turns. Cheaper with a shadow. */
  figures(): CheckpointFigures {
    const { bytes: heapBytes, blocks: heapBlocks } = this.#engine.heap;
    const { hash: memory, pages } = this.shadow.figures();
    return { turns: this.#tally.turns, heapBytes, heapBlocks, pages, memory };
  }

  /**
   * What an Inspector needs to look into a copy of this machine. `memory` is live: read it before the
   * next turn, or copy it; inside a turn only at an interrupt poll, where the copy is exact.
   */
  inspectionSource(): InspectionSource {
    const { u8: memory, stackPointer } = this.#engine;
    return { state: this.#engine.save(), memory, stackPointer, now: this.now };
  }

  /** Cheap; between turns. */
  meter(): MachineMeter {
    const { turns, outputs } = this.#tally.figures();
    const traps = this.#bus.trapCounts();
    const { heap } = this.#engine;
    return { turns, outputs, ticks: this.#cpu.ticks, ...heap, traps, ...this.#bus.report.meter() };
  }

  /** Guest memory up to the last byte ever used: a view, to be read between turns. */
  usedMemory(): Uint8Array {
    return this.#engine.u8.subarray(0, this.#engine.extent);
  }

  #startFirmware(parts: readonly Uint8Array[], machineVersion: MachineVersion): KernelState {
    const [code, isInParts] = [parts[0] as Uint8Array, parts.length > 1];
    const traps = this.#bus.bind(machineVersion);
    const firmware = { code, isInParts, fileName: FIRMWARE_FILE, traps, machineVersion };
    return Kernel.start(this.#engine, firmware);
  }

  /** What the net device holds open; for a backend that takes over. */
  netTable(): NetTable {
    return this.#bus.net.table();
  }

  /** Standard input and signals the guest listens to; for a host that takes over. */
  processState(): { readonly stdin: boolean; readonly signals: readonly number[] } {
    return this.#bus.process.save();
  }

  /** Commits without an answer, oldest first; for a primary that goes on with the guest. */
  get pendingCommits(): readonly PendingCommit[] {
    return this.#bus.commit.pending;
  }

  get report(): ReportDevice {
    return this.#bus.report;
  }

  /** The guest's files, for who shows them. */
  get disk(): DiskView {
    return this.#bus.disk;
  }

  /** Virtual time, microseconds: interrupts may not be stamped earlier. */
  get now(): number {
    return this.#bus.clock.now();
  }

  /** Ticks retired since boot. */
  get ticks(): Ticks {
    return this.#cpu.ticks;
  }

  /** Turns run since boot. */
  get turns(): number {
    return this.#tally.turns;
  }

  /** When the guest wants to be preempted, microseconds; undefined: not at all, or not now. */
  get preemptAt(): number | undefined {
    return this.#preempting ? undefined : this.#bus.preempt.at;
  }

  get halted(): { readonly code: number; readonly reason: string } | undefined {
    return this.#halted;
  }

  /** Runs one turn to idle. `lsn` is the record's place in the log. No-op once halted. */
  turn(record: InterruptRecord, lsn: Lsn, source: MidTurnSource): void {
    if (this.#halted !== undefined) return;
    this.shadow.outdated();
    this.#cause = asLsn(Math.max(this.#cause, lsn));
    this.#turn = lsn;
    this.#bus.clock.interrupt(record);
    this.#cpu.beginTurn(source);
    try {
      if (record.kind === INTERRUPT.boot) this.#boot(record);
      else if (this.#bus.interrupt(record)) this.#dispatch(record);
    } catch (error) {
      this.#fault(error);
    }
    this.#cpu.endTurn();
    this.#tally.turnEnded(this.#engine, this.#cpu.ticks);
  }

  /** What happened since the last call: outputs, and the figures for an `end` record. */
  collect(): TurnsResult {
    const { outputs, checks } = this.#tally.collect();
    const { digest, outputs: count, outputsCrc } = this.#tally.figures();
    const alarm = this.#bus.timer.alarmAt;
    return {
      outputs,
      end: { ticks: this.#cpu.ticks, digest, outputs: count, outputsCrc, checks },
      alarmAt: alarm as TurnsResult['alarmAt'],
      immediatesLeft: this.#immediatesLeft && this.#halted === undefined,
      halted: this.#halted,
    };
  }

  #boot(record: InterruptRecord): void {
    const engine = this.#engine;
    this.#bus.entropy.seed(this.#seed);
    const image = engine.evaluate(this.#image, IMAGE_FILE);
    const failed = isException(engine, image);
    const error = failed
      ? engine.call.resolveException(engine.context, image)
      : engine.undefinedValue;
    const config = this.#bus.payload(record);
    const program = failed ? engine.undefinedValue : image;
    this.#kernel.call('boot', { value: config }, { value: program }, { value: error });
    for (const value of [config, image, error]) engine.freeValue(value);
    this.#finishTurn();
  }

  #dispatch(record: InterruptRecord): void {
    const payload = this.#bus.payload(record);
    const { kind, id, num } = record;
    this.#kernel.call('dispatch', { int: kind }, { int: id }, { int: num }, { value: payload });
    this.#engine.freeValue(payload);
    this.#finishTurn();
  }

  /** Node's order: the callback and its ticks ran; now microtasks, then step by step to idle. */
  #finishTurn(): void {
    this.#immediatesLeft = false;
    for (;;) {
      const ranJobs = this.#kernel.drainJobs();
      this.#kernel.deliverRejections();
      if (this.#cpu.stopping) return;
      const step = this.#kernel.call('step');
      if (this.#cpu.stopping) return;
      if (step === STEP.again || ranJobs || this.#kernel.jobsPending) continue;
      this.#immediatesLeft = step === STEP.immediatesLeft;
      return;
    }
  }

  #applyMidTurn(record: MidTurnRecord, lsn: Lsn): void {
    this.#cause = asLsn(Math.max(this.#cause, lsn));
    if (record.type === 'stopAt') {
      this.#halt(record.code, record.reason);
      return;
    }
    this.#budget.look(this.#cpu.ticks);
    this.#bus.clock.moveTo(record.time);
    this.#budget.look(this.#cpu.ticks);
    if (record.type === 'preempt') this.#preempt();
  }

  /** Re-enters the guest on top of what it computes. */
  #preempt(): void {
    if (this.#preempting) return;
    const before = this.#bus.preempt.at;
    this.#preempting = true;
    this.#cpu.rearm();
    this.#kernel.preempt(() => this.#bus.preempt.at !== before);
    this.#preempting = false;
  }

  #emit(output: Output): void {
    if (this.#halted !== undefined) return;
    this.#tally.emit(this.#cause, output);
  }

  /** The guest is beyond its own error handling: say so where its user looks, and end it. */
  #collapse(text: string, code = FAULT_EXIT_CODE): void {
    this.#emit({ device: 'console', fd: 2, bytes: lastWords(text, this.#header) });
    this.#halt(code, text);
  }

  #halt(code: number, reason: string): void {
    if (this.#halted !== undefined) return;
    this.#emit({ device: 'exit', code });
    this.#halted = { code, reason };
    this.#cpu.stop();
  }

  /**
   * The engine is out of memory or trapped: deterministic, so it would repeat on every replica, and
   * is therefore the guest's end and no failover. Anything else is our bug.
   */
  #fault(error: unknown): void {
    if (!(error instanceof EngineFault) && !(error instanceof WebAssembly.RuntimeError))
      throw error;
    this.#collapse(error.message);
  }
}
