/**
 * A run that goes on from its own log, in memory: what `host/recovery.ts` does with files. Every
 * complete group behind a snapshot is replayed and checked; the open one is left for the primary.
 */

import type { HeldOutput } from '../../hypervisor/ports.ts';
import { lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import {
  type Handover,
  type MachineState,
  NOTHING_RAN,
} from '../../hypervisor/replica/handover.ts';
import {
  knownReleased,
  type ReleasedAt,
  tellsFrom,
} from '../../hypervisor/replica/released-mark.ts';
import { asLsn, type Lsn } from '../../log-format/index.ts';
import { type BuildMachine, splitterBehind, startBefore } from './replayed-copy.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimSnapshot } from './sim-snapshots.ts';
import { type SimStore, STARTED_AT } from './sim-store.ts';

export interface Recovered {
  readonly machine: SimMachine;
  readonly handover: Omit<Handover, 'id'>;
  /** Outputs up to here are known to have left. */
  readonly known: Lsn;
  /** The guest has run a turn: it is not booted again. */
  readonly booted: boolean;
}

export interface RecoverOptions {
  readonly name: string;
  readonly mark: ReleasedAt | undefined;
  readonly build: BuildMachine;
}

/**
 * Undefined when there is nothing to go on with: the guest has ended, or was stopped on purpose. Nor from
 * the copy of a backup that was promoted and died before it had written down that it was: outputs did not wait
 * for what it has, others may have more.
 */
export function recover(store: SimStore, options: RecoverOptions): Recovered | undefined {
  const newest = store.snapshots.at(-1);
  const quick = recoverFrom(newest, store, options);
  if (quick === undefined || newest === undefined) return quick;
  // What had not left may come from records before the snapshot: it is made again.
  const from = tellsFrom({ view: newest.view, lsnReleased: quick.known }, options.mark);
  const earlier = from < newest.lsn ? startBefore(store, from) : newest;
  if (earlier === newest) return quick;
  return recoverFrom(earlier, store, options);
}

function recoverFrom(
  at: SimSnapshot | undefined,
  store: SimStore,
  { name, mark, build }: RecoverOptions,
): Recovered | undefined {
  const machine = build(at);
  const splitter = splitterBehind(at);
  const outputs: HeldOutput[] = [];
  let state: MachineState = at?.state ?? NOTHING_RAN;
  let lsnReplayed: Lsn = at?.lsn ?? asLsn(0);
  for (const batch of store.decoded(lsnReplayed)) {
    for (const group of splitter.push(batch)) {
      machine.replay(group, (result, divergence) => {
        if (divergence !== undefined) throw new Error(`own log differs at lsn ${divergence.lsn}`);
        lsnReplayed = lastLsnOf(group);
        state = result;
        outputs.push(...result.outputs);
      });
    }
  }
  if (splitter.stop !== undefined || state.halted !== undefined) return undefined;
  const { view, reignSince, timeLast } = splitter;
  // Without a view in it a log is unborn: a new run begins, under another name.
  if (view === undefined || view.primary !== name) return undefined;
  const tail = splitter.tail();
  const known = knownReleased({ view, reignSince, lsnReplayed }, mark, at);
  const { alarmAt, immediatesLeft, halted } = state;
  return {
    machine,
    known,
    booted: lsnReplayed > 0 || tail !== undefined,
    handover: {
      vm: 'toy-00000000',
      name,
      view: undefined,
      hello: undefined,
      epochLast: view.epoch,
      formerIds: [view.primary],
      startedAt: STARTED_AT,
      history: store.history,
      timeLast: timeLast > STARTED_AT ? timeLast : STARTED_AT,
      lsnReceived: store.lsnLast,
      lsnReplayed,
      // Nothing from before the start is held, whatever became of it: a backup may join from there.
      lsnReleased: asLsn(Math.max(known, at?.lsn ?? 0)),
      groups: [],
      tail,
      held: outputs.filter(({ lsn }) => lsn > known),
      machine: { alarmAt, immediatesLeft, halted },
    },
  };
}
