/** `node:perf_hooks` and the global `performance`: the virtual clock, marks and measures. */

import { bootedAtMicros, sinceBootMicros } from '../timer-wheel.ts';
import { nodeError } from './node-errors.ts';

interface MarkOptions {
  readonly startTime?: number;
  readonly detail?: unknown;
}

export class PerformanceEntry {
  readonly name: string;
  readonly entryType: string;
  readonly startTime: number;
  readonly duration: number;
  readonly detail: unknown;

  constructor(entry: {
    name: string;
    entryType: string;
    startTime: number;
    duration: number;
    detail: unknown;
  }) {
    this.name = entry.name;
    this.entryType = entry.entryType;
    this.startTime = entry.startTime;
    this.duration = entry.duration;
    this.detail = entry.detail;
  }

  toJSON(): object {
    return { ...this };
  }
}

class Performance {
  #entries: PerformanceEntry[] = [];

  get timeOrigin(): number {
    return bootedAtMicros() / 1000;
  }

  now(): number {
    return sinceBootMicros() / 1000;
  }

  mark(name: string, options: MarkOptions = {}): PerformanceEntry {
    const startTime = options.startTime ?? this.now();
    return this.#add({
      name: String(name),
      entryType: 'mark',
      startTime,
      duration: 0,
      detail: options.detail ?? null,
    });
  }

  measure(name: string, startMark?: string, endMark?: string): PerformanceEntry {
    const startTime = startMark === undefined ? 0 : this.#markTime(startMark);
    const end = endMark === undefined ? this.now() : this.#markTime(endMark);
    return this.#add({
      name: String(name),
      entryType: 'measure',
      startTime,
      duration: end - startTime,
      detail: null,
    });
  }

  #add(entry: ConstructorParameters<typeof PerformanceEntry>[0]): PerformanceEntry {
    const made = new PerformanceEntry(entry);
    this.#entries.push(made);
    return made;
  }

  #markTime(name: string): number {
    const mark = this.#entries.findLast(
      (entry) => entry.entryType === 'mark' && entry.name === name,
    );
    if (mark) return mark.startTime;
    const text = `The "${name}" performance mark has not been set`;
    throw nodeError(SyntaxError, 'ERR_INVALID_PERFORMANCE_MARK', text);
  }

  getEntries(): PerformanceEntry[] {
    return this.#entries.toSorted((a, b) => a.startTime - b.startTime);
  }

  getEntriesByName(name: string, type?: string): PerformanceEntry[] {
    return this.getEntries().filter(
      (entry) => entry.name === name && (type === undefined || entry.entryType === type),
    );
  }

  getEntriesByType(type: string): PerformanceEntry[] {
    return this.getEntries().filter((entry) => entry.entryType === type);
  }

  clearMarks(name?: string): void {
    this.#clear('mark', name);
  }

  clearMeasures(name?: string): void {
    this.#clear('measure', name);
  }

  #clear(type: string, name: string | undefined): void {
    this.#entries = this.#entries.filter(
      (entry) => entry.entryType !== type || (name !== undefined && entry.name !== name),
    );
  }

  toJSON(): object {
    return { timeOrigin: this.timeOrigin };
  }
}

export const performance = new Performance();
export const exported = { performance, PerformanceEntry };
