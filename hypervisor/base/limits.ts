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

/** Bytes of a state transfer the link has not taken. Past it reading waits: the log lies on disk anyway. */
export const STREAM_QUEUE_BYTES_MAX: number = 8 * MIB;
/** A state transfer that waits for its link looks again after this. */
export const STREAM_POLL_MS = 5;

/** Heartbeats of the supervisor. */
export const HEARTBEAT_INTERVAL_MS = 10;
/** Silence that makes a peer suspect, by --detect. A false alarm costs redundancy, never data, and a
 * kill shows at once by the closed link; 50 ms lost a backup in 1 of 3 starts on two busy cores. */
export const DETECT_MS = { fast: 50, lan: 150, wan: 1000 } as const;
/** A lost backup has this long to come back before a spare is recruited. */
export const RECRUIT_MS = 1_000;
/** A backup whose replay differs is made anew this many times; then something is wrong with its host. */
export const RECLONES_MAX = 3;
/** Backups of one guest, joining ones included. Each costs the primary one copy of the log to send. */
export const BACKUPS_MAX = 8;
/** An `end` record, or news of released outputs, waits this long for a batch to travel with. */
export const END_IDLE_MS = 2;
/** What has left is noted beside the log after so many records at the latest: as many may be sent twice. */
export const RELEASED_MARK_RECORDS = 64;
/** A backup that has caught up says so after this pause, if no batch has made it speak before. */
export const REPLAY_ACK_MS = 10;
/** Pause before an arbiter that failed is asked again, with the same token. */
export const CLAIM_RETRY_MS = 25;
/** A backup that is out of the view looks at it again after this: a claim of its dead primary may have come after it looked. */
export const PARTED_READ_MS = 2_000;
/** No answer to a claim for this long counts as a failed one; asking twice is harmless. */
export const CLAIM_TIMEOUT_MS = 1_000;
/** A server of an arbiter that is silent for this long is not waited for: the next one is asked the same.
 * Some twenty times what etcd takes; asking twice is harmless. Doubles with each full circle. */
export const HEDGE_MS = 100;
export const HEDGE_MS_MAX = 1_000;
/** An arbiter's answer: a view with all backups has some 20 KiB. A longer one is not read. */
export const ARBITER_ANSWER_BYTES_MAX: number = MIB;
/** A connection to an arbiter that nobody uses is closed after this. Longer than between two probes,
 * so that a failover finds one open. */
export const ARBITER_IDLE_MS = 30_000;
/** An arbiter that answers is asked again after this, to see that it still would: a read, a millisecond
 * of its time. One that does not is asked after the shorter time. */
export const ARBITER_PROBE_MS = 2_000;
export const ARBITER_PROBE_AWAY_MS = 1_000;
/** A deliberate stop waits this long for the backups (or the arbiter), then says it could not. */
export const STOP_TIMEOUT_MS = 5_000;
/** A switchover that has not come to its claim by then is given up; the guest goes on where it is. */
export const SWITCHOVER_TIMEOUT_MS = 5_000;
/** Time for a link's hello and for an arbiter's answer before it counts as failed. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Records a backup may hold unreplayed before it slows the guest: a takeover replays them first, some
 * 30,000 a second. */
export const LAG_RECORDS_FREE = 1_024;
/** What a takeover is told to take before this host has measured it. */
export const REPLAY_RECORDS_PER_SECOND = 30_000;
/** Each ack waits a millisecond for every so many records more than that, up to the longest wait. */
export const LAG_RECORDS_PER_MS = 256;
export const LAG_ACK_MS_MAX = 25;
/** A backup that is in the view looks this often whether its replay has caught up. */
export const IN_STEP_POLL_MS = 20;
/** An arbiter that does not answer is reported again after this. */
export const ARBITER_TROUBLE_MS = 5_000;
/** A lost backup is dialled again after this, doubling up to the second; less a share of it by chance, so
 * that the primaries of a host that comes back do not all dial at once. */
export const REDIAL_MS = 250;
export const REDIAL_MS_MAX = 5_000;
export const REDIAL_JITTER = 0.25;
/** One that refused, or differs again and again, is dialled at most this often, and only when it asks: it
 * may be another process by now, and a join costs the primary a copy of its log to send. */
export const REDIAL_GIVEN_UP_MS = 60_000;
/** Addresses a primary dials. Past it the one not reached for longest is forgotten: it may ask again. */
export const REDIALS_MAX = 32;
/** A backup without a primary asks the one the arbiter names this often. */
export const SEEK_MS = 500;
/** A fresh backup that was not dialled asks the primary again after this. */
export const JOIN_RETRY_MS = 200;
/** The longest delay of a delayed copy: a month of log is read back no sooner than an operator despairs. */
export const DELAY_MICROS_MAX: number = 30 * 86_400_000_000;
/** `hv promote` waits this long: reading a long log back to a moment takes its time, the arbiter some more. */
export const FORCE_ANSWER_MS = 600_000;
/** A warm copy's machine rests so many times as long as it has worked: at most a fifth of a core. */
export const WARM_REST_SHARE = 4;
/** And at least so long: a start of the machine alone costs a quarter of a second. */
export const WARM_REST_MS_MIN = 2_000;
/** Checkpoints that wait to be old enough for a delayed copy; of more, every other one is passed over. */
export const WARM_PLACES_MAX = 1_024;
/** A promotion by force goes on without an arbiter that has not answered for this long: its operator waits. */
export const FORCE_ARBITER_MS = 3_000;
/** Epochs that a promotion without an arbiter leaves to the old primary, which may still be changing views
 * there: two histories must not share an epoch. Each is claimed once the arbiter is back. */
export const FORCED_EPOCHS_SKIPPED = 16;
/** Claims of one climb to an epoch before it is given up: others keep claiming. */
export const CLIMB_CLAIMS_MAX = 256;
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
/** Where the admin port is, if nobody says else and it is free. */
export const ADMIN_PORT = 7701;
/** Connections to the admin port; further ones are closed at accept. Scrapers and people are few. */
export const ADMIN_CONNECTIONS_MAX = 64;
/** Readers of `/events` among them. */
export const ADMIN_STREAMS_MAX = 16;
/** Headers of a request to the admin port, and how long they may take: slow senders are cut off. */
export const ADMIN_HEADER_BYTES_MAX: number = 16 * KIB;
export const ADMIN_HEADERS_MS = 5_000;
/** The whole request, and the longest idle connection. */
export const ADMIN_REQUEST_MS = 10_000;
export const ADMIN_IDLE_MS = 60_000;
/** Connections are looked at this often for the limits above. */
export const ADMIN_CHECK_MS = 1_000;
/** Body of a request that acts, unless its route says less. */
export const ADMIN_BODY_BYTES_MAX: number = 64 * KIB;
/** A token of fewer bytes could be guessed; a file of more is none. */
export const ADMIN_TOKEN_BYTES_MIN = 16;
export const ADMIN_TOKEN_BYTES_MAX: number = 4 * KIB;
/** Events kept for readers that come later; older ones are forgotten. */
export const EVENTS_KEPT_MAX = 256;
/** Events a reader of `/events` has not taken. Past it the reader is dropped: it may come back. */
export const EVENTS_QUEUE_BYTES_MAX: number = 256 * KIB;
/** A comment on an idle `/events`, so that whoever lies between does not close it. */
export const EVENTS_KEEPALIVE_MS = 15_000;
/** The main thread may be this late before `/healthz` says so. */
export const HEALTH_LATE_MS_MAX = 1_000;
/** A machine at work that polls for nothing this long is not well. */
export const HEALTH_SILENT_MS_MAX = 5_000;
/** An output held longer than this is stuck: acks take milliseconds. */
export const READY_HELD_MS_MAX = 5_000;
/** A backup further behind than this is not ready to take over. */
export const READY_BEHIND_MS_MAX = 5_000;
/** `hv top` and `hv status --watch` look this often. */
export const WATCH_MS = 1_000;
/** After a stop request, how long the guest may stay in a built-in that never polls. */
export const HUNG_GUEST_MS = 2_000;

/** Pause between two pings of a replica to the view service (PingInterval of MIT 6.824, lab 2). */
export const VIEW_PING_MS = 100;
/** Pings missed until a replica counts as dead (DeadPings of the lab). Wrong at worst by a view. */
export const VIEW_DEAD_PINGS = 5;
/** A replica not heard since the service started, or since a view named it, has this long to speak up. */
export const VIEW_GRACE_PINGS = 20;
/** The view service looks at its clock every ping; when it is this late it knows nothing about anybody
 * and gives all of them the grace of a start (the TILT of Redis Sentinel, 2 s as there). */
export const VIEW_TILT_MS = 2_000;
/** Time in which nothing is heard counts as at most this many pings at once: a service that is starved of
 * its processor hears nobody, which says nothing about them. */
export const VIEW_STEP_PINGS = 2;
/** Replicas of one guest a view service keeps in mind. Further ones are refused until some are forgotten. */
export const VIEW_REPLICAS_MAX = 128;
/** A replica that is in no view and has not pinged for this long is forgotten. */
export const VIEW_FORGET_MS = 60_000;
/** Earlier processes of a replica whose late pings are told from those of the present one. */
export const VIEW_BOOTS_KEPT = 4;

/** Guests whose pings an arbiter follows at a time. Past it pings of others are refused; claims are not. */
export const ARBITER_WATCHED_MAX = 4_096;
/** Guests an arbiter keeps views of. Epochs are never used twice, so none is ever forgotten; past it first
 * claims of new guests are refused. */
export const ARBITER_VMS_MAX = 65_536;
/** Bytes of their views together: what an arbiter holds in memory and writes when it compacts. */
export const ARBITER_STATE_BYTES_MAX: number = 32 * MIB;
/** The file of views is written anew when it is larger than this and at least half of it is old. */
export const ARBITER_COMPACT_BYTES: number = MIB;
/** Claims decided with one write to the disk. More wait for the next one. */
export const ARBITER_GROUP_MAX = 256;
/** Claims waiting for the disk. Past it an arbiter answers that it is busy; the claimant asks again. */
export const ARBITER_QUEUE_MAX = 4_096;
/** A request's body. A view of VIEW_BACKUPS_MAX long names fits; more is not ours. */
export const ARBITER_BODY_BYTES_MAX: number = 32 * KIB;
/** Head of a request: a token, a long name, and what curl and proxies add. */
export const ARBITER_HEAD_BYTES_MAX: number = 8 * KIB;
/** Characters of the name of a guest or replica, and of a claim's token. */
export const ARBITER_NAME_CHARS_MAX = 255;
/** Connections an arbiter holds open. Past it the oldest that has not shown a token yet is closed. */
export const ARBITER_CONNECTIONS_MAX = 1_024;
/** Time to send a whole request. A client that drips is cut off. */
export const ARBITER_REQUEST_MS = 5_000;
/** Long polls that wait at a time. Past it one is answered at once with what is known. */
export const ARBITER_POLLS_MAX = 512;
/** A long poll is answered after this at the latest, so that a dead client's does not wait for ever. */
export const ARBITER_POLL_MS_MAX = 30_000;
/** Connections of one client to an arbiter: pings, a long poll and claims do not wait for each other. */
export const ARBITER_SOCKETS_MAX = 8;
/** The same advice is passed on again after this, for who could not follow it. */
export const VIEW_ADVICE_REPEAT_MS = 1_000;
/** A token anyone could guess protects nothing. */
export const ARBITER_TOKEN_CHARS_MIN = 16;

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
/** A piece of the way to a checkpoint between two rounds of the host's loop: what a request waits for it. */
export const CHECKPOINT_PIECE_MS = 1;
/** Used memory up to this is copied at once, 2 ms for every MiB the first time and a tenth of it from then on: such a checkpoint is where
 * it was due. */
export const CHECKPOINT_AT_ONCE_BYTES: number = 14 * MIB;
/** When the shadow has worked longer than this to come round, it goes round once more: the guest has written
 * meanwhile, and what is left is the guest's pause. */
export const CHECKPOINT_ROUND_MS = 30;
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
/** Epochs a hello tells of, the newest ones. A copy that left the log before them is made anew. */
export const HISTORY_EPOCHS_MAX = 1_024;
/** A log of no more records than this is streamed whole: replaying it takes less than a snapshot's way. */
export const JOIN_LOG_RECORDS = 5_000;
/** A backup that joins behind a snapshot replays no more records than this: else one is taken for it. */
export const JOIN_SUFFIX_RECORDS = 20_000;
/** A checkpoint for a join that has not come by then (the guest may have ended, or be held up) is not waited for. */
export const JOIN_CHECKPOINT_MS = 2_000;
/** Files of one snapshot: a complete one and a difference to it. */
export const SNAPSHOT_FILES_MAX = 2;
/** A backup of lower rank waits this long, times its rank, before it claims: who is preferred goes first. */
export const CLAIM_STAGGER_MS = 20;
/** A backup that may not claim yet asks the others again after this. */
export const POLL_RETRY_MS = 50;
/** A link on which nothing comes while records wait for their ack is dead, whatever the heartbeats say: after
 * this many times the silence that makes a peer suspect, and no sooner than a second. */
export const LINK_SILENT_FACTOR = 10;
export const LINK_SILENT_MS_MIN = 1_000;
/** A backup that cannot acknowledge yet says so this often, so that its link is not taken for dead. */
export const HELD_ACK_MS = 100;
/** A backup that keeps the guest waiting, and acknowledges nothing for this long, is given up. */
export const STALL_DROP_MS = 30_000;
/** Backups named in one view, hence entries of the list a message may carry. */
export const VIEW_BACKUPS_MAX = 64;
/** Links one listener holds open; further ones are closed at accept. */
export const LINKS_MAX = 256;
/** Sockets of one listener that have not said their first message yet. At the limit the oldest one of the
 * address that holds most of them is cut: a crowd of slow peers keeps nobody out. */
export const HANDSHAKES_MAX = 128;
/** The same for one address. A replica opens three links at a time, and eight may share an address. */
export const HANDSHAKES_PER_ADDRESS_MAX = 32;
/** Bytes of a link before its first message is complete: a hello has about 500, and until it is there
 * nobody has earned more of our memory. */
export const HELLO_BYTES_MAX: number = 64 * KIB;
/** Request line and headers of a link's handshake. Ours have some 250 bytes. */
export const LINK_REQUEST_BYTES_MAX: number = 4 * KIB;
/** Characters of a token. Who listens on the wire may try guesses at home, so a guess must be hopeless:
 * `hv token new` makes 256 bits. */
export const TOKEN_LENGTH_MIN = 32;
export const TOKEN_LENGTH_MAX = 1_024;
/** Tokens of one file: the new one, and old ones until every replica has the new. */
export const TOKENS_MAX = 16;
/** A link whose peer has shown no token that is still in the file ends this long after that was read
 * again: time for the other host to read its own. */
export const TOKEN_WITHDRAWN_MS = 10_000;
/** A file of tokens, certificates or a key. Larger is some other file. */
export const SECRET_FILE_BYTES_MAX: number = 256 * KIB;
/** Certificates of `hv cert new` are valid so long: a leaf as browsers would take one, an authority as
 * long as a cluster may live. */
export const CERTIFICATE_DAYS = 398;
export const AUTHORITY_DAYS = 3_650;
/** A certificate that ends sooner is reported at each start and reload. */
export const CERTIFICATE_WARNING_DAYS = 30;
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
assert(REDIALS_MAX > BACKUPS_MAX, 'whoever is in the view is dialled when lost');
assert(VIEW_GRACE_PINGS > VIEW_DEAD_PINGS, 'grace is longer than a death');
assert(ARBITER_BODY_BYTES_MAX > VIEW_BACKUPS_MAX * ARBITER_NAME_CHARS_MAX, 'a view fits a request');
assert(ARBITER_POLL_MS_MAX <= ARBITER_IDLE_MS, 'a poll ends before its connection does');
assert(ARBITER_PROBE_MS < ARBITER_IDLE_MS, 'a probe keeps the connection to an arbiter open');
assert(HANDSHAKES_MAX < LINKS_MAX, 'silent links leave room for talking ones');
assert(HANDSHAKES_PER_ADDRESS_MAX >= 3 * BACKUPS_MAX, 'a whole cluster may share an address');
