/** Entries of the performance timeline, and those who are told of new ones. */

import { kernel } from './kernel-hooks.ts';
import { invalidArgValue, nodeError } from './node-errors.ts';
import { validateFunction, validateObject } from './validators.ts';

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

export interface EntryFields {
  readonly name: string;
  readonly entryType: string;
  readonly startTime: number;
  readonly duration: number;
  readonly detail: unknown;
}

/** What a mark or measure carries. */
export let detailOf: (entry: PerformanceEntry) => unknown;

export class PerformanceEntry {
  readonly #fields: EntryFields;

  constructor(fields?: EntryFields) {
    if (fields === undefined || typeof fields !== 'object') {
      throw nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    }
    this.#fields = fields;
  }

  get name(): string {
    return this.#fields.name;
  }
  get entryType(): string {
    return this.#fields.entryType;
  }
  get startTime(): number {
    return this.#fields.startTime;
  }
  get duration(): number {
    return this.#fields.duration;
  }

  toJSON(): object {
    const { name, entryType, startTime, duration, detail } = this.#fields;
    const base = { name, entryType, startTime, duration };
    return detail === undefined ? base : { ...base, detail };
  }

  [inspectCustom](_depth: number, _options: object, inspect: (value: object) => string): string {
    return `${this.constructor.name} ${inspect(this.toJSON())}`;
  }

  static {
    detailOf = (entry): unknown => entry.#fields.detail;
  }
}

export class PerformanceObserverEntryList {
  readonly #entries: readonly PerformanceEntry[];

  constructor(entries: readonly PerformanceEntry[]) {
    this.#entries = [...entries].sort((a, b) => a.startTime - b.startTime);
  }

  getEntries(): PerformanceEntry[] {
    return [...this.#entries];
  }

  getEntriesByType(type: unknown): PerformanceEntry[] {
    return this.#entries.filter((entry) => entry.entryType === String(type));
  }

  getEntriesByName(name: unknown, type?: unknown): PerformanceEntry[] {
    return this.#entries.filter(
      (entry) => entry.name === String(name) && (type === undefined || entry.entryType === type),
    );
  }
}

/** What is told of here. Node knows more kinds; of those a guest has no entries. */
const KINDS = ['dns', 'function', 'gc', 'http', 'http2', 'mark', 'measure', 'net', 'resource'];
const observers = new Set<PerformanceObserver>();
let scheduled = false;

interface ObserveOptions {
  readonly entryTypes?: unknown;
  readonly type?: unknown;
  readonly buffered?: unknown;
}

type Callback = (
  this: PerformanceObserver,
  list: PerformanceObserverEntryList,
  observer: PerformanceObserver,
) => void;

/** The entries there are; set by perf-hooks.ts. */
export const timeline: { entries: () => readonly PerformanceEntry[] } = { entries: () => [] };

/** Shows a new entry to whoever waits for its kind. */
export let give: (entry: PerformanceEntry) => void;
let tell: (observer: PerformanceObserver) => void;

export class PerformanceObserver {
  readonly #callback: Callback;
  #kinds: ReadonlySet<string> = new Set();
  #buffer: PerformanceEntry[] = [];
  #mode: 'type' | 'entryTypes' | undefined;

  constructor(callback: unknown) {
    validateFunction(callback, 'callback');
    this.#callback = callback as Callback;
  }

  observe(options: unknown = {}): void {
    validateObject(options, 'options');
    const { entryTypes, type, buffered } = options as ObserveOptions;
    if (entryTypes === undefined && type === undefined) {
      const text = 'The "options.entryTypes" and "options.type" arguments must be specified';
      throw nodeError(TypeError, 'ERR_MISSING_ARGS', text);
    }
    if (entryTypes !== undefined && type !== undefined) {
      const reason = 'options.entryTypes can not set with options.type together';
      throw invalidArgValue('options.entryTypes', entryTypes, reason);
    }
    const mode = type === undefined ? 'entryTypes' : 'type';
    if (this.#mode !== undefined && this.#mode !== mode) return;
    this.#mode = mode;
    const wanted = mode === 'type' ? [...this.#kinds, String(type)] : (entryTypes as unknown[]);
    this.#kinds = new Set(wanted.map(String).filter((kind) => KINDS.includes(kind)));
    if (this.#kinds.size === 0) {
      this.disconnect();
      return;
    }
    observers.add(this);
    if (mode === 'type' && buffered) {
      const known = timeline.entries().filter((entry) => entry.entryType === type);
      this.#buffer.push(...known);
      if (known.length > 0) schedule();
    }
  }

  disconnect(): void {
    observers.delete(this);
    this.#buffer = [];
    this.#kinds = new Set();
    this.#mode = undefined;
  }

  takeRecords(): PerformanceEntry[] {
    const taken = this.#buffer;
    this.#buffer = [];
    return taken;
  }

  static get supportedEntryTypes(): readonly string[] {
    return [...KINDS];
  }

  static {
    give = (entry): void => {
      for (const observer of observers) {
        if (!observer.#kinds.has(entry.entryType)) continue;
        observer.#buffer.push(entry);
        schedule();
      }
    };
    tell = (observer): void => {
      const entries = observer.takeRecords();
      if (entries.length === 0) return;
      observer.#callback.call(observer, new PerformanceObserverEntryList(entries), observer);
    };
  }
}

/** Observers are told in a turn of their own, of all that has come by then. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  later(() => {
    scheduled = false;
    for (const observer of [...observers]) {
      try {
        tell(observer);
      } catch (error) {
        kernel().throwLater(error);
      }
    }
  });
}

let later: (callback: () => void) => void = (callback) => kernel().nextTick(callback as never);

/** Called once: how a callback gets a turn of its own. */
export function tellLater(by: (callback: () => void) => void): void {
  later = by;
}
