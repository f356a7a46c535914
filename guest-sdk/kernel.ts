/** The functions a machine calls, and what each interrupt means to the guest. */

import { INTERRUPT, STEP } from '../log-format/abi.ts';
import { readBootConfig } from './boot-config.ts';
import { committed } from './commit.ts';
import { runImage } from './entry.ts';
import { reportUncaught } from './fatal.ts';
import { beginAlarm, beginTurn, step } from './loop.ts';
import { mounted } from './node/fs-mounts.ts';
import {
  netAccept,
  netBound,
  netClose,
  netConnected,
  netData,
  netDrain,
  netEnd,
} from './node/net-device.ts';
import { configureProcess, signalArrived } from './node/process.ts';
import { stdinData, stdinEnd } from './node/standard-streams.ts';
import { preempt } from './preempt.ts';
import { rejectionEvent } from './rejections.ts';
import { startClock } from './timer-wheel.ts';

export interface Kernel {
  /** First turn. `image` is undefined when the script could not be compiled. */
  boot(config: ArrayBuffer, image: unknown, compileError: unknown): void;
  dispatch(kind: number, id: number, num: number, payload: ArrayBuffer | undefined): void;
  /** Answers a STEP. */
  step(): number;
  /** A preemptive timer is due in the middle of a turn. Machines of version 2 call it. */
  preempt(): void;
  /** An event of the engine's rejection tracker. */
  rejected(promise: object, reason: unknown, handled: boolean): void;
}

/** Only mounts have news for a guest that has not booted. */
let isBooted = false;

function boot(config: ArrayBuffer, image: unknown, compileError: unknown): void {
  isBooted = true;
  startClock();
  configureProcess(readBootConfig(config));
  beginTurn(() => {
    if (typeof image === 'function') runImage(image as Parameters<typeof runImage>[0]);
    else reportUncaught(compileError, 'uncaughtException');
  });
}

function handle(kind: number, id: number, num: number, payload: ArrayBuffer | undefined): void {
  switch (kind) {
    case INTERRUPT.netData:
      netData(id, payload);
      return;
    case INTERRUPT.netDrain:
      netDrain(id);
      return;
    case INTERRUPT.netAccept:
      netAccept(id, num, payload);
      return;
    case INTERRUPT.netConnected:
      netConnected(id, payload);
      return;
    case INTERRUPT.netEnd:
      netEnd(id);
      return;
    case INTERRUPT.netClose:
      netClose(id, num);
      return;
    case INTERRUPT.netBound:
      netBound(id, num, payload);
      return;
    case INTERRUPT.stdinData:
      if (payload !== undefined) stdinData(payload);
      return;
    case INTERRUPT.stdinEnd:
      stdinEnd();
      return;
    case INTERRUPT.signal:
      signalArrived(id);
      return;
    case INTERRUPT.committed:
      committed(id);
      return;
    case INTERRUPT.mounted:
      mounted(id, payload);
      return;
    default:
      // check, netUnbound and reseed ask nothing of the kernel: the turn itself is the point.
      return;
  }
}

export const kernel: Kernel = {
  boot,
  dispatch(kind, id, num, payload): void {
    if (!isBooted) mounted(id, payload);
    else if (kind === INTERRUPT.alarm) beginAlarm();
    else beginTurn(() => handle(kind, id, num, payload));
  },
  step: () => (isBooted ? step() : STEP.idle),
  preempt,
  rejected: rejectionEvent,
};
