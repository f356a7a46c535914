/**
 * Messages to bytes and back. Batches and frames of the log travel exactly as they lie on disk,
 * behind a fixed header, so that the hot path neither encodes nor copies them twice; everything else
 * is one positional array. Must never let bytes from a stranger become more than a reason to hang up.
 *
 *   batch   0x01 | epoch, lsnReleased, batch epoch, firstLsn, lastLsn (f64 BE each) | frame
 *   frames  0x02 | epoch (f64 BE) | frames
 *   snapshot is a control message, too: its bytes are few beside a file's
 *   others  encodeValue([code, field, ...]); its first byte is never 0x01 or 0x02
 *
 * The order of the fields in CONTROL is the order on the wire: a change is a new PROTOCOL_VERSION.
 */

import {
  asEpoch,
  asLsn,
  decodeValue,
  type Epoch,
  encodeValue,
  FormatError,
  type Lsn,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import {
  CONTROL_BYTES_MAX,
  FRAME_BYTES_MAX,
  HISTORY_EPOCHS_MAX,
  SNAPSHOT_FILES_MAX,
  VIEW_BACKUPS_MAX,
} from '../base/limits.ts';
import { ACK_LEVELS, type AckRule } from './ack-level.ts';
import type { EpochStart } from './history.ts';
import { type Message, PROTOCOL_VERSION, type SnapshotFile, type View } from './messages.ts';

/** `garbage` is what a peer that is not our hv, or is out of its mind, sends: close the link. */
export type DecodedMessage =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'garbage'; readonly reason: string };

type Framed = Extract<Message, { type: 'batch' | 'frames' }>;
type Control = Exclude<Message, Framed>;
type ControlType = Control['type'];
type ControlOf<T extends ControlType> = Extract<Control, { type: T }>;
/** Turns a decoded value into the field, or throws a FormatError. */
type Read<T> = (value: unknown) => T;

const BATCH_CODE = 0x01;
const FRAMES_CODE = 0x02;
const NUMBER_BYTES = 8;
const BATCH_HEADER_BYTES: number = 1 + 5 * NUMBER_BYTES;
const FRAMES_HEADER_BYTES: number = 1 + NUMBER_BYTES;

const count: Read<number> = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FormatError('a count is missing');
};
const epoch: Read<Epoch> = (value) => asEpoch(count(value));
const lsn: Read<Lsn> = (value) => asLsn(count(value));
/** Exit statuses: a guest may exit with a negative one. */
const integer: Read<number> = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new FormatError('an integer is missing');
};
const text: Read<string> = (value) => {
  if (typeof value === 'string') return value;
  throw new FormatError('a text is missing');
};
const view: Read<View> = (value) => {
  if (!Array.isArray(value) || value.length !== 3 || !Array.isArray(value[2])) {
    throw new FormatError('a view is missing');
  }
  const backups: readonly unknown[] = value[2];
  if (backups.length > VIEW_BACKUPS_MAX) throw new FormatError('a view has too many backups');
  return { epoch: epoch(value[0]), primary: text(value[1]), backups: backups.map(text) };
};

const flag: Read<boolean> = (value) => {
  if (typeof value === 'boolean') return value;
  throw new FormatError('a flag is missing');
};
const bytesField: Read<Uint8Array> = (value) => {
  if (value instanceof Uint8Array) return value;
  throw new FormatError('bytes are missing');
};
const names: Read<readonly string[]> = (value) => {
  if (!Array.isArray(value) || value.length > VIEW_BACKUPS_MAX)
    throw new FormatError('a list of names is missing or too long');
  return value.map(text);
};
const rule: Read<AckRule> = (value) => {
  if (!Array.isArray(value) || value.length !== 3) throw new FormatError('a rule is missing');
  const level = ACK_LEVELS.find((known) => known === value[0]);
  if (level === undefined) throw new FormatError('an unknown level of acknowledgement');
  return { level, quorum: count(value[1]), onLoss: flag(value[2]) ? 'stop' : 'continue' };
};
const epochs: Read<readonly EpochStart[]> = (value) => {
  if (!Array.isArray(value) || value.length > 2 * HISTORY_EPOCHS_MAX)
    throw new FormatError('a history is missing or too long');
  const starts: EpochStart[] = [];
  for (let at = 0; at + 1 < value.length; at += 2)
    starts.push({ epoch: epoch(value[at]), firstLsn: lsn(value[at + 1]) });
  return starts;
};

const files: Read<readonly SnapshotFile[]> = (value) => {
  if (!Array.isArray(value) || value.length > 2 * SNAPSHOT_FILES_MAX)
    throw new FormatError('a list of files is missing or too long');
  const found: SnapshotFile[] = [];
  for (let at = 0; at + 1 < value.length; at += 2)
    found.push({ name: text(value[at]), bytes: count(value[at + 1]) });
  return found;
};

/** Code and readers of every message but batch and frames. A new message or field fails to compile
 * until it is here. */
const CONTROL: {
  readonly [T in ControlType]: {
    readonly code: number;
    readonly fields: {
      readonly [F in Exclude<keyof ControlOf<T>, 'type'>]: Read<ControlOf<T>[F]>;
    };
  };
} = {
  // `protocol` stays first for ever: it is what two different versions tell each other.
  hello: {
    code: 1,
    fields: {
      protocol: count,
      hvVersion: text,
      vm: text,
      name: text,
      epoch,
      primary: text,
      backup: text,
      engineHash: text,
      helperHash: text,
      machineVersion: count,
      imageHash: text,
      arbiter: text,
      detectMs: count,
      rule,
      spares: names,
      epochs,
      lsnFirst: lsn,
      lsnLast: lsn,
      lsnSettled: lsn,
      relay: flag,
    },
  },
  welcome: {
    code: 2,
    fields: { epoch, lsnReceived: lsn, priority: integer, hidden: flag, cold: flag },
  },
  refuse: { code: 3, fields: { epoch, reason: text } },
  released: { code: 4, fields: { epoch, lsnReleased: lsn } },
  view: { code: 5, fields: { epoch, view } },
  ack: {
    code: 6,
    fields: { epoch, lsnReceived: lsn, lsnReplayed: lsn, lsnDurable: lsn, outputsCrc: count },
  },
  diverged: { code: 7, fields: { epoch, lsn, report: text } },
  heartbeat: { code: 8, fields: { epoch, beat: count } },
  bye: { code: 9, fields: { epoch, code: integer, reason: text } },
  join: { code: 10, fields: { epoch, address: text } },
  transfer: { code: 11, fields: { epoch, lsn, files } },
  snapshot: { code: 12, fields: { epoch, name: text, offset: count, bytes: bytesField } },
  sync: { code: 15, fields: { epoch, lsn } },
  poll: { code: 13, fields: { epoch, vm: text, candidate: text } },
  position: {
    code: 14,
    fields: { epoch, replica: text, follows: flag, logEpoch: epoch, lsnReceived: lsn },
  },
};

interface Layout {
  readonly type: ControlType;
  readonly fields: readonly (readonly [name: string, read: Read<unknown>])[];
}

const LAYOUTS: ReadonlyMap<number, Layout> = new Map(
  (Object.keys(CONTROL) as ControlType[]).map((type) => {
    const { code, fields } = CONTROL[type];
    return [code, { type, fields: Object.entries<Read<unknown>>(fields) }];
  }),
);
assert(LAYOUTS.size === Object.keys(CONTROL).length, 'no two messages share a code');

/** The message as one block of bytes, owned by the caller. Copies a batch's bytes once. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case 'batch': {
      const { batch } = message;
      assert(batch.firstLsn >= 1 && batch.firstLsn <= batch.lastLsn, 'a batch covers an lsn');
      return framed(BATCH_CODE, batch.bytes, [
        message.epoch,
        message.lsnReleased,
        batch.epoch,
        batch.firstLsn,
        batch.lastLsn,
      ]);
    }
    case 'frames':
      return framed(FRAMES_CODE, message.bytes, [message.epoch]);
    default:
      return encodeControl(message);
  }
}

function framed(code: number, bytes: Uint8Array, numbers: readonly number[]): Uint8Array {
  assert(bytes.length > 0, 'there are frames to send');
  assert(bytes.length <= FRAME_BYTES_MAX, 'frames to send fit a message');
  const headerBytes = 1 + numbers.length * NUMBER_BYTES;
  const out = new Uint8Array(headerBytes + bytes.length);
  const header = new DataView(out.buffer);
  header.setUint8(0, code);
  numbers.forEach((value, index) => {
    assert(Number.isSafeInteger(value) && value >= 0, 'a position is a count');
    header.setFloat64(1 + index * NUMBER_BYTES, value);
  });
  out.set(bytes, headerBytes);
  return out;
}

function encodeControl(message: Control): Uint8Array {
  const { code, fields } = CONTROL[message.type];
  const values = new Map<string, unknown>(Object.entries(message));
  const array: unknown[] = [code];
  for (const field of Object.keys(fields)) {
    const value = values.get(field);
    assert(value !== undefined, 'every field of a message is set');
    array.push(flat(field, value));
  }
  const bytes = encodeValue(array);
  assert(bytes.length <= CONTROL_BYTES_MAX, 'a control message is small');
  return bytes;
}

/** Objects among the fields as positional arrays. */
function flat(field: string, value: unknown): unknown {
  switch (field) {
    case 'view': {
      const { epoch: of, primary, backups } = value as View;
      return [of, primary, [...backups]];
    }
    case 'rule': {
      const { level, quorum, onLoss } = value as AckRule;
      return [level, quorum, onLoss === 'stop'];
    }
    case 'epochs':
      return (value as readonly EpochStart[]).flatMap((start) => [start.epoch, start.firstLsn]);
    case 'files':
      return (value as readonly SnapshotFile[]).flatMap(({ name, bytes }) => [name, bytes]);
    case 'spares':
      return [...(value as readonly string[])];
    default:
      return value;
  }
}

/**
 * Reads one message. The bytes of a batch or of frames alias `bytes`: copy what outlives them. A
 * batch's lsns are what its sender says; whoever opens the frame compares.
 */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  try {
    const message = decodeAny(bytes);
    return { type: 'message', message };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { type: 'garbage', reason: error.message };
  }
}

function decodeAny(bytes: Uint8Array): Message {
  switch (bytes[0]) {
    case undefined:
      throw new FormatError('the message is empty');
    case BATCH_CODE:
      return decodeBatchMessage(bytes);
    case FRAMES_CODE: {
      const [epochOf] = headerNumbers(bytes, FRAMES_HEADER_BYTES);
      return { type: 'frames', epoch: epoch(epochOf), bytes: bytes.subarray(FRAMES_HEADER_BYTES) };
    }
    default:
      return decodeControl(bytes);
  }
}

function decodeBatchMessage(bytes: Uint8Array): Message {
  const [epochOf, lsnReleased, batchEpoch, first, last] = headerNumbers(bytes, BATCH_HEADER_BYTES);
  const firstLsn = lsn(first);
  const lastLsn = lsn(last);
  if (firstLsn < 1 || lastLsn < firstLsn) throw new FormatError('a batch covers no lsn');
  return {
    type: 'batch',
    epoch: epoch(epochOf),
    lsnReleased: lsn(lsnReleased),
    batch: {
      epoch: epoch(batchEpoch),
      firstLsn,
      lastLsn,
      bytes: bytes.subarray(BATCH_HEADER_BYTES),
    },
  };
}

function headerNumbers(bytes: Uint8Array, headerBytes: number): readonly number[] {
  if (bytes.length <= headerBytes) throw new FormatError('the message is cut in its header');
  if (bytes.length - headerBytes > FRAME_BYTES_MAX)
    throw new FormatError('the message is too long');
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const numbers: number[] = [];
  for (let at = 1; at < headerBytes; at += NUMBER_BYTES) numbers.push(header.getFloat64(at));
  return numbers;
}

function decodeControl(bytes: Uint8Array): Message {
  if (bytes.length > CONTROL_BYTES_MAX) throw new FormatError('the message is too long');
  const array = decodeValue(bytes);
  if (!Array.isArray(array)) throw new FormatError('the message is not an array');
  const values: readonly unknown[] = array;
  const layout = LAYOUTS.get(count(values[0]));
  if (layout === undefined) throw new FormatError(`unknown message ${count(values[0])}`);
  if (values.length !== 1 + layout.fields.length) throw new FormatError(strange(layout, values));
  const message: Record<string, unknown> = { type: layout.type };
  layout.fields.forEach(([name, read], index) => {
    message[name] = read(values[index + 1]);
  });
  return message as Message;
}

/** A hello with other fields comes from another version, and the user should read just that. */
function strange(layout: Layout, values: readonly unknown[]): string {
  if (layout.type === 'hello' && values[1] !== PROTOCOL_VERSION) {
    return `the peer speaks protocol ${count(values[1])}, this hv speaks ${PROTOCOL_VERSION}`;
  }
  return `the ${layout.type} message has ${values.length - 1} fields, not ${layout.fields.length}`;
}
