/**
 * The replay between winning a view and going live: first the complete groups that were not replayed
 * yet, checked as ever, then the group whose `end` died with the old primary. Only then is the new
 * primary where the old one may have been when it let its last output out.
 */

import {
  type Epoch,
  INTERRUPT,
  type Lsn,
  type MidTurnRecord,
  NET_ERRORS,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import type {
  Entropy,
  HostInterrupt,
  MachineDivergence,
  MachinePort,
  NetBackend,
  TurnsResult,
} from '../ports.ts';
import { lastLsnOf } from './group-splitter.ts';
import { type Handover, type MachineState, NOTHING_RAN } from './handover.ts';
import { inTurn } from './in-turn.ts';

export interface TakeoverHandlers {
  /** Outputs of records up to `lsn`, as the old primary produced them. */
  replayed(result: TurnsResult, lsn: Lsn): void;
  /** A record the open group takes beyond those it has; logs it. */
  midTurn(record: MidTurnRecord): Lsn;
  /** The open group is run; its `end` is the new primary's to log. */
  settled(result: TurnsResult): void;
  /** Final: `done` does not follow. */
  diverged(divergence: MachineDivergence): void;
  done(state: MachineState): void;
}

export function replayRest(
  handover: Handover,
  machine: MachinePort,
  handlers: TakeoverHandlers,
): void {
  const { groups, tail } = handover;
  let state = handover.machine ?? NOTHING_RAN;
  const settle = (): void => {
    if (tail === undefined) {
      handlers.done(state);
      return;
    }
    let lsn = lastLsnOf(tail);
    machine.settle(
      tail,
      (result) => {
        handlers.replayed(result, lsn);
        handlers.settled(result);
        handlers.done(result);
      },
      (record) => {
        lsn = handlers.midTurn(record);
        return lsn;
      },
    );
  };
  const replay = (index: number, done: () => void): void => {
    const group = defined(groups[index], 'a group to replay exists');
    machine.replay(group, (result, divergence) => {
      if (divergence !== undefined) {
        handlers.diverged(divergence);
        return;
      }
      state = result;
      handlers.replayed(result, lastLsnOf(group));
      done();
    });
  };
  inTurn(groups.length, replay, settle);
}

/** Seeds every generator of a promoted guest. */
const RESEED_BYTES = 32;
const ECONNRESET = NET_ERRORS.indexOf('ECONNRESET');

/**
 * From here on the replica acts. What the takeover itself changes for the guest goes first: fresh
 * entropy (or both lives of the guest would draw the same numbers), and the connections that died
 * with the old primary.
 */
export function urgentInterrupts(
  ports: {
    readonly net: NetBackend;
    readonly machine: MachinePort;
    readonly entropy: Entropy;
  },
  epoch: Epoch,
  state: MachineState,
): readonly HostInterrupt[] {
  const gone = ports.net.goLive(epoch, ports.machine.netTable());
  if (state.halted !== undefined) return [];
  const payload = ports.entropy.bytes(RESEED_BYTES);
  return [
    { kind: INTERRUPT.reseed, id: 0, num: 0, payload },
    ...gone.map((id) => ({
      kind: INTERRUPT.netClose,
      id,
      num: ECONNRESET,
      payload: undefined,
    })),
  ];
}
