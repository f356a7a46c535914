/**
 * Limits of the commands around a guest (hv up, hv doctor, hv.toml) and of what is told of it, as limits.ts
 * has those of hv itself.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** The first output of a new primary belongs to its failover when it comes within this: clients whose
 * connection was reset are back by then. A guest that nobody asked for minutes has recovered all the same. */
export const FIRST_OUTPUT_MS = 1_000;
/** `hv up` looks this often whether the backup it started follows the primary, and asks for it if not: a
 * read of the arbiter and one connection. */
export const UP_LOOK_MS = 1_000;
/** `hv up` starts a replica again after this, doubling up to the second while it fails again and again. */
export const UP_RESTART_MS = 200;
export const UP_RESTART_MS_MAX = 30_000;
/** A replica that lived this long had not failed again: the wait begins small. */
export const UP_STEADY_MS = 30_000;
/** `hv up` that begins a run looks this often whether the others listen. */
export const UP_PEER_PROBE_MS = 250;
/** hv.toml: a page of text. Larger is another file by mistake, and its lines are found by reading it once
 * for each line. */
export const CONFIG_BYTES_MAX: number = 64 * KIB;
export const CONFIG_LINES_MAX = 1_000;
/** `hv doctor`: writes whose sync is timed, and connections a round trip is taken from. */
export const DOCTOR_SYNCS = 50;
export const DOCTOR_SYNC_BYTES = 4_096;
export const DOCTOR_CONNECTS = 5;
/** One that takes longer holds every output back for as long with `--ack durable`. */
export const DOCTOR_SYNC_P99_MS = 20;
/** An idle guest fills nothing, a busy one a gigabyte in an hour or so. */
export const DOCTOR_DISK_BYTES_WARN: number = 2_048 * MIB;
export const DOCTOR_DISK_BYTES_FAIL: number = 256 * MIB;
/** A guest's memory twice (the machine and what its checkpoints compare with), and Node. */
export const DOCTOR_MEMORY_BYTES: number = 640 * MIB;
/** Beyond it a peer that is well is silent for longer than `--detect lan` waits. */
export const DOCTOR_RTT_MS = 20;
/** A claim waits for the arbiter once: it is part of every failover. */
export const DOCTOR_ARBITER_MS = 100;
/** A guest's clock jumps forward by this at a takeover. Dates of HTTP are whole seconds, so less than one
 * and a half is not seen. */
export const DOCTOR_CLOCK_MS = 2_000;
/** The wall clock against the monotonic one, within the doctor's own seconds. */
export const DOCTOR_STEP_MS = 50;
