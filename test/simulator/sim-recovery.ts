/**
 * A run that goes on from its own log, in memory: what `host/recovery.ts` does with files. Every
 * complete group is replayed and checked; the open one is left for the primary.
 */

import type { HeldOutput } from '../../hypervisor/ports.ts';
import { GroupSplitter, lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import {
  type Handover,
  type MachineState,
  NOTHING_RAN,
} from '../../hypervisor/replica/handover.ts';
import { knownReleased, type ReleasedAt } from '../../hypervisor/replica/released-mark.ts';
import type { EncodedBatch } from '../../log-format/index.ts';
import { asLsn, decodeBatch, FRAME_HEAD_BYTES, type Lsn } from '../../log-format/index.ts';
import type { SimMachine } from './sim-machine.ts';
import { historyOf, STARTED_AT } from './sim-store.ts';

export interface Recovered {
  readonly handover: Omit<Handover, 'id'>;
  /** The guest has run a turn: it is not booted again. */
  readonly booted: boolean;
}

/** What a dead process has left on its disk. */
export interface Left {
  readonly batches: readonly EncodedBatch[];
  readonly mark: ReleasedAt | undefined;
}

/**
 * Undefined when there is nothing to go on with: the guest has ended, or was stopped on purpose. Nor from
 * the copy of a backup that was promoted and died before it had written down that it was: outputs did not wait
 * for what it has, others may have more.
 */
export function recover(
  { batches, mark }: Left,
  machine: SimMachine,
  name: string,
): Recovered | undefined {
  const splitter = new GroupSplitter();
  const outputs: HeldOutput[] = [];
  let state: MachineState = NOTHING_RAN;
  let lsnReplayed: Lsn = asLsn(0);
  for (const { bytes } of batches) {
    const batch = decodeBatch(bytes.subarray(FRAME_HEAD_BYTES), STARTED_AT);
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
  const lsnReleased = knownReleased({ view, reignSince, lsnReplayed }, mark);
  const { alarmAt, immediatesLeft, halted } = state;
  return {
    booted: lsnReplayed > 0 || tail !== undefined,
    handover: {
      vm: 'toy-00000000',
      name,
      view: undefined,
      hello: undefined,
      epochLast: view.epoch,
      formerIds: [view.primary],
      startedAt: STARTED_AT,
      history: historyOf(batches),
      timeLast: timeLast > STARTED_AT ? timeLast : STARTED_AT,
      lsnReceived: batches.at(-1)?.lastLsn ?? asLsn(0),
      lsnReplayed,
      lsnReleased,
      groups: [],
      tail,
      held: outputs.filter(({ lsn }) => lsn > lsnReleased),
      machine: { alarmAt, immediatesLeft, halted },
    },
  };
}
