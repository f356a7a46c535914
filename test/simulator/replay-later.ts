/** A machine on another thread, as a backup has it: it answers later, unless it is gone by then. */

import type { BackupMachine, ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './world.ts';

export interface ReplayOptions {
  readonly process: SimProcess;
  /** A group takes up to so long. */
  readonly replayMs: number;
  /** A planted bug: a replay that differs is passed over. */
  readonly ignoresDivergence: boolean;
  /** Whether a bit of the machine flips now. */
  flips(): boolean;
  /** What came of a group, right or wrong. */
  ran(result: TurnsResult): void;
  /** A group has been run, and is as its end says. */
  replayed(group: ReplayGroup): void;
}

export function replayLater(machine: SimMachine, options: ReplayOptions): BackupMachine {
  const { process, replayMs, ignoresDivergence } = options;
  const { world } = process;
  let disposed = false;
  return {
    replay: (group, done) => {
      const at = world.now + world.random.between(0.02, replayMs);
      if (options.flips()) {
        world.coverage.count('memory.flip');
        machine.flip();
      }
      machine.replay(group, (result, divergence) => {
        options.ran(result);
        const told = ignoresDivergence ? undefined : divergence;
        world.at(at, process, () => {
          if (disposed) return;
          if (divergence === undefined) options.replayed(group);
          done(result, told);
        });
      });
    },
    dispose: () => {
      disposed = true;
    },
  };
}
