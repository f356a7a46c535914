/**
 * The boundary between a machine and the firmware inside it, as numbers: interrupt kinds (host to
 * guest, recorded) and trap ids (guest to host, deterministic). Both sides import this file and
 * nothing else of each other. Numbers are part of the log format: they are never reused, and a
 * change of meaning is a new `machineVersion` in the header. Machine version 2 added the trap
 * `preempt`, version 3 `commit`, version 4 `position`, `report` and `disk`; an older machine does not even
 * bind them, because a bound function is memory. `late` is bound for a firmware that has parts (firmware-parts.ts), whatever the version.
 */

/** What starts a turn. Also the record kind in the log (1..31). */
export const INTERRUPT = {
  /** First turn: payload is the `BootConfig` as JSON; the machine evaluates the image. */
  boot: 1,
  /** The armed alarm fell due. */
  alarm: 2,
  /** The last turn left immediates behind; the loop goes round once more. */
  check: 3,
  /** Payload: bytes read from standard input. */
  stdinData: 4,
  stdinEnd: 5,
  /** `id`: signal number. Delivered only when the guest listens for it: 0, which is none, ends a group. */
  signal: 6,
  /** `id`: listener, `num`: error (index in NET_ERRORS), payload: `NetAddress` JSON when 0. */
  netBound: 8,
  /** `id`: connection (even), `num`: listener, payload: `{peer, local}` JSON. */
  netAccept: 9,
  /** `id`: connection (odd), payload: `{peer, local}` JSON. A failed connect is a netClose. */
  netConnected: 10,
  /** `id`: connection, payload: bytes. The offset is the running sum. */
  netData: 11,
  /** `id`: connection. The peer's FIN. */
  netEnd: 12,
  /** `id`: connection, `num`: bytes of output that have left since the last drain. */
  netDrain: 13,
  /** `id`: connection, `num`: error. Always last, also after the guest's own destroy. */
  netClose: 14,
  /** `id`: listener. The listener is closed; no more accepts. */
  netUnbound: 15,
  /** Payload: fresh entropy for every generator (a promoted backup must not repeat the primary). */
  reseed: 16,
  /** `id`: commit. All that the guest had done when it asked is as safe as it asked. Since 3. */
  committed: 17,
  /** `id`: mount, payload: what is in the host's directory, or has changed there: MountNews. Since 4. */
  mounted: 18,
} as const;
export type InterruptKind = (typeof INTERRUPT)[keyof typeof INTERRUPT];

/** What the guest asks inside a turn. Every answer is a function of the machine's state alone. */
export const TRAP = {
  /** now(): number. Virtual microseconds since the Unix epoch, with ticks as the fraction. */
  now: 1,
  /** alarm(atMicros): void. One alarm; -1 disarms. */
  alarm: 2,
  /** entropy(length): ArrayBuffer. */
  entropy: 3,
  /** consoleWrite(fd, buffer, offset, length): void. fd 1 or 2. */
  consoleWrite: 4,
  /** exit(code): void. The caller must loop for ever afterwards; the CPU stops at the next poll. */
  exit: 5,
  /** stdinFlow(on): void. 1: the guest wants standard input, 0: it does not. */
  stdinFlow: 6,
  /** signalListen(number, on): void. */
  signalListen: 7,
  /** netListen(port, backlog, hostBuffer, hostOffset, hostLength): listener id. Answer: netBound. */
  netListen: 10,
  /** netUnlisten(listener): void. Answer: netUnbound. */
  netUnlisten: 11,
  /** netConnect(port, hostBuffer, hostOffset, hostLength): connection id (odd). */
  netConnect: 12,
  /** netWrite(conn, buffer, offset, length): credit left; at or below 0 wait for netDrain. */
  netWrite: 13,
  /** netEnd(conn): void. Our FIN. */
  netEnd: 14,
  /** netDestroy(conn, reset): void. Answer: netClose. */
  netDestroy: 15,
  /** netFlow(conn, on): void. 0: stop delivering input of this connection, 1: go on. */
  netFlow: 16,
  /** netOption(conn, option, value): void. Options: NET_OPTION. */
  netOption: 17,
  /** preempt(atMicros): void. A second alarm, which may ring inside a turn; -1 disarms. Since 2. */
  preempt: 18,
  /** commit(level): commit id. `level`: index in COMMIT_LEVELS. Answer: committed. Since 3. */
  commit: 19,
  /** position(): lsn of the interrupt whose turn runs. Since 4. */
  position: 21,
  /** report(topic, value, text): void. What the guest says about itself: REPORT. Since 4. */
  report: 22,
  /** late(part): what this part of the firmware evaluates to. Where the firmware has parts, see `firmwareParts`. */
  late: 20,
  /** disk(op, …): what has become of the guest's files, for the host; `act` answers its number. See DISK. Since 4. */
  disk: 23,
  /** encode(text, encoding): ArrayBuffer. Pure. */
  encode: 32,
  /** decode(buffer, offset, length, encoding): string. Pure. */
  decode: 33,
  /** byteLength(text): number of UTF-8 bytes. Pure. */
  byteLength: 34,
  /** mapStack(text): text with image positions replaced by the user's files. Pure. */
  mapStack: 35,
  /** sourceLine("file:line"): the line's text, or "". Pure. */
  sourceLine: 36,
} as const;
export type TrapName = keyof typeof TRAP;

/** Machine version that a trap came with; the others are there since version 1. */
export const TRAP_SINCE: Readonly<Partial<Record<TrapName, number>>> = {
  preempt: 2,
  commit: 3,
  position: 4,
  report: 4,
  disk: 4,
};

/** First argument of the trap `disk`, and what follows it. Files are named by their inode's number; the root is the name '' of directory 0. */
export const DISK = {
  /** node(number, kind, hidden, target): an inode has a name; `kind` in DISK_KINDS, `hidden`: not the guest's doing. */
  node: 1,
  /** entry(directory, number, name): a name of a directory; number 0: it is gone. */
  entry: 2,
  /** page(number, index, length, buffer): 64 KiB of a file are in this buffer now; length 0: they are zeros. */
  page: 3,
  /** changed(number, size, from, to): the file has this size, and new bytes between the two. */
  changed: 4,
  /** gone(number): no name and nobody who has it open. */
  gone: 5,
  /** mount(index, number, readOnly, path): this directory is one of the host's. */
  mount: 6,
  /** act(mount, kind, path, at, buffer, offset, length): number of the act. `kind` in MOUNT_ACTS, see `MountAct`. */
  act: 7,
} as const;
/** What a guest does to a mounted directory. Append only. */
export const MOUNT_ACTS = ['write', 'resize', 'directory', 'remove', 'rename'] as const;

/** One of them; a `rename` has both paths in `path`, with a NUL between. Paths are relative to the mount. */
export interface MountAct {
  readonly mount: number;
  /** Counts the acts of a run, over all its mounts, from 1. */
  readonly number: number;
  readonly act: (typeof MOUNT_ACTS)[number];
  readonly path: string;
  /** Of a write: where. Of a resize: the size. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

export const DISK_KINDS = ['file', 'directory', 'link'] as const;
export const DISK_PAGE_BYTES = 65_536;

/** How safe a guest can ask what it has done to be, by index. Append only. */
export const COMMIT_LEVELS = ['received', 'replayed', 'verified', 'durable'] as const;
export type CommitLevel = (typeof COMMIT_LEVELS)[number];

/** A commit without an answer. Ids count up from 1. */
export interface PendingCommit {
  readonly id: number;
  readonly level: CommitLevel;
}

/** Topics of the trap `report`. */
export const REPORT = {
  /** Now is a good moment for a checkpoint. */
  checkpoint: 1,
  /** `value`: index in HEALTH_STATES, `text`: the reason. */
  health: 2,
} as const;

/** How a guest can say that it is, by index. Append only. */
export const HEALTH_STATES = ['ok', 'degraded', 'failing'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** What a guest last said of itself. `since`: microseconds of its clock. */
export interface GuestHealth {
  readonly state: HealthState;
  readonly reason: string;
  readonly since: number;
}

/** A file comes in pieces, from `at` on; the first one sets its size, and cuts what was there. */
export type MountChange = { readonly path: string } & (
  | {
      readonly kind: 'file';
      /** Of the whole file. */
      readonly size: number;
      readonly at: number;
      /** Of this piece, in the order of the changes. */
      readonly length: number;
      /** Microseconds since 1970. */
      readonly modified: number;
      readonly runs: boolean;
    }
  | { readonly kind: 'directory' }
  | { readonly kind: 'gone' }
);

/**
 * Payload of a `mounted` interrupt: u32 (little-endian) length of a JSON text, the text, and the contents of
 * the pieces it names, one behind the other.
 */
export interface MountNews {
  /** Acts of the guest up to this number are in what the host has seen. */
  readonly acts: number;
  /** The host's disk refuses what the guest writes, with this error; empty: it does not. */
  readonly fault: string;
  readonly changes: readonly MountChange[];
}

/** Text encodings of the `encode` and `decode` intrinsics. */
export const ENCODING = {
  utf8: 0,
  latin1: 1,
  ascii: 2,
  base64: 3,
  base64url: 4,
  hex: 5,
  utf16le: 6,
} as const;

export const NET_OPTION = { noDelay: 1, keepAlive: 2 } as const;

/** Errors of the net device by index, by Node's names. Index 0 is "no error". Append only. */
export const NET_ERRORS = [
  '',
  'UNKNOWN',
  'ECONNRESET',
  'ECONNREFUSED',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'EINVAL',
  'EMFILE',
  'ECANCELED',
] as const;

export interface NetAddress {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
}

/** What the firmware's `step()` answers after each drain of the job queue. */
export const STEP = {
  /** Nothing left in this turn. */
  idle: 0,
  /** Ran something; drain the jobs and call again. */
  again: 1,
  /** Nothing left in this turn, but immediates wait for the next time round (`check`). */
  immediatesLeft: 2,
} as const;

/** Payload of the boot interrupt, as JSON. Everything a guest can read about its surroundings. */
export interface BootConfig {
  /** `process.argv`: the program name, the script's path, then the user's arguments. */
  readonly argv: readonly string[];
  /** `process.env`: only what the user let in. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly pid: number;
  readonly ppid: number;
  readonly platform: string;
  readonly arch: string;
  readonly hostname: string;
  /** `process.version`, without the leading v. */
  readonly nodeVersion: string;
  readonly hvVersion: string;
  readonly stdinIsTTY: boolean;
  readonly stdoutIsTTY: boolean;
  readonly stderrIsTTY: boolean;
  readonly columns: number;
  /** Of this run and its replicas, replays and later lives alone; absent in logs of earlier versions. */
  readonly runId?: string;
  /** What the guest's heap may hold (`hv run --memory`). */
  readonly heapBytesMax: number;
  /** What the guest's files may hold (`hv run --disk-quota`); absent: half of its heap. */
  readonly diskBytesMax?: number;
  /** Directories of the host (`hv run --mount`), by their paths in the guest. */
  readonly mounts?: readonly { readonly path: string; readonly readOnly: boolean }[];
}

/** File name under which the image is evaluated; stack traces carry it until they are mapped. */
export const IMAGE_FILE = 'hv:image';
/** File name under which the firmware is evaluated. Frames of it are hidden from the user. */
export const FIRMWARE_FILE = 'hv:firmware';

/** Bytes a connection may have queued before `netWrite` answers 0 or less. */
export const NET_WRITE_CREDIT_BYTES = 262_144;
