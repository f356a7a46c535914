/**
 * Everything a replica's shell sees of the world, as interfaces only. `host/` implements them with
 * Node, the simulator with virtual time and seeded faults; `replica/` cannot tell which.
 *
 * All ports are callback-style and synchronous in effect: no promises, so that a simulated run is a
 * pure function of its seed.
 */

import type {
  CheckpointRecord,
  EncodedBatch,
  EndRecord,
  Epoch,
  InterruptRecord,
  LogHeader,
  LogRecord,
  Lsn,
  Micros,
  MidTurnRecord,
  Millis,
  MountAct,
  PendingCommit,
} from '../log-format/index.ts';
import type { History } from './protocol/history.ts';
import type { ArbiterAnswer, Message, SnapshotFile, View, ViewClaim } from './protocol/messages.ts';

export type { ArbiterAnswer, ViewClaim } from './protocol/messages.ts';

export interface Clock {
  /** Monotonic; for timeouts. */
  now(): Millis;
  /** Wall clock in microseconds; what interrupts are stamped with. */
  wall(): Micros;
  /** Calls `run` once at or after `at`. */
  setTimer(at: Millis, run: () => void): TimerHandle;
  /** Calls `run` after the events already waiting in this turn of the host's loop (setImmediate). */
  defer(run: () => void): void;
}

export interface TimerHandle {
  cancel(): void;
}

/** A connection to one peer replica. Messages arrive in order or the link closes. */
export interface Link {
  readonly peer: string;
  send(message: Message): void;
  /** Bytes accepted by `send` and not yet handed to the network. */
  readonly queuedBytes: number;
  close(): void;
}

export interface LinkHandlers {
  onMessage(message: Message): void;
  /** Exactly once; `reason` is for people. */
  onClose(reason: string): void;
}

export interface LogStore {
  /** True: nothing reads what is appended, so batches come without their bytes. */
  readonly discards?: boolean;
  /** Queues one encoded batch behind the header and blobs. Never blocks; errors go to `onError`. */
  append(batch: EncodedBatch): void;
  /**
   * Calls `done` when the kernel has everything appended so far: a killed process loses none of it.
   * In this very call where nothing else is under way. After an error never.
   */
  write(done: () => void): void;
  /** Calls `done` when everything appended so far is on disk (fdatasync). After an error never. */
  sync(done: () => void): void;
  /**
   * Streams the whole log so far, in order, as frames: header and blobs first, then batches. Calls
   * `onFrames` with whole frames and `done` with the lsn of the last record streamed, or an error.
   * Batches appended while it runs are included up to some lsn; the caller continues from there.
   */
  readAll(onFrames: (bytes: Uint8Array) => void, done: (lastLsn: Lsn, error?: Error) => void): void;
  /**
   * Streams, in order, the whole frames of all batches behind `lsn`, which lies in the log; 0: as `readAll`,
   * header and blobs first. A batch is never cut: from one with `lsn` inside, all of it is streamed, and
   * `end.from` says so. Batches appended while it runs are included up to `end.lastLsn`; the caller continues
   * from there in that very call. `done` is called once, unless the reading was cancelled.
   */
  readFrom(
    lsn: Lsn,
    onFrames: (bytes: Uint8Array) => void,
    done: (end: SuffixEnd) => void,
  ): LogReading;
  /** Keeps beside the log that outputs up to `lsn` have left (replica/released-mark.ts). */
  released?(mark: { readonly epoch: Epoch; readonly lsn: Lsn }): void;
  /** Seals the log as deliberately ended and closes it. */
  seal(done: () => void): void;
  /** Closes without a seal (handover to another thread, or a stop after an error). */
  close(done: () => void): void;
}

export type SuffixEnd =
  /** All behind `from`, the batch boundary at or below the lsn asked for, up to `lastLsn` was streamed. */
  | { readonly type: 'caughtUp'; readonly from: Lsn; readonly lastLsn: Lsn }
  /** The log does not go back so far, or was trimmed past the reader meanwhile: only a snapshot helps. */
  | { readonly type: 'trimmed' }
  | { readonly type: 'failed'; readonly error: Error };

/** A stream under way. It begins running; each call may come at any time, more than once and after its end. */
export interface LogReading {
  /** No more than what is being read already, and at most once what the writer has queued, comes before `resume`. */
  pause(): void;
  resume(): void;
  /** Nothing is called any more. */
  cancel(): void;
}

/** Decides views by compare-and-set. See `protocol/views.ts` for the rule that makes it safe. */
export interface Arbiter {
  read(vm: string, done: (answer: ArbiterAnswer) => void): void;
  /**
   * Sets the view to `next` if the current epoch is `expect`. `token` identifies this claim: a retry
   * with the same token after a lost answer still wins.
   */
  claim(claim: ViewClaim, done: (answer: ArbiterAnswer) => void): void;
}

export type Output =
  | { readonly device: 'console'; readonly fd: 1 | 2; readonly bytes: Uint8Array }
  | { readonly device: 'exit'; readonly code: number }
  | { readonly device: 'stdin'; readonly on: boolean }
  | { readonly device: 'signal'; readonly number: number; readonly on: boolean }
  /** Asks for a `committed` interrupt; nothing of it leaves. */
  | ({ readonly device: 'commit' } & PendingCommit)
  | ({ readonly device: 'mount' } & MountAct)
  | NetOutput;

/** `offset` counts bytes of the connection's outgoing stream since it opened. */
export type NetOutput = { readonly device: 'net' } & (
  | {
      readonly op: 'listen';
      readonly id: number;
      readonly host: string;
      readonly port: number;
      readonly backlog: number;
    }
  | { readonly op: 'unlisten'; readonly id: number }
  | { readonly op: 'connect'; readonly id: number; readonly host: string; readonly port: number }
  | {
      readonly op: 'write';
      readonly id: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly op: 'end'; readonly id: number }
  | { readonly op: 'destroy'; readonly id: number; readonly reset: boolean }
  | { readonly op: 'consumed'; readonly id: number; readonly bytes: number }
  | {
      readonly op: 'option';
      readonly id: number;
      readonly option: number;
      readonly value: number;
    }
);

/** What the net device of a machine holds open: a backend going live takes over from it. */
export interface NetTable {
  readonly listeners: readonly {
    readonly id: number;
    readonly host: string;
    /** The port as bound, or as asked for while the answer is outstanding. */
    readonly port: number;
    readonly backlog: number;
    readonly bound: boolean;
    /** The guest has closed it and waits for netUnbound: there is nothing to take over. */
    readonly closing?: boolean;
  }[];
  readonly connections: readonly {
    readonly id: number;
    readonly inOffset: number;
    readonly outOffset: number;
    readonly connecting: boolean;
  }[];
  /** Ids of accepted connections are even and never reused; the next one is above this. */
  readonly acceptedMax: number;
}

/** An interrupt before it has a time: what a backend saw happen. Payload ownership passes along. */
export type HostInterrupt = Omit<InterruptRecord, 'type' | 'time'>;

/** The outside half of the net device: the only part that touches sockets. */
export interface NetBackend {
  /** Every output when it is produced, on primary and backup alike, before any release. */
  retain(output: NetOutput): void;
  /** The output rule is satisfied: act. Live replicas only. */
  release(output: NetOutput): void;
  /** The log holds input up to here on every replica of the view. */
  durable(lsn: Lsn): void;
  /**
   * Takes over the listeners of `table` and says which connections are gone; the shell records a
   * netClose for each before anything else runs.
   */
  goLive(epoch: Epoch, table: NetTable): readonly number[];
  /** Stops (or resumes) reading input: the window to the backup is full. */
  throttle(on: boolean): void;
  close(): void;
}

/** What a machine has used since its boot, and a hash of all its memory. */
export type CheckpointFigures = Omit<CheckpointRecord, 'type' | 'time'>;

/** Answer of a machine after a group of turns. */
export interface TurnsResult {
  readonly outputs: readonly HeldOutput[];
  readonly end: Omit<EndRecord, 'type'>;
  /** When the guest's alarm falls due, if one is armed. */
  readonly alarmAt: Micros | undefined;
  /** Immediates wait: ask for a `check` interrupt. */
  readonly immediatesLeft: boolean;
  /** Set once the guest has exited or was stopped; no more turns may run. */
  readonly halted: { readonly code: number; readonly reason: string } | undefined;
}

/** An output and the last record its computation depends on: it may leave once that is acked. */
export interface HeldOutput {
  readonly lsn: Lsn;
  readonly output: Output;
}

/**
 * One group to replay: interrupts, mid-turn records and checks, closed by an end (settle: without one). No
 * control records; they lie between groups.
 */
export interface ReplayGroup {
  readonly firstLsn: Lsn;
  readonly records: readonly LogRecord[];
}

export interface MachineDivergence {
  /** Lsn of the check (`end`, `checkpoint` or `output`) that does not match. */
  readonly lsn: Lsn;
  /** The interrupt whose turn is the first to differ, where the log can tell. */
  readonly turn: Lsn | undefined;
  readonly expected: Omit<EndRecord, 'type'>;
  readonly got: Omit<EndRecord, 'type'>;
  /** The first output that differs, where the log holds outputs; undefined: there is none. */
  readonly output:
    | { readonly expected: Uint8Array | undefined; readonly got: Uint8Array | undefined }
    | undefined;
  /** Figures of a checkpoint that differ. */
  readonly checkpoint:
    | { readonly expected: CheckpointFigures; readonly got: CheckpointFigures }
    | undefined;
}

/**
 * The machine as a replica's shell sees it. In-process on a primary (calls back before it returns),
 * on another thread for a backup (calls back later). One call at a time.
 */
export interface MachinePort {
  /**
   * Runs turns live. `onMidTurn` is called with each record the machine's live source takes in the
   * middle of a turn; it must log and ship it before it returns the record's lsn.
   */
  run(
    turns: readonly { readonly lsn: Lsn; readonly record: InterruptRecord }[],
    onMidTurn: (record: MidTurnRecord) => Lsn,
    done: (result: TurnsResult) => void,
  ): void;
  /** Replays a complete group and checks it against its `end`. */
  replay(
    group: ReplayGroup,
    done: (result: TurnsResult, divergence: MachineDivergence | undefined) => void,
  ): void;
  /**
   * Replays the tail of a dead primary's log: turns whose `end` never arrived. Mid-turn records in
   * it apply. New ones are taken only where the dead primary must have logged one itself
   * (MID_TURN_TICKS_MAX): outputs of these turns may have left already, but none from beyond that
   * tick. Without `onMidTurn` none are taken.
   */
  settle(
    group: ReplayGroup,
    done: (result: TurnsResult) => void,
    onMidTurn?: (record: MidTurnRecord) => Lsn,
  ): void;
  netTable(): NetTable;
  /** Commits of the guest without an answer, oldest first. */
  pendingCommits(): readonly PendingCommit[];
  /** For a checkpoint record. Between turns. */
  figures(): CheckpointFigures;
}

/** Keeps snapshots beside the log. When one is due depends on the host alone: none of it reaches the guest. */
export interface Checkpointer {
  /** A group has run: true if it shall end in a checkpoint. `runMs`: how long it took. */
  ran(group: { readonly lsn: Lsn; readonly time: Micros; readonly runMs: number }): boolean;
  /** `wake` is called when one is waited for and only a group has to end: an idle guest ends none. */
  onWanted(wake: () => void): void;
  /**
   * The group with the checkpoint record is in the log, up to its `end` at `lsn`, and its outputs have
   * left or wait for backups alone: take the snapshot now, before anything else runs.
   */
  take(at: { readonly lsn: Lsn; readonly time: Micros; readonly view: View }): void;
}

/** A snapshot and the beginning of the log that goes on behind it, for a backup to start from. Read once. */
export interface SnapshotTransfer {
  /** Records up to here are in the snapshot. */
  readonly lsn: Lsn;
  readonly files: readonly SnapshotFile[];
  /** Frames of header and blobs. */
  readonly beginning: Uint8Array;
  /** `onPiece` gets each file's bytes in order. `done`: once, unless it is cancelled. */
  read(
    onPiece: (name: string, offset: number, bytes: Uint8Array) => void,
    done: (error: Error | undefined) => void,
  ): LogReading;
}

/** The snapshots a primary keeps, as something to join with. */
export interface SnapshotSource {
  /** Undefined: the log itself is as quick. `lsnMax`: what led to an output that has not left may not be in it alone. */
  open(lsnMax: () => Lsn, done: (transfer: SnapshotTransfer | undefined) => void): void;
}

/** A copy that goes on from what a replica's disk has of it. */
export interface ReopenedCopy {
  readonly store: BackupStore;
  readonly base: LogBase;
  /** Undefined: the copy is cold. */
  readonly machine: BackupMachine | undefined;
  readonly history: History;
  /** The machine stands behind this record. */
  readonly lsnReplayed: Lsn;
  readonly outputsCrc: number;
  readonly timeLast: Micros;
  readonly state: Pick<TurnsResult, 'alarmAt' | 'immediatesLeft' | 'halted'>;
  /** Records behind `lsnReplayed` of a group without an end; none: it ends with a group. */
  readonly tail: ReplayGroup | undefined;
  /** Outputs of what was replayed just now that are not known to have left, oldest first. */
  readonly held: readonly HeldOutput[];
  /** The machine is on its way there: `done` is called once, before it replays anything; never if it is lost. */
  readonly restoring?: ((done: (standing: RestoredStanding) => void) => void) | undefined;
}

/** What only a machine that has been restored can say. */
export type RestoredStanding = Pick<ReopenedCopy, 'outputsCrc' | 'state' | 'held'>;

/** A snapshot that is coming in. */
export interface SnapshotReceiver {
  /** Frames of header and blobs, before the first piece. */
  beginning(bytes: Uint8Array): void;
  /** The next bytes; they are kept. */
  piece(name: string, offset: number, bytes: Uint8Array): void;
  /** No more will come; `done` is not called any more. */
  abandon(): void;
}

/** A backup's copy of the log: the same frames as the primary's, byte for byte. */
export interface BackupStore {
  /** Header, blobs and batches exactly as streamed. Takes whole frames only. */
  appendFrames(bytes: Uint8Array): void;
  append(batch: EncodedBatch): void;
  /**
   * The batch just appended ends a group with a checkpoint: the replaying machine may keep a snapshot of
   * this place once the copy is on disk up to it. `view`: in force there.
   */
  checkpoint(lsn: Lsn, view: View | undefined): void;
  /** Calls `done` when everything appended so far is on disk. After an error never. */
  sync(done: () => void): void;
  /** Seals the log as deliberately ended and closes it. */
  seal(done: () => void): void;
  /** Closes without a seal: this copy is not continued here. */
  close(done: () => void): void;
}

/** The replaying half of a machine, on another thread: calls back later. One call at a time. */
export interface BackupMachine {
  replay: MachinePort['replay'];
  /** Ends its thread. No call back comes after this. */
  dispose(): void;
}

/** What a log starts with: all a replica needs to build the machine. Blobs as framed. */
export interface LogBase {
  readonly header: LogHeader;
  readonly blobs: readonly Uint8Array[];
}

/** Fresh bytes from the host's generator: seeds of a promoted guest, tokens of claims. */
export interface Entropy {
  bytes(length: number): Uint8Array;
}

/** Where released outputs other than the network's go. */
export interface Console {
  release(output: Exclude<Output, { readonly device: 'net' | 'commit' | 'mount' }>): void;
  /** Stops (or resumes) reading standard input: the window to the backup is full. */
  throttle(on: boolean): void;
}

export interface Logger {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}
