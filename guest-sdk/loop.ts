/**
 * The guest's event loop: which callback runs next. The machine drives it: one `dispatch` per
 * interrupt, then `step` again and again with a drain of the promise jobs between, until nothing is
 * left to do in this turn. Every callback is followed by the ticks it queued; the jobs, the ticks of
 * the jobs and rejections come before the next callback (Node's order since version 11).
 */

import { STEP } from '../log-format/abi.ts';
import { leaveAll } from './async-context.ts';
import { exitNow, reportUncaught } from './fatal.ts';
import { processObject } from './process-object.ts';
import { processRejections } from './rejections.ts';
import { runTicks, ticksPending } from './ticks.ts';
import type { TimerEntry } from './timer-wheel.ts';
import {
  alarmRang,
  armAlarm,
  nowMs,
  sinceBootMicros,
  takeDue,
  timersReferenced,
} from './timer-wheel.ts';

/** One queued immediate; `run` is cleared when it is cancelled. */
export interface ImmediateEntry {
  run: (() => void) | undefined;
  referenced: boolean;
}

let immediates: ImmediateEntry[] = [];
/** Immediates of the phase that is running; those queued by them wait for the next turn. */
let phase: ImmediateEntry[] = [];
let phaseHead = 0;
let referencedImmediates = 0;
/** Messages between ports, delivered before the immediates of a turn. */
let arrivals: (() => void)[] = [];
let arriving: (() => void)[] = [];
let arrivalsBegun = false;
let handles = 0;
/** Time up to which timers are due in this turn; -1 outside an alarm turn. */
let dueUntilMs = -1;
let checkBegun = false;
/** The loop's first round starts with timers, as Node's does after the script has run. */
let firstRound = true;
let loopBegan = -1;
let emptinessAnnounced = false;
let expireTimer: (timer: TimerEntry) => void = () => {};

/** Called once: node/timers.ts knows what to do with a timer that is due. */
export function onTimerDue(expire: (timer: TimerEntry) => void): void {
  expireTimer = expire;
}

/** When the script had run, by the guest's clock; -1 before. */
export function loopStartMs(): number {
  return loopBegan;
}

/** A listener, connection or input stream that keeps the guest alive. */
export function handleOpened(): void {
  handles += 1;
}

export function handleClosed(): void {
  handles -= 1;
}

export function queueImmediate(entry: ImmediateEntry): void {
  immediates.push(entry);
  if (entry.referenced) referencedImmediates += 1;
}

export function cancelImmediate(entry: ImmediateEntry): void {
  if (entry.run === undefined) return;
  entry.run = undefined;
  if (entry.referenced) referencedImmediates -= 1;
}

export function referenceImmediate(entry: ImmediateEntry, referenced: boolean): void {
  if (entry.referenced === referenced) return;
  entry.referenced = referenced;
  if (entry.run !== undefined) referencedImmediates += referenced ? 1 : -1;
}

/** Runs `deliver` where Node polls for what has arrived. It keeps nobody alive. */
export function queueArrival(deliver: () => void): void {
  arrivals.push(deliver);
}

/** Starts a turn: runs `callback` (the interrupt's handler) and the ticks it queues. */
export function beginTurn(callback: () => void): void {
  checkBegun = false;
  arrivalsBegun = false;
  runCallback(callback);
}

/** The alarm's turn: timers due by now run one per step. */
export function beginAlarm(): void {
  checkBegun = false;
  arrivalsBegun = false;
  alarmRang();
  dueUntilMs = nowMs();
}

function runCallback(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    reportUncaught(error, 'uncaughtException');
  }
  leaveAll();
  runTicks();
}

/** Runs the next thing of this turn. Answers a STEP. */
export function step(): number {
  if (ticksPending()) {
    runTicks();
    return STEP.again;
  }
  if (processRejections()) {
    runTicks();
    return STEP.again;
  }
  if (firstRound) {
    firstRound = false;
    loopBegan = sinceBootMicros() / 1000;
    dueUntilMs = nowMs();
  }
  if (dueUntilMs >= 0) {
    const timer = takeDue(dueUntilMs);
    if (timer !== undefined) {
      runCallback(() => expireTimer(timer));
      return STEP.again;
    }
    dueUntilMs = -1;
  }
  if (deliverArrival() || runImmediate()) return STEP.again;
  return endOfTurn();
}

/** One message of those that were under way when this turn got to them. */
function deliverArrival(): boolean {
  if (!arrivalsBegun) {
    arrivalsBegun = true;
    arriving = arrivals.reverse();
    arrivals = [];
  }
  const deliver = arriving.pop();
  if (deliver !== undefined) runCallback(deliver);
  return deliver !== undefined;
}

/** One immediate of this turn's phase. Those cancelled meanwhile are skipped. */
function runImmediate(): boolean {
  if (!checkBegun) {
    checkBegun = true;
    phase = immediates;
    phaseHead = 0;
    immediates = [];
  }
  while (phaseHead < phase.length) {
    const entry = phase[phaseHead];
    phaseHead += 1;
    const run = entry?.run;
    if (entry === undefined || run === undefined) continue;
    entry.run = undefined;
    if (entry.referenced) referencedImmediates -= 1;
    runCallback(run);
    return true;
  }
  return false;
}

function isAlive(): boolean {
  return handles > 0 || referencedImmediates > 0 || timersReferenced();
}

function endOfTurn(): number {
  if (isAlive()) {
    emptinessAnnounced = false;
    armAlarm();
    return referencedImmediates > 0 || arrivals.length > 0 ? STEP.immediatesLeft : STEP.idle;
  }
  if (!emptinessAnnounced) {
    // Listeners may start something; the next step finds out, when their jobs have run.
    emptinessAnnounced = true;
    runCallback(() => processObject.emit('beforeExit', processObject.exitCode ?? 0));
    return STEP.again;
  }
  return exitNow();
}
