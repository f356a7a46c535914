/** Bugs planted on the links between replicas. */

import type { Message } from '../../hypervisor/protocol/messages.ts';
import {
  asLsn,
  decodeBatch,
  FRAME,
  FRAME_HEAD_BYTES,
  FrameReader,
  peekBatch,
} from '../../log-format/index.ts';
import { ackOf } from '../support/messages.ts';
import type { Tap } from './network.ts';
import { STARTED_AT } from './sim-store.ts';
import type { World } from './world.ts';

/** A newcomer's false ack comes when the stream has ended and before it has arrived. */
const EARLY_MS = 0.5;

/** An ack for every batch the moment it is sent. */
export const ackAtOnce: Tap = (_from, message, answer) => {
  if (message.type === 'batch') {
    const { epoch } = message;
    answer(ackOf({ epoch, lsnReceived: message.batch.lastLsn, lsnReplayed: asLsn(0) }));
  }
  return message;
};

/** A newcomer says that it has the whole transfer when that has only been sent. */
export function ackTransfer(world: World): Tap {
  return (_from, message, answer) => {
    if (message.type !== 'frames') return message;
    const reader = new FrameReader(1 << 24);
    reader.push(message.bytes);
    let lsnReceived = asLsn(0);
    for (let next = reader.next(); next.type === 'frame'; next = reader.next())
      if (next.frame.type === FRAME.batch) lsnReceived = peekBatch(next.frame.bytes).lastLsn;
    const { epoch } = message;
    world.at(world.now + EARLY_MS, undefined, () =>
      answer(ackOf({ epoch, lsnReceived, lsnReplayed: asLsn(0) })),
    );
    return message;
  };
}

/** A backup is told that everything has left. */
export const forgetEarly: Tap = (_from, message): Message =>
  message.type === 'batch' ? { ...message, lsnReleased: message.batch.lastLsn } : message;

/** Neither the stop record nor the farewell reaches a backup, and the primary is told that they have. */
export const stopUnsaid: Tap = (_from, message, answer): Message => {
  const { epoch } = message;
  const nothing = { type: 'released', epoch, lsnReleased: asLsn(0) } as const;
  if (message.type === 'bye') return nothing;
  if (message.type !== 'batch') return message;
  const { records } = decodeBatch(message.batch.bytes.subarray(FRAME_HEAD_BYTES), STARTED_AT);
  if (records.every(({ type }) => type !== 'stop')) return message;
  answer(ackOf({ epoch, lsnReceived: message.batch.lastLsn, lsnReplayed: asLsn(0) }));
  return nothing;
};

/** A backup says that it has run whatever it has. */
export const ackUnrun: Tap = (_from, message): Message =>
  message.type === 'ack' ? { ...message, lsnReplayed: message.lsnReceived } : message;

/** A backup hears that outputs wait for all of them, so that each has whatever has left. */
export const tellsAll: Tap = (_from, message): Message =>
  message.type === 'hello' ? { ...message, rule: { ...message.rule, quorum: 0 } } : message;

/** A hidden backup does not say so. */
export const seemsOpen: Tap = (_from, message): Message =>
  message.type === 'welcome' ? { ...message, hidden: false } : message;
