/**
 * The machine's end of the firmware: calls into the guest kernel, the job queue and the rejections
 * between them. Knows values and calls; knows nothing of records, devices or time.
 */

import type { MachineVersion } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { JOBS_PER_DRAIN } from '../base/limits.ts';
import { type Engine, EngineFault, isException } from './engine.ts';
import { STRIP_SOURCE, TAG } from './engine-abi.ts';

export interface KernelHooks {
  /** The guest is being stopped: no more of it may be run. */
  stopping(): boolean;
  /** The kernel let an exception through: it is out of stack or memory, and the guest is over. */
  onCollapse(text: string): void;
}

/** An argument of a kernel function: a small integer, a boolean, or a pointer to a value. */
export type Argument =
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly value: number };

/** The kernel's handles and slots in guest memory. Plain data; valid for that memory only. */
export interface KernelState {
  readonly slots: number;
  readonly pointers: number;
  readonly jobResult: number;
  readonly functions: Readonly<Record<KernelFunction, number>>;
  /** Since machine version 2: reading a property of the kernel makes an atom, which is memory. */
  readonly preempt?: number;
}

type KernelFunction = 'boot' | 'dispatch' | 'step' | 'rejected';

interface Rejection {
  readonly promise: number;
  readonly reason: number;
  readonly handled: boolean;
}

const ARGUMENTS_MAX = 4;

export class Kernel {
  readonly #engine: Engine;
  readonly #hooks: KernelHooks;
  /** Static slots (values, pointers to them, a job's result) and handles, all in guest memory. */
  readonly #state: KernelState;
  #rejections: Rejection[] = [];

  /** `state`: of a kernel that was started in this memory, see `start`. */
  constructor(engine: Engine, state: KernelState, hooks: KernelHooks) {
    this.#engine = engine;
    this.#state = state;
    this.#hooks = hooks;
  }

  /**
   * Evaluates the firmware and starts it with `traps` (an owned object, freed here). `isInParts`: it
   * is of today (log-format/firmware-parts.ts), and keeps no source text.
   */
  static start(
    engine: Engine,
    firmware: {
      readonly code: Uint8Array;
      readonly isInParts: boolean;
      readonly fileName: string;
      readonly traps: number;
      readonly machineVersion: MachineVersion;
    },
  ): KernelState {
    const slots = engine.allocate(ARGUMENTS_MAX * 8);
    const pointers = engine.allocate(ARGUMENTS_MAX * 4);
    const jobResult = engine.allocate(8);
    const { context, undefinedValue } = engine;
    const { code, fileName } = firmware;
    const start = engine.evaluate(code, fileName, firmware.isInParts ? STRIP_SOURCE : 0);
    mustSucceed(engine, start, 'firmware evaluates');
    engine.u32[pointers >> 2] = firmware.traps;
    const kernel = engine.call.call(context, start, undefinedValue, 1, pointers);
    mustSucceed(engine, kernel, 'firmware starts');
    engine.freeValue(start);
    engine.freeValue(firmware.traps);
    const functions = {
      boot: engine.getProperty(kernel, 'boot'),
      dispatch: engine.getProperty(kernel, 'dispatch'),
      step: engine.getProperty(kernel, 'step'),
      rejected: engine.getProperty(kernel, 'rejected'),
    };
    const state = { slots, pointers, jobResult, functions };
    const preempts =
      firmware.machineVersion === 1 ? undefined : engine.getProperty(kernel, 'preempt');
    engine.freeValue(kernel);
    return preempts === undefined ? state : { ...state, preempt: preempts };
  }

  save(): KernelState {
    return this.#state;
  }

  get jobsPending(): boolean {
    return this.#engine.call.isJobPending(this.#engine.runtime) !== 0;
  }

  /** Calls a kernel function; its integer answer, or 0. */
  call(name: KernelFunction, ...args: readonly Argument[]): number {
    assert(args.length <= ARGUMENTS_MAX, 'kernel functions take at most four arguments');
    for (const [slot, argument] of args.entries()) this.#place(slot, argument);
    const engine = this.#engine;
    const result = engine.call.call(
      engine.context,
      this.#state.functions[name],
      engine.undefinedValue,
      args.length,
      this.#state.pointers,
    );
    const tag = engine.tag(result);
    if (tag === TAG.exception) {
      this.#swallow(result);
      return 0;
    }
    const answer = tag === TAG.int ? (engine.i32[result >> 2] as number) : 0;
    engine.freeValue(result);
    return answer;
  }

  /**
   * Calls the guest in the middle of what it does. `began`: whether its handlers have run when it
   * throws; if not, it had no stack or memory to look, and nothing has happened.
   */
  preempt(began: () => boolean): void {
    const engine = this.#engine;
    const { preempt, pointers } = this.#state;
    assert(preempt !== undefined, 'only machines of version 2 are preempted');
    const result = engine.call.call(engine.context, preempt, engine.undefinedValue, 0, pointers);
    if (!isException(engine, result)) engine.freeValue(result);
    else if (began()) this.#swallow(result);
    else {
      engine.freeValue(engine.call.resolveException(engine.context, result));
      engine.freeValue(result);
    }
  }

  /** True when any job ran. Bounded per call, so that an endless chain of promises is interrupted. */
  drainJobs(): boolean {
    const engine = this.#engine;
    let ran = false;
    while (this.jobsPending && !this.#hooks.stopping()) {
      ran = true;
      const result = engine.call.executePendingJob(
        engine.runtime,
        JOBS_PER_DRAIN,
        this.#state.jobResult,
      );
      if (isException(engine, result)) this.#swallow(result);
      else engine.freeValue(result);
    }
    return ran;
  }

  /** Called by the engine in the middle of guest code: only remembers; the values are duplicated. */
  noteRejection(promise: number, reason: number, handled: boolean): void {
    const { call, context } = this.#engine;
    this.#rejections.push({
      promise: call.dupValue(context, promise),
      reason: call.dupValue(context, reason),
      handled,
    });
  }

  deliverRejections(): void {
    if (this.#rejections.length === 0) return;
    const pending = this.#rejections;
    this.#rejections = [];
    for (const { promise, reason, handled } of pending) {
      if (!this.#hooks.stopping())
        this.call('rejected', { value: promise }, { value: reason }, { bool: handled });
      this.#engine.freeValue(promise);
      this.#engine.freeValue(reason);
    }
  }

  #place(slot: number, argument: Argument): void {
    const { i32, u32 } = this.#engine;
    const at = this.#state.slots + 8 * slot;
    if ('value' in argument) {
      assert(argument.value !== 0, 'a kernel argument is a value');
      u32[(this.#state.pointers >> 2) + slot] = argument.value;
      return;
    }
    u32[(this.#state.pointers >> 2) + slot] = at;
    const isInt = 'int' in argument;
    i32[at >> 2] = isInt ? argument.int : Number(argument.bool);
    i32[(at >> 2) + 1] = isInt ? TAG.int : TAG.bool;
  }

  /** An exception nobody caught. While the guest is being stopped that is how it ends. */
  #swallow(marker: number): void {
    const engine = this.#engine;
    const error = engine.call.resolveException(engine.context, marker);
    if (!this.#hooks.stopping()) this.#hooks.onCollapse(engine.describe(error));
    engine.freeValue(error);
    engine.freeValue(marker);
  }
}

function mustSucceed(engine: Engine, value: number, what: string): void {
  if (!isException(engine, value)) return;
  const error = engine.call.resolveException(engine.context, value);
  throw new EngineFault(`${what}: ${engine.describe(error)}`);
}
