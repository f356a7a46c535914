/** `node:perf_hooks` and the global `performance`: the virtual clock, marks, measures, histograms. */

import { loopStartMs, queueImmediate } from '../loop.ts';
import { processObject } from '../process-object.ts';
import { bootedAtMicros, sinceBootMicros } from '../timer-wheel.ts';
import { DOMException } from '../web/dom-exception.ts';
import { defineHandler, Event, EventTarget } from '../web/event-target.ts';
import { exposeInterface } from '../web/interface.ts';
import { structuredClone } from '../web/structured-clone.ts';
import { kDispose } from './dispose-symbols.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import { createHistogram, makeHistogram, RecordableHistogram } from './perf-histogram.ts';
import {
  detailOf,
  give,
  PerformanceEntry,
  PerformanceObserver,
  PerformanceObserverEntryList,
  tellLater,
  timeline,
} from './perf-observer.ts';
import { PerformanceResourceTiming, resourceTiming } from './perf-resource.ts';
import { clearInterval, setInterval, type Timeout } from './timers.ts';
import { validateFunction, validateInteger, validateNumber, validateObject } from './validators.ts';

export { PerformanceEntry } from './perf-observer.ts';

interface MarkOptions {
  readonly startTime?: unknown;
  readonly detail?: unknown;
}

interface MeasureOptions {
  readonly start?: unknown;
  readonly end?: unknown;
  readonly duration?: unknown;
  readonly detail?: unknown;
}

const now = (): number => sinceBootMicros() / 1000;
RecordableHistogram.clock = now;
tellLater((run) => queueImmediate({ run, referenced: true }));

let entries: PerformanceEntry[] = [];
timeline.entries = () => entries;

function missingName(): Error {
  return nodeError(TypeError, 'ERR_MISSING_ARGS', 'The "name" argument must be specified');
}

/** As V8 words it. */
function textOf(value: unknown): string {
  if (typeof value !== 'symbol') return String(value);
  throw new TypeError('Cannot convert a Symbol value to a string');
}

function badTime(time: unknown): Error {
  const text = `${String(time)} is not a valid timestamp`;
  return nodeError(TypeError, 'ERR_PERFORMANCE_INVALID_TIMESTAMP', text);
}

export class PerformanceMark extends PerformanceEntry {
  constructor(...args: readonly unknown[]) {
    const [name, options = {}] = args;
    if (args.length === 0) throw missingName();
    if (options !== null) validateObject(options, 'options');
    const { startTime = now(), detail } = (options ?? {}) as MarkOptions;
    validateNumber(startTime, 'startTime');
    if (startTime < 0) throw badTime(startTime);
    super({
      name: textOf(name),
      entryType: 'mark',
      startTime,
      duration: 0,
      detail: detail === undefined || detail === null ? null : structuredClone(detail),
    });
  }

  get detail(): unknown {
    return detailOf(this);
  }
}

export class PerformanceMeasure extends PerformanceEntry {
  get detail(): unknown {
    return detailOf(this);
  }
}

/** A time of an entry: a number as it is, a name by its last mark. */
function timeOf(given: unknown): number {
  if (typeof given === 'number') {
    if (given < 0) throw badTime(given);
    return given;
  }
  const name = textOf(given);
  if ((MILESTONES as readonly string[]).includes(name)) {
    return nodeTiming[name as (typeof MILESTONES)[number]];
  }
  const mark = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === name);
  if (mark) return mark.startTime;
  const text = `The "${name}" performance mark has not been set`;
  throw new DOMException(text, 'SyntaxError');
}

function spanOf(first: unknown, endMark: unknown): { start: number; end: number } {
  if (typeof first !== 'object' || first === null) {
    const end = endMark === undefined ? now() : timeOf(endMark);
    return { start: first === undefined || first === null ? 0 : timeOf(first), end };
  }
  const { start, end, duration } = first as MeasureOptions;
  const both = [start, end, duration].filter((one) => one !== undefined);
  if (endMark !== undefined || both.length === 3) {
    const text = 'Must not have options.start, options.end, and options.duration specified';
    throw nodeError(TypeError, 'ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS', text);
  }
  const length = duration === undefined ? undefined : timeOf(duration);
  const from = start === undefined ? undefined : timeOf(start);
  let to = end === undefined ? undefined : timeOf(end);
  if (to === undefined) to = from !== undefined && length !== undefined ? from + length : now();
  return { start: from ?? (length === undefined ? 0 : to - length), end: to };
}

/** How many entries of resources are kept; the rest is only shown to observers. */
let resourcesMax = 250;

const started = Symbol('hv.performance');

const MILESTONES = [
  'nodeStart',
  'v8Start',
  'bootstrapComplete',
  'environment',
  'loopStart',
  'loopExit',
] as const;

/**
 * Node's milestones. A guest begins where its clock does, with all of Node there already: what comes
 * before the script is a microsecond each. It is never idle: its clock stands while nothing happens.
 */
class PerformanceNodeTiming extends PerformanceEntry {
  readonly nodeStart = 0;
  readonly v8Start = 0.001;
  readonly environment = 0.002;
  readonly bootstrapComplete = 0.003;
  readonly idleTime = 0;
  #exited = -1;

  constructor() {
    super({ name: 'node', entryType: 'node', startTime: 0, duration: 0, detail: undefined });
  }
  override get duration(): number {
    return now();
  }
  /** The loop begins when the script has run. */
  get loopStart(): number {
    const at = loopStartMs();
    return at < 0 ? -1 : Math.max(at, this.bootstrapComplete);
  }
  get loopExit(): number {
    if (this.#exited < 0 && processObject._exiting) this.#exited = now();
    return this.#exited;
  }
  get uvMetricsInfo(): object {
    return { loopCount: 0, events: 0, eventsWaiting: 0 };
  }
  override toJSON(): object {
    const { nodeStart, v8Start, bootstrapComplete, environment, loopStart, loopExit } = this;
    return {
      ...super.toJSON(),
      duration: this.duration,
      nodeStart,
      v8Start,
      bootstrapComplete,
      environment,
      loopStart,
      loopExit,
      idleTime: this.idleTime,
    };
  }
}

const utilization = { idle: 0, active: 0, utilization: 0 };

export class Performance extends EventTarget {
  constructor(key?: unknown) {
    if (key !== started) {
      throw nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    }
    super();
  }

  get timeOrigin(): number {
    return bootedAtMicros() / 1000;
  }

  now(): number {
    return now();
  }

  mark(...args: readonly unknown[]): PerformanceMark {
    const mark = new PerformanceMark(...args);
    entries.push(mark);
    give(mark);
    return mark;
  }

  measure(...args: readonly unknown[]): PerformanceMeasure {
    const [name, first, endMark] = args;
    if (args.length === 0) throw missingName();
    const { start, end } = spanOf(first, endMark);
    const given =
      typeof first === 'object' && first !== null ? (first as MeasureOptions).detail : undefined;
    const measure = new PerformanceMeasure({
      name: textOf(name),
      entryType: 'measure',
      startTime: start,
      duration: end - start,
      detail: given === undefined || given === null ? null : structuredClone(given),
    });
    entries.push(measure);
    give(measure);
    return measure;
  }

  getEntries(): PerformanceEntry[] {
    return new PerformanceObserverEntryList(entries).getEntries();
  }

  getEntriesByName(...args: readonly unknown[]): PerformanceEntry[] {
    if (args.length === 0) throw missingName();
    return new PerformanceObserverEntryList(entries).getEntriesByName(args[0], args[1]);
  }

  getEntriesByType(...args: readonly unknown[]): PerformanceEntry[] {
    if (args.length === 0) {
      throw nodeError(TypeError, 'ERR_MISSING_ARGS', 'The "type" argument must be specified');
    }
    return new PerformanceObserverEntryList(entries).getEntriesByType(args[0]);
  }

  clearMarks(name?: unknown): void {
    forget('mark', name);
  }

  clearMeasures(name?: unknown): void {
    forget('measure', name);
  }

  clearResourceTimings(name?: unknown): void {
    forget('resource', name);
  }

  setResourceTimingBufferSize(size: unknown): void {
    resourcesMax = Number(size);
  }

  markResourceTiming(...args: readonly unknown[]): PerformanceResourceTiming {
    const [timing, url, initiator, , cache, , status, delivery = ''] = args;
    const entry = resourceTiming(timing as never, url, initiator, { cache, status, delivery });
    give(entry);
    const count = entries.filter((one) => one.entryType === 'resource').length;
    if (count < resourcesMax) entries.push(entry);
    else {
      const run = (): void => {
        this.dispatchEvent(new Event('resourcetimingbufferfull'));
      };
      queueImmediate({ run, referenced: true });
    }
    return entry;
  }

  /** The loop of a guest is never idle: its clock stands while nothing happens. */
  eventLoopUtilization(): object {
    return { ...utilization };
  }

  get nodeTiming(): PerformanceNodeTiming {
    return nodeTiming;
  }

  timerify(act: unknown, options: unknown = {}): unknown {
    validateFunction(act, 'fn');
    validateObject(options, 'options');
    const { histogram } = options as { histogram?: RecordableHistogram };
    if (histogram !== undefined && typeof histogram?.record !== 'function') {
      throw invalidArgType('options.histogram', 'RecordableHistogram', histogram);
    }
    return timed(act as Timed, histogram);
  }

  toJSON(): object {
    return {
      nodeTiming: nodeTiming.toJSON(),
      timeOrigin: this.timeOrigin,
      eventLoopUtilization: this.eventLoopUtilization(),
    };
  }
}
defineHandler(Performance.prototype, 'resourcetimingbufferfull');
exposeInterface(Performance, 'Performance');
exposeInterface(PerformanceMark, 'PerformanceMark');
exposeInterface(PerformanceMeasure, 'PerformanceMeasure');
Object.defineProperty(Performance.prototype.markResourceTiming, 'length', { value: 5 });

function forget(type: string, given: unknown): void {
  const name = given === undefined ? undefined : textOf(given);
  entries = entries.filter(
    (entry) => entry.entryType !== type || (name !== undefined && entry.name !== name),
  );
}

type Timed = (this: unknown, ...args: unknown[]) => unknown;

function timed(act: Timed, histogram: RecordableHistogram | undefined): unknown {
  const finish = (start: number, args: readonly unknown[]): void => {
    const duration = now() - start;
    histogram?.record(Math.max(1, Math.ceil(duration * 1e6)));
    const fields = {
      name: act.name,
      entryType: 'function',
      startTime: start,
      duration,
      detail: args,
    };
    // Each argument is there by its number, too.
    give(Object.assign(new PerformanceEntry(fields), args));
  };
  const run = function (this: unknown, ...args: unknown[]): unknown {
    const start = now();
    const result: unknown = new.target
      ? Reflect.construct(act, args, act)
      : Reflect.apply(act, this, args);
    const { finally: last } = (result ?? {}) as { finally?: unknown };
    if (typeof last === 'function') return last.call(result, () => finish(start, args));
    finish(start, args);
    return result;
  };
  Object.defineProperty(run, 'length', { value: act.length, configurable: true });
  Object.defineProperty(run, 'name', { value: `timerified ${act.name}`, configurable: true });
  return run;
}

/** How late timers of `resolution` milliseconds are, by the guest's clock. */
function monitorEventLoopDelay(options: unknown = {}): object {
  validateObject(options, 'options');
  const { resolution = 10 } = options as { resolution?: unknown };
  validateInteger(resolution, 'options.resolution', 1);
  const histogram = makeHistogram();
  let timer: Timeout | undefined;
  const disable = (): boolean => {
    if (timer === undefined) return false;
    clearInterval(timer);
    timer = undefined;
    return true;
  };
  return Object.assign(histogram, {
    enable(): boolean {
      if (timer !== undefined) return false;
      timer = setInterval(() => histogram.recordDelta(), resolution).unref();
      return true;
    },
    disable,
    [kDispose](): void {
      disable();
    },
  });
}

const nodeTiming = new PerformanceNodeTiming();
export const performance: Performance = new Performance(started);

export const exported: Record<string, unknown> = {
  Performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver,
  PerformanceObserverEntryList,
  PerformanceResourceTiming,
  monitorEventLoopDelay,
  eventLoopUtilization: performance.eventLoopUtilization,
  timerify: performance.timerify,
  createHistogram,
  performance,
  constants: {
    NODE_PERFORMANCE_GC_MAJOR: 4,
    NODE_PERFORMANCE_GC_MINOR: 1,
    NODE_PERFORMANCE_GC_INCREMENTAL: 8,
    NODE_PERFORMANCE_GC_WEAKCB: 16,
    NODE_PERFORMANCE_GC_FLAGS_NO: 0,
    NODE_PERFORMANCE_GC_FLAGS_CONSTRUCT_RETAINED: 2,
    NODE_PERFORMANCE_GC_FLAGS_FORCED: 4,
    NODE_PERFORMANCE_GC_FLAGS_SYNCHRONOUS_PHANTOM_PROCESSING: 8,
    NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE: 16,
    NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY: 32,
    NODE_PERFORMANCE_GC_FLAGS_SCHEDULE_IDLE: 64,
  },
};
