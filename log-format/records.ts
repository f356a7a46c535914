/**
 * The words of the log: records, batches, blobs and the header, as types. How they become bytes is
 * codec.ts and frame.ts. A record is one nondeterministic input (or a note about one), at an lsn.
 */

import type { InterruptKind } from './abi.ts';
import type { Epoch, Lsn, Micros, Ticks } from './units.ts';

/** Kinds that are not interrupts. Numbers are part of the format and never reused. */
export const RECORD = {
  /** Mid-turn: the virtual clock jumps forward at an exact tick of a turn. */
  resync: 32,
  /** Mid-turn: the operator or a limit stopped the guest at an exact tick of a turn. */
  stopAt: 33,
  /** Mid-turn: a preemptive interrupt ran the guest's handler at an exact tick of a turn. */
  preempt: 34,
  /** Check: the group of turns before it is complete; ticks, digest and outputs as computed. */
  end: 40,
  /** Check: one output of the group, byte for byte (`hv run --record-outputs`). */
  output: 41,
  /** Check and meter: what the machine had used, and a hash of all its memory. */
  checkpoint: 42,
  /** Control: a view decided by the arbiter starts here. */
  view: 48,
  /** Control: a deliberate stop; no failover. */
  stop: 49,
} as const;

/** Starts a turn. `payload` is owned by the record; it must not alias a receive buffer. */
export interface InterruptRecord {
  readonly type: 'interrupt';
  readonly kind: InterruptKind;
  readonly time: Micros;
  readonly id: number;
  readonly num: number;
  readonly payload: Uint8Array | undefined;
}

/** `turn` is the lsn of the interrupt whose turn it cuts; `ticks` counts from the boot. */
export interface ResyncRecord {
  readonly type: 'resync';
  readonly turn: Lsn;
  readonly ticks: Ticks;
  readonly time: Micros;
}

export interface StopAtRecord {
  readonly type: 'stopAt';
  readonly turn: Lsn;
  readonly ticks: Ticks;
  readonly code: number;
  readonly reason: string;
}

/** The virtual clock moves to `time`, then the guest's preemption handler runs. */
export interface PreemptRecord {
  readonly type: 'preempt';
  readonly turn: Lsn;
  readonly ticks: Ticks;
  readonly time: Micros;
}

/**
 * Closes a group: all interrupts since the previous `end`. A replaying machine may run a group only
 * once it has seen its `end`, because mid-turn records of any of its turns may come before it.
 */
export interface EndRecord {
  readonly type: 'end';
  /** Ticks since boot when the last turn of the group was over. */
  readonly ticks: Ticks;
  /** Rolling digest of the machine, unsigned 32 bits. */
  readonly digest: number;
  /** Outputs produced since boot. */
  readonly outputs: number;
  /** Rolling CRC-32 of all outputs since boot. */
  readonly outputsCrc: number;
  /**
   * The low 16 bits of the digest after each turn of the group, big-endian, so that a difference is
   * placed at its turn. Empty for a group of one turn (the digest says it) and in logs of format 1.
   */
  readonly checks: Uint8Array;
}

/** One output in the form in which it enters `outputsCrc` (hypervisor/machine/output-bytes.ts). */
export interface OutputRecord {
  readonly type: 'output';
  readonly bytes: Uint8Array;
}

/**
 * Lies in a group, behind its turns and before its `end`. The kept snapshot of the same place, if
 * there is one, is a file beside the log (snapshot.ts).
 */
export interface CheckpointRecord {
  readonly type: 'checkpoint';
  readonly time: Micros;
  /** Turns run since boot. */
  readonly turns: number;
  /** Bytes and blocks of the guest's heap, as its allocator counts them. */
  readonly heapBytes: number;
  readonly heapBlocks: number;
  /** Pages of 4 KiB that are not all zero. */
  readonly pages: number;
  /** 16 bytes: hash of guest memory between turns (hypervisor/machine/memory-image.ts). */
  readonly memory: Uint8Array;
}

export interface ViewRecord {
  readonly type: 'view';
  readonly time: Micros;
  readonly epoch: Epoch;
  readonly primary: string;
  readonly backups: readonly string[];
}

export interface StopRecord {
  readonly type: 'stop';
  readonly time: Micros;
  /** Exit status of the guest, or of hv when the operator stopped it. */
  readonly code: number;
  readonly reason: string;
}

export type MidTurnRecord = ResyncRecord | StopAtRecord | PreemptRecord;
export type CheckRecord = EndRecord | OutputRecord | CheckpointRecord;
export type LogRecord = InterruptRecord | MidTurnRecord | CheckRecord | ViewRecord | StopRecord;

/** What goes on the wire, to disk and under one CRC: encode once, the same bytes everywhere. */
export interface Batch {
  readonly epoch: Epoch;
  /** Lsn of `records[0]`; the others follow without a gap. */
  readonly firstLsn: Lsn;
  readonly records: readonly LogRecord[];
}

/** An encoded batch: what the protocol ships without looking inside. `bytes` is one whole frame. */
export interface EncodedBatch {
  readonly epoch: Epoch;
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly bytes: Uint8Array;
}

/** Versions this code reads; it writes the newest. docs/log-format.md says what changed when. */
export type FormatVersion = 1 | 2;
export type MachineVersion = 1 | 2 | 3 | 4;

/** First frame of every segment. Refuse what differs: a replay under another machine is no replay. */
export interface LogHeader {
  readonly formatVersion: FormatVersion;
  /** Semantics of devices and boundary (abi.ts). */
  readonly machineVersion: MachineVersion;
  readonly hvVersion: string;
  /** Unique per run: `<name>-<8 hex>`; the key at the arbiter. */
  readonly vm: string;
  readonly name: string;
  /** What one tick is: part of the format, because positions inside a turn are counted in it. */
  readonly ticksSemantics: 'quickjs-interrupt-polls/1';
  /** Hex SHA-256 of each. */
  readonly engineHash: string;
  readonly helperHash: string;
  readonly firmwareHash: string;
  readonly imageHash: string;
  readonly sourceMapHash: string;
  readonly memoryPages: number;
  readonly stackBytes: number;
  /** Ticks one turn may use, and the turns of one second of the guest's clock; 0: no limit. */
  readonly turnTicksMax: number;
  readonly secondTicksMax: number;
  /** Ticks of the virtual clock per microsecond inside a turn. */
  readonly ticksPerMicro: number;
  /** Minutes east of Greenwich; 0 in this version. */
  readonly zoneOffsetMinutes: number;
  /** Hex, 32 bytes: seeds every generator of the guest. */
  readonly seed: string;
  /** Base of the times in batches. */
  readonly startedAt: Micros;
  /** Base name of the script, for people. */
  readonly script: string;
  /** 1 for the first segment of a log. */
  readonly segment: number;
  /** Lsn of the first record in this segment. */
  readonly firstLsn: Lsn;
  /** Hex SHA-256: head of the hash chain of the previous segment; zeros in the first. */
  readonly chain: string;
}

/** Content-addressed bytes kept in the first segment: firmware, image, source map. */
export interface Blob {
  readonly name: 'firmware' | 'image' | 'sourcemap';
  /** Hex SHA-256 of the uncompressed bytes. */
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** Last frame of a finished segment. */
export interface Seal {
  readonly lastLsn: Lsn;
  /** Hex SHA-256: head of the hash chain over every frame before this one. */
  readonly chain: string;
  readonly records: number;
  readonly batches: number;
  /** False when another segment follows. */
  readonly final: boolean;
}
