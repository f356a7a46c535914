/**
 * The firmware: everything inside the machine that is not the user's. One script whose value is
 * `start`; the machine evaluates it, calls `start` with the traps and keeps the kernel it returns.
 *
 * None of this may read the clock, take entropy or use `Math.random` before the boot interrupt:
 * there is no record it could have come from.
 */

import './prelude.ts';

import { bootConfig } from './boot-config.ts';
import { installTraps, type Traps } from './drivers/traps.ts';
import { headerRule } from './errors.ts';
import { reportUncaught, writeError } from './fatal.ts';
import { installGlobals } from './globals.ts';
import { type Kernel, kernel } from './kernel.ts';
import { provide } from './module-registry.ts';
import { volume } from './node/fs-volume.ts';
import { inspectHook } from './node/inspect-hook.ts';
import { installKernelHooks } from './node/kernel-hooks.ts';
import { isNodeError } from './node/node-errors.ts';
import { buildProcess, queueMicrotask } from './node/process.ts';
import { emitWarning } from './node/process-warnings.ts';
import { standardOutput } from './node/standard-streams.ts';
import { clearTimeout, setImmediate, setUnreferencedTimeout } from './node/timers.ts';
import { nodeModules } from './node-modules.ts';
import { processObject } from './process-object.ts';
import { nextTick } from './ticks.ts';
import { sinceBootMicros } from './timer-wheel.ts';

function environmentOf(): Record<string, string | undefined> {
  return (processObject as unknown as { env: Record<string, string | undefined> }).env;
}

export function start(given: Traps): Kernel {
  installTraps(given);
  headerRule.showsCode = isNodeError;
  installKernelHooks({
    nextTick: nextTick as (callback: (...args: never[]) => void, ...args: unknown[]) => void,
    setImmediate: (callback, ...args) => {
      setImmediate(callback as (...args: unknown[]) => void, ...args);
    },
    queueMicrotask,
    emitWarning,
    throwLater: (error) => nextTick(() => reportUncaught(error, 'uncaughtException')),
    startTimer: setUnreferencedTimeout,
    stopTimer: clearTimeout,
    monotonicMs: () => sinceBootMicros() / 1000,
    cwd: () => volume.cwd(),
    env: (name) => environmentOf()[name],
    get pid() {
      return bootConfig().pid;
    },
    printError: writeError,
    standardStreams: () => [standardOutput(1), standardOutput(2)],
  });
  buildProcess();
  installGlobals();
  provide(nodeModules);
  // The package evaluates parts of itself at the first object with a class.
  inspectHook.inspect(processObject);
  return kernel;
}
