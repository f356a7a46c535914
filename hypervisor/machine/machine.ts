/**
 * The machine: engine, CPU and devices as one deterministic whole. Given the same parts, the same
 * image and the same records it computes the same outputs, ticks and digest, bit for bit.
 *
 * Synchronous. Both replicas make the identical sequence of engine calls; anything that looks into a
 * machine from outside belongs on a copy.
 */

import type {
  InterruptRecord,
  LogHeader,
  Lsn,
  MidTurnRecord,
  Ticks,
} from '../../log-format/index.ts';
import {
  asLsn,
  crc32,
  FIRMWARE_FILE,
  fromHex,
  IMAGE_FILE,
  INTERRUPT,
  STEP,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import type { HeldOutput, NetTable, Output, TurnsResult } from '../ports.ts';
import { Bus } from './bus.ts';
import { Cpu, type MidTurnSource } from './cpu.ts';
import { halves, mixDigest } from './digest.ts';
import { Engine, EngineFault, type EngineParts, type EngineState, isException } from './engine.ts';
import { Kernel, type KernelState } from './kernel.ts';
import { type MemoryRun, readMemory } from './memory-image.ts';
import { outputBytes } from './output-bytes.ts';
import type { InspectionSource } from './spare-engine.ts';
import { StackMap } from './stack-map.ts';

export interface MachineOptions {
  readonly parts: EngineParts;
  readonly header: Pick<
    LogHeader,
    'memoryPages' | 'stackBytes' | 'seed' | 'startedAt' | 'ticksPerMicro'
  >;
  readonly firmware: Uint8Array;
  readonly image: Uint8Array;
  readonly sourceMap: Uint8Array;
  /** A booted firmware to start from. Must be of the same engine, helper, firmware and limits. */
  readonly golden?: GoldenImage | undefined;
  /** Called at every interrupt poll, for the watchdog. Must not touch the machine. */
  readonly onAlive?: () => void;
  /** Diagnostics the engine itself prints; never the guest's console. */
  readonly onDiagnostic?: (text: string) => void;
  /** Hands out guest memory once, for hashes and copies between turns. Never write to it. */
  readonly onMemory?: (memory: Uint8Array) => void;
}

/** A machine with booted firmware, before its first turn. Plain data. */
export interface GoldenImage {
  readonly ticks: number;
  readonly engine: EngineState;
  readonly kernel: KernelState;
  readonly memory: readonly MemoryRun[];
}

/** Node's exit status of a process that ran out of memory (128 + SIGABRT). */
const FAULT_EXIT_CODE = 134;

export class Machine {
  readonly #engine: Engine;
  readonly #cpu: Cpu;
  readonly #bus: Bus;
  readonly #image: Uint8Array;
  readonly #seed: Uint8Array;
  readonly #kernel: Kernel;
  #outputs: HeldOutput[] = [];
  /** The last record anything computed so far depends on. */
  #cause: Lsn = asLsn(0);
  #digest = 0;
  #outputCount = 0;
  #outputCrc = 0;
  #halted: { code: number; reason: string } | undefined;
  #immediatesLeft = false;

  /**
   * Boots engine and firmware, or wakes the pair from `options.golden`; the machine is the same, bit
   * for bit, either way. Throws EngineFault when the firmware does not boot.
   */
  constructor(options: MachineOptions) {
    const { golden } = options;
    this.#image = options.image;
    this.#seed = fromHex(options.header.seed);
    const stackMap = new StackMap(options.sourceMap);
    const hooks = {
      dateNow: () => (this.#bus === undefined ? 0 : this.#bus.clock.now() / 1000),
      trap: (id: number, _argc: number, argv: number) => this.#bus.trap(id, argv),
      poll: () => this.#cpu.poll(),
      diagnostic: (text: string) => options.onDiagnostic?.(text),
      rejection: (promise: number, reason: number, handled: boolean) =>
        this.#kernel.noteRejection(promise, reason, handled),
    };
    const saved = golden && { state: golden.engine, memory: golden.memory };
    this.#engine = new Engine(options.parts, options.header, hooks, saved);
    options.onMemory?.(this.#engine.u8);
    this.#cpu = new Cpu(
      this.#engine,
      {
        onAlive: () => options.onAlive?.(),
        onMidTurn: (record, lsn) => this.#applyMidTurn(record, lsn),
      },
      golden?.ticks,
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
        startedAt: options.header.startedAt,
        stackMap,
        onFault: (error) => this.#fault(error),
      },
    );
    const state = golden?.kernel ?? this.#startFirmware(options.firmware);
    this.#kernel = new Kernel(this.#engine, state, {
      stopping: () => this.#cpu.stopping,
      onCollapse: (text) => this.#collapse(text),
    });
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
      memory: readMemory(this.#engine.u8),
    };
  }

  /**
   * What an Inspector needs to look into a copy of this machine. `memory` is live: read it before the
   * next turn, or copy it; inside a turn only at an interrupt poll, where the copy is exact.
   */
  inspectionSource(): InspectionSource {
    const { u8: memory, stackPointer } = this.#engine;
    return { state: this.#engine.save(), memory, stackPointer, now: this.now };
  }

  #startFirmware(code: Uint8Array): KernelState {
    const traps = this.#bus.bind();
    return Kernel.start(this.#engine, { code, fileName: FIRMWARE_FILE, traps });
  }

  /** What the net device holds open; for a backend that takes over. */
  netTable(): NetTable {
    return this.#bus.net.table();
  }

  /** Standard input and signals the guest listens to; for a host that takes over. */
  processState(): { readonly stdin: boolean; readonly signals: readonly number[] } {
    return this.#bus.process.save();
  }

  /** Virtual time, microseconds: interrupts may not be stamped earlier. */
  get now(): number {
    return this.#bus.clock.now();
  }

  /** Ticks retired since boot. */
  get ticks(): Ticks {
    return this.#cpu.ticks;
  }

  get halted(): { readonly code: number; readonly reason: string } | undefined {
    return this.#halted;
  }

  /** Runs one turn to idle. `lsn` is the record's place in the log. No-op once halted. */
  turn(record: InterruptRecord, lsn: Lsn, source: MidTurnSource): void {
    if (this.#halted !== undefined) return;
    this.#cause = asLsn(Math.max(this.#cause, lsn));
    this.#bus.clock.interrupt(record);
    this.#cpu.beginTurn(source);
    try {
      if (record.kind === INTERRUPT.boot) this.#boot(record);
      else if (this.#bus.interrupt(record)) this.#dispatch(record);
    } catch (error) {
      this.#fault(error);
    }
    this.#cpu.endTurn();
    this.#sealTurn();
  }

  /** What happened since the last call: outputs, and the figures for an `end` record. */
  collect(): TurnsResult {
    const outputs = this.#outputs;
    this.#outputs = [];
    const alarm = this.#bus.timer.alarmAt;
    return {
      outputs,
      end: {
        ticks: this.#cpu.ticks,
        digest: this.#digest,
        outputs: this.#outputCount,
        outputsCrc: this.#outputCrc,
      },
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
    if (record.type === 'resync') {
      this.#bus.clock.moveTo(record.time);
      return;
    }
    this.#halt(record.code, record.reason);
  }

  #emit(output: Output): void {
    if (this.#halted !== undefined) return;
    this.#outputs.push({ lsn: this.#cause, output });
    this.#outputCount += 1;
    this.#outputCrc = crc32(outputBytes(output), this.#outputCrc);
  }

  /** The guest is beyond its own error handling: say so where its user looks, and end it. */
  #collapse(text: string): void {
    const bytes = new TextEncoder().encode(`hv: guest stopped: ${text}\n`);
    this.#emit({ device: 'console', fd: 2, bytes });
    this.#halt(FAULT_EXIT_CODE, text);
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

  #sealTurn(): void {
    const engine = this.#engine;
    const { mallocState, randomState } = engine.layout;
    this.#digest = mixDigest(
      this.#digest,
      ...halves(this.#cpu.ticks),
      engine.u32[randomState >> 2] as number,
      engine.u32[(randomState >> 2) + 1] as number,
      engine.u32[mallocState >> 2] as number,
      engine.u32[(mallocState >> 2) + 1] as number,
      this.#outputCrc,
    );
  }
}
