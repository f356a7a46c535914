/**
 * What a disk has of a log, run by a new machine: a copy that is opened again, or one that nothing ran. As
 * `host/restore-copy.ts` does it with files: from the newest snapshot before which every output has left.
 */

import type { HeldOutput, ReplayGroup } from '../../hypervisor/ports.ts';
import { GroupSplitter, lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import { type MachineState, NOTHING_RAN } from '../../hypervisor/replica/handover.ts';
import { asLsn, type Lsn, type Micros } from '../../log-format/index.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimSnapshot } from './sim-snapshots.ts';
import type { SimStore } from './sim-store.ts';

export interface ReplayedCopy {
  readonly machine: SimMachine;
  readonly lsnReplayed: Lsn;
  readonly outputsCrc: number;
  readonly timeLast: Micros;
  readonly state: MachineState;
  readonly tail: ReplayGroup | undefined;
  /** Outputs that are not known to have left, oldest first. */
  readonly held: readonly HeldOutput[];
}

/** A machine as it was at a snapshot; undefined: one that has run nothing. */
export type BuildMachine = (at: SimSnapshot | undefined) => SimMachine;

/** Where a log without its beginning does not go back so far, it begins as late as it has to. */
export function startBefore(store: SimStore, lsnReleased: number): SimSnapshot | undefined {
  return store.newest(lsnReleased) ?? store.origin;
}

/** A splitter for what lies behind `at`. */
export function splitterBehind(at: SimSnapshot | undefined): GroupSplitter {
  if (at === undefined) return new GroupSplitter();
  return new GroupSplitter({ tail: undefined, timeLast: at.time, view: at.view });
}

export function replayCopy(
  store: SimStore,
  at: SimSnapshot | undefined,
  { build, lsnReleased }: { readonly build: BuildMachine; readonly lsnReleased: Lsn },
): ReplayedCopy {
  const machine = build(at);
  const splitter = splitterBehind(at);
  const held: HeldOutput[] = [];
  let lsnReplayed = at?.lsn ?? asLsn(0);
  let state = at?.state ?? NOTHING_RAN;
  let outputsCrc = at?.outputsCrc ?? 0;
  for (const batch of store.decoded(lsnReplayed))
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
  return { machine, lsnReplayed, outputsCrc, timeLast, state, tail: splitter.tail(), held };
}
