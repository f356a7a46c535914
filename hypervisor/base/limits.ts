/**
 * Every queue, loop and message of hv has its limit here, with the reason and what happens at it.
 * Relations between limits are asserted when the module loads.
 */

import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Guest memory: 256 MiB. Fixed at start, because growth may fail on one host and not on another. */
export const MEMORY_PAGES_DEFAULT = 4096;
export const MEMORY_PAGE_BYTES: number = 64 * KIB;
/** Room the general allocator, static data and the engine's own stack need beside the heap. */
export const MEMORY_RESERVED_BYTES: number = 16 * MIB;
/** What --memory may be: below, real programs do not start; above, addresses would need a sign bit. */
export const HEAP_BYTES_MIN: number = 16 * MIB;
export const HEAP_BYTES_MAX: number = 1984 * MIB;
/** Stack of the guest; beyond it the guest gets its own "stack overflow" error. */
export const GUEST_STACK_BYTES: number = MIB;
/** What --stack may be less: the firmware itself needs some of it. */
export const GUEST_STACK_BYTES_MIN: number = 64 * KIB;
/** Native stack of the worker. The worst shape of recursion needs 32 bytes per guest stack byte. */
export const WORKER_STACK_MIB = 64;

/** Interrupt polls between two looks at the world. The engine itself reloads 10,000; staying below
 * tells its own polls from those of a regular expression, which do not touch the counter. */
export const SLICE_TICKS_MAX = 9_999;
/** Jobs (promise reactions) per call into the engine, so that a promise loop stays interruptible. */
export const JOBS_PER_DRAIN = 64;
/** A long turn resynchronises the virtual clock when it lags the host's by this much. */
export const RESYNC_LAG_MICROS = 10_000;
/** A guest that was in its firmware when it was to be preempted is asked again after so many ticks. */
export const PREEMPT_RETRY_TICKS = 61;
/** Ticks of a live turn without a record in it. Who takes over replays so many beyond the last record
 * it has, and is free from there on: what the dead primary computed later could not leave without a
 * record that never arrived. Some 40 ms of the fastest loop; others resynchronise more often. */
export const MID_TURN_TICKS_MAX = 4_000_000;
/** Ticks of virtual time per microsecond. The fastest loop retires about 113 ticks per microsecond,
 * so the virtual clock never overtakes the host's inside a turn. */
export const TICKS_PER_MICRO = 128;

/** A timeline places a checkpoint after this much replay, so that no place is further than twice that
 * from one. Taking one costs a pass over guest memory: 1-5 ms for a small guest. */
export const CHECKPOINT_SPACING_MS = 50;
/** Pages a timeline keeps for its checkpoints; past it they are thinned out. */
export const CHECKPOINT_BYTES_MAX: number = 512 * MIB;
/** Ticks of one expression of `hv inspect`: some ten seconds, then it is ended. */
export const EVALUATION_TICKS_MAX = 300_000_000;

/** Interrupts shipped and run together. More only lengthens the pause before the next look at acks. */
export const GROUP_INTERRUPTS_MAX = 256;
/** One encoded batch. A larger inbox is cut into several batches. */
export const BATCH_BYTES_MAX: number = MIB;
/** One frame of a log or a link. A length above it is damage or an attack, never ours. */
export const FRAME_BYTES_MAX: number = 64 * MIB;
/** Plain bytes of one sealed frame; more become several. Who reads one record at random decrypts this
 * much, and nothing longer is believed of a file before its tag was checked. */
export const SEALED_BYTES_MAX: number = 256 * KIB;
/** Keys in a key file, and bytes of one: rotations of a lifetime. A larger file is another file. */
export const LOG_KEYS_MAX = 64;
export const KEY_FILE_BYTES_MAX: number = 16 * KIB;
/** A segment is closed and the next begun at the first batch past this size. */
export const SEGMENT_BYTES: number = 64 * MIB;
/** Smaller segments than this cost more files than they save. */
export const SEGMENT_BYTES_MIN: number = MIB;
/** Payload of one network interrupt; larger reads of a socket are cut. */
export const NET_DATA_BYTES_MAX: number = 64 * KIB;
/** Input of one connection the guest has not consumed; past it the host stops reading the socket. */
export const NET_RECEIVE_WINDOW_BYTES: number = 256 * KIB;
/** Connections a guest may hold open; further clients are closed at accept. */
export const CONNECTIONS_MAX = 50_000;

/** Outputs held for an ack. Past it the primary stops reading input until acks arrive. */
export const HELD_BYTES_MAX: number = 64 * MIB;
/** Log shipped and not acknowledged. Past it the primary stops reading input. */
export const WINDOW_BYTES_MAX: number = 64 * MIB;

/** Heartbeats of the supervisor. */
export const HEARTBEAT_INTERVAL_MS = 10;
/** Silence that makes a peer suspect, by --detect. A false alarm costs redundancy, never data, and a
 * kill shows at once by the closed link; 50 ms lost a backup in 1 of 3 starts on two busy cores. */
export const DETECT_MS = { fast: 50, lan: 150, wan: 1000 } as const;
/** Backups of one guest, joining ones included. Each costs the primary one copy of the log to send. */
export const BACKUPS_MAX = 8;
/** An `end` record, or news of released outputs, waits this long for a batch to travel with. */
export const END_IDLE_MS = 2;
/** A backup that has caught up says so after this pause, if no batch has made it speak before. */
export const REPLAY_ACK_MS = 10;
/** Pause before an arbiter that failed is asked again, with the same token. */
export const CLAIM_RETRY_MS = 25;
/** No answer to a claim for this long counts as a failed one; asking twice is harmless. */
export const CLAIM_TIMEOUT_MS = 1_000;
/** A deliberate stop waits this long for the backups (or the arbiter), then says it could not. */
export const STOP_TIMEOUT_MS = 5_000;
/** Time for a link's hello and for an arbiter's answer before it counts as failed. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Records a backup may hold unreplayed before it slows the guest: a takeover replays them first, some
 * 30,000 a second. */
export const LAG_RECORDS_FREE = 1_024;
/** Each ack waits a millisecond for every so many records more than that, up to the longest wait. */
export const LAG_RECORDS_PER_MS = 256;
export const LAG_ACK_MS_MAX = 25;
/** A backup that is in the view looks this often whether its replay has caught up. */
export const IN_STEP_POLL_MS = 20;
/** An arbiter that does not answer is reported again after this. */
export const ARBITER_TROUBLE_MS = 5_000;
/** A lost backup is dialled again after this, doubling up to the second. */
export const REDIAL_MS = 250;
export const REDIAL_MS_MAX = 5_000;
/** A fresh backup that was not dialled asks the primary again after this. */
export const JOIN_RETRY_MS = 200;
/** A lost heartbeat connection is dialled again after this. */
export const HEARTBEAT_REDIAL_MS = 50;
/** A guest at work that polls for nothing this long is ended by force, unless --hang-limit says else. */
export const HANG_LIMIT_MS = 30_000;
export const HANG_LIMIT_MS_MIN = 100;
/** A machine's thread that does not answer `hv status` so soon is busy with a turn. */
export const STATUS_WAIT_MS = 250;
/** A replica that says nothing for this long is not there. */
export const STATUS_ANSWER_MS = 2_000;
/** A status longer than this is none: what is read of a socket has an end. */
export const STATUS_BYTES_MAX: number = MIB;
/** After a stop request, how long the guest may stay in a built-in that never polls. */
export const HUNG_GUEST_MS = 2_000;

/** Snapshots that are differences to one complete snapshot; the next is complete. Without its base a
 * difference is worth nothing, so this bounds what damage of one file can cost. */
export const CHECKPOINT_DIFFERENCES_MAX = 63;
/** A difference of more than this share of a complete snapshot's pages is made complete instead. */
export const CHECKPOINT_DIFFERENCE_SHARE = 0.5;
/** `--checkpoint auto`: replaying from the last one to here takes about this long, which a person who
 * jumps about in a recording does not notice. */
export const CHECKPOINT_REPLAY_MS = 100;
/** Snapshots kept beside a log; past it the least missed go, so that the rest is spaced by age. */
export const CHECKPOINTS_MAX = 512;
/** `--checkpoint auto`: after this much replay a checkpoint is due, whatever it costs. */
export const CHECKPOINT_REPLAY_MS_MAX = 1_000;
/** `--checkpoint auto`: what the last one cost, packing on another thread included, is below this share
 * of the time since. */
export const CHECKPOINT_COST_SHARE = 0.05;
/** A timer may not be a reason for a checkpoint each turn. */
export const CHECKPOINT_VIRTUAL_MICROS_MIN = 1_000;

/** What a link adds around a batch. A larger message closes the link: it is damage or an attack. */
export const LINK_HEADER_BYTES_MAX: number = 4 * KIB;
/** A message other than a batch or frames. The decoder never works on more of a stranger's bytes. */
export const CONTROL_BYTES_MAX: number = MIB;
/** Backups named in one view, hence entries of the list a message may carry. */
export const VIEW_BACKUPS_MAX = 64;
/** Links one listener holds open; further ones are closed at accept. */
export const LINKS_MAX = 256;
/** A closed link flushes what it has for this long, then it is cut: the peer may be stopped. */
export const LINK_CLOSE_MS = 1_000;
/** Beats waiting in a heartbeat's socket. Past it beats are skipped: the peer reads none of them. */
export const HEARTBEAT_QUEUE_BYTES_MAX: number = 4 * KIB;
/** Output that left is reported to the guest in steps of this. Each report is a log record, so less
 * is held back: what stays unreported leaves the guest most of its write credit. */
export const NET_DRAIN_BYTES: number = 64 * KIB;
/** A promoted replica retries a taken port this often, and after this long it says so. */
export const LISTEN_RETRY_MS = 10;
export const LISTEN_RETRY_NOTE_MS = 1_000;
/** Console output a slow reader has not taken. Past it writing waits for the reader, as in Node. */
export const CONSOLE_QUEUE_BYTES_MAX: number = MIB;

/** Output of one stream by which one run of a refeed may be ahead of the other. Past it the rest of the
 * stream is not compared: the other run may never produce it. */
export const REFEED_AHEAD_BYTES_MAX: number = MIB;
/** Differing streams a refeed describes, the first it finds. Past it they are only counted. */
export const REFEED_DIFFERENCES_MAX = 10_000;
/** Connections and other inputs without a taker a refeed names; past it they are only counted. */
export const REFEED_UNTAKEN_MAX = 1_000;
/** Recorded inputs kept for what the changed guest has not asked for yet. Past it they are skipped. */
export const REFEED_EARLY_INPUTS_MAX = 4_096;
/** Ticks of one turn of the changed guest: about a minute. Past it the guest is stopped. */
export const REFEED_TURN_TICKS = 5_000_000_000;
/** Rounds of immediates a changed guest may go between two recorded inputs; then these go on. */
export const REFEED_ROUNDS_MAX = 10_000;
/** What a round of immediates takes on the changed guest's clock. */
export const REFEED_ROUND_MICROS = 20;
/** Alarms of both guests this close together ring at the recorded time of the one in the log. */
export const REFEED_ALARM_MICROS = 1_000;
/** A connect that the recorded guest has not asked for is refused after this. */
export const REFEED_CONNECT_MICROS = 1_000_000;
/** Where the recorded guest has ended by itself, the changed one may go on for this. */
export const REFEED_AFTERMATH_MICROS = 60_000_000;

assert(SLICE_TICKS_MAX < 10_000, 'a slice stays below the engine reload value');
assert(BATCH_BYTES_MAX < FRAME_BYTES_MAX, 'a batch fits a frame');
assert(NET_DATA_BYTES_MAX < BATCH_BYTES_MAX, 'one interrupt fits a batch');
assert(WORKER_STACK_MIB * MIB >= 32 * GUEST_STACK_BYTES, 'native stack outlasts the guest stack');
assert(BACKUPS_MAX <= VIEW_BACKUPS_MAX, 'a view can name every backup');
