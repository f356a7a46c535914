/**
 * The guest's timers over the machine's one alarm: a list per duration, a heap of lists by the time
 * their first timer is due. All timers of one duration fall due in the order they were started, so
 * starting and stopping one costs a few pointer writes (the shape of Node's lib/internal/timers.js).
 * Times are whole milliseconds since boot, as libuv's are.
 */

import { traps } from './drivers/traps.ts';

/** One waiting timer. node/timers.ts builds its public objects on it. */
export interface TimerEntry {
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  list: TimerList | undefined;
  startedAt: number;
  durationMs: number;
  referenced: boolean;
}

interface TimerList {
  readonly durationMs: number;
  first: TimerEntry | undefined;
  last: TimerEntry | undefined;
  /** When the first timer is due. A lower bound: a first timer that was stopped does not raise it. */
  expiry: number;
  /** Place in the heap. */
  index: number;
  /** Breaks ties: lists with the same expiry run in the order they were queued. */
  order: number;
}

const lists = new Map<number, TimerList>();
const heap: TimerList[] = [];
let lastOrder = 0;
let referencedCount = 0;
let bootMicros = 0;
let armedMs = -1;

/** Sets the origin of the milliseconds: the time of the boot interrupt. */
export function startClock(): void {
  bootMicros = traps.now();
}

export function bootedAtMicros(): number {
  return bootMicros;
}

/** Microseconds since boot, with a fraction. */
export function sinceBootMicros(): number {
  return traps.now() - bootMicros;
}

export function nowMs(): number {
  return Math.floor(sinceBootMicros() / 1000);
}

export function timersReferenced(): boolean {
  return referencedCount > 0;
}

export function startTimer(timer: TimerEntry, durationMs: number, startMs: number): void {
  stopTimer(timer);
  const duration = Math.trunc(durationMs);
  timer.startedAt = startMs;
  timer.durationMs = duration;
  let list = lists.get(duration);
  if (list === undefined) {
    lastOrder += 1;
    const index = heap.length;
    const expiry = startMs + duration;
    list = {
      durationMs: duration,
      first: undefined,
      last: undefined,
      expiry,
      index,
      order: lastOrder,
    };
    lists.set(duration, list);
    heap.push(list);
    siftUp(index);
  }
  timer.previous = list.last;
  timer.next = undefined;
  if (list.last === undefined) list.first = timer;
  else list.last.next = timer;
  list.last = timer;
  timer.list = list;
  if (timer.referenced) referencedCount += 1;
}

/** Idempotent. */
export function stopTimer(timer: TimerEntry): void {
  const list = timer.list;
  if (list === undefined) return;
  if (timer.previous === undefined) list.first = timer.next;
  else timer.previous.next = timer.next;
  if (timer.next === undefined) list.last = timer.previous;
  else timer.next.previous = timer.previous;
  timer.previous = undefined;
  timer.next = undefined;
  timer.list = undefined;
  if (timer.referenced) referencedCount -= 1;
  if (list.first === undefined) removeList(list);
}

export function setReferenced(timer: TimerEntry, referenced: boolean): void {
  if (timer.referenced === referenced) return;
  timer.referenced = referenced;
  if (timer.list !== undefined) referencedCount += referenced ? 1 : -1;
}

/** Takes the next timer that is due at `atMs`, out of its list. */
export function takeDue(atMs: number): TimerEntry | undefined {
  for (;;) {
    const list = heap[0];
    if (list === undefined) return undefined;
    const timer = list.first;
    if (timer === undefined) return undefined;
    const due = timer.startedAt + list.durationMs;
    if (due <= atMs) {
      stopTimer(timer);
      return timer;
    }
    if (list.expiry > atMs) return undefined;
    // The list was queued for a timer that is gone; its next one is later.
    list.expiry = due;
    lastOrder += 1;
    list.order = lastOrder;
    siftDown(0);
  }
}

/** Arms the alarm for the earliest timer, if that is not armed already. */
export function armAlarm(): void {
  const wanted = heap[0] === undefined ? -1 : heap[0].expiry;
  if (wanted === armedMs) return;
  armedMs = wanted;
  traps.alarm(wanted < 0 ? -1 : bootMicros + wanted * 1000);
}

/** The alarm rang: it is no longer armed. */
export function alarmRang(): void {
  armedMs = -1;
}

function removeList(list: TimerList): void {
  lists.delete(list.durationMs);
  const last = heap.pop();
  if (last === undefined || last === list) return;
  heap[list.index] = last;
  last.index = list.index;
  siftDown(last.index);
  siftUp(last.index);
}

function before(a: TimerList, b: TimerList): boolean {
  return a.expiry < b.expiry || (a.expiry === b.expiry && a.order < b.order);
}

function siftUp(from: number): void {
  let index = from;
  const item = heap[index];
  if (item === undefined) return;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !before(item, parent)) break;
    heap[index] = parent;
    parent.index = index;
    index = parentIndex;
  }
  heap[index] = item;
  item.index = index;
}

function siftDown(from: number): void {
  let index = from;
  const item = heap[index];
  if (item === undefined) return;
  for (;;) {
    let childIndex = 2 * index + 1;
    let child = heap[childIndex];
    const right = heap[childIndex + 1];
    if (child !== undefined && right !== undefined && before(right, child)) {
      child = right;
      childIndex += 1;
    }
    if (child === undefined || !before(child, item)) break;
    heap[index] = child;
    child.index = index;
    index = childIndex;
  }
  heap[index] = item;
  item.index = index;
}
