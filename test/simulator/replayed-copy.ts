/** What a disk has of a log, run by a new machine: a copy that is opened again, or one that nothing ran. */

import type { HeldOutput, ReplayGroup } from '../../hypervisor/ports.ts';
import { GroupSplitter, lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import { type MachineState, NOTHING_RAN } from '../../hypervisor/replica/handover.ts';
import { asLsn, type Lsn, type Micros } from '../../log-format/index.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimStore } from './sim-store.ts';

export interface ReplayedCopy {
  readonly lsnReplayed: Lsn;
  readonly outputsCrc: number;
  readonly timeLast: Micros;
  readonly state: MachineState;
  readonly tail: ReplayGroup | undefined;
  /** Outputs that are not known to have left, oldest first. */
  readonly held: readonly HeldOutput[];
}

export function replayCopy(store: SimStore, machine: SimMachine, lsnReleased: Lsn): ReplayedCopy {
  const splitter = new GroupSplitter();
  const held: HeldOutput[] = [];
  let lsnReplayed = asLsn(0);
  let state = NOTHING_RAN;
  let outputsCrc = 0;
  for (const batch of store.decoded())
    for (const group of splitter.push(batch))
      machine.replay(group, (result, divergence) => {
        if (divergence !== undefined) throw new Error('a copy does not replay');
        held.push(...result.outputs.filter(({ lsn }) => lsn > lsnReleased));
        lsnReplayed = lastLsnOf(group);
        state = result;
        outputsCrc = result.end.outputsCrc;
      });
  store.replayed(lsnReplayed);
  const { timeLast } = splitter;
  return { lsnReplayed, outputsCrc, timeLast, state, tail: splitter.tail(), held };
}
