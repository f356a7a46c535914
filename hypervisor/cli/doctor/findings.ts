/** What is measured of a host, judged: ok, warn or fail, and what to do. Pure. */

import {
  DOCTOR_ARBITER_MS,
  DOCTOR_CLOCK_MS,
  DOCTOR_DISK_BYTES_FAIL,
  DOCTOR_DISK_BYTES_WARN,
  DOCTOR_MEMORY_BYTES,
  DOCTOR_RTT_MS,
  DOCTOR_STEP_MS,
  DOCTOR_SYNC_P99_MS,
} from '../../base/tool-limits.ts';

export interface Finding {
  /** `node`, `peer 10.0.0.2:7700`: stable. */
  readonly check: string;
  /** `fail`: no failover would work. `warn`: it works, and something is worth knowing. */
  readonly state: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do about it. */
  readonly todo?: string;
  /** For programs: milliseconds and bytes. */
  readonly figures?: Readonly<Record<string, number>>;
}

const MIB = 1_048_576;
const GIB = 1_024 * MIB;

export function judgeNode(version: string): Finding {
  const check = 'node';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 20))
    return {
      ...{ check, state: 'fail', text: `Node ${version} is older than hv needs` },
      todo: 'install Node 20.20 or later, better 24',
    };
  if (major < 22)
    return {
      ...{ check, state: 'warn' },
      text: `Node ${version} is past its end of life and runs guests some 20 % slower than Node 24`,
      todo: 'install Node 24 on both hosts, one after the other',
    };
  return { check, state: 'ok', text: `Node ${version}` };
}

export function judgeMachine(facts: {
  readonly cpus: number;
  readonly freeBytes: number;
}): Finding {
  const { cpus, freeBytes } = facts;
  const figures = { cpus, freeBytes };
  const text = `${cpus} CPU${cpus === 1 ? '' : 's'}, ${Math.round(freeBytes / MIB)} MiB of memory free`;
  if (freeBytes < DOCTOR_MEMORY_BYTES)
    return {
      ...{ check: 'machine', state: 'warn', text, figures },
      todo: `a replica wants ${DOCTOR_MEMORY_BYTES / MIB} MiB: free memory, or give the guest less with --memory`,
    };
  if (cpus < 2)
    return {
      ...{ check: 'machine', state: 'warn', text, figures },
      todo: 'with one CPU the guest and the links wait for each other; give the host two',
    };
  return { check: 'machine', state: 'ok', text, figures };
}

/** `stepMs`: how far the wall clock moved against the monotonic one while the doctor looked. */
export function judgeSteps(stepMs: number): Finding {
  const figures = { stepMs };
  if (Math.abs(stepMs) <= DOCTOR_STEP_MS)
    return { check: 'clock', state: 'ok', text: 'the wall clock runs evenly', figures };
  return {
    ...{ check: 'clock', state: 'warn', figures },
    text: `the wall clock stepped by ${Math.round(stepMs)} ms just now`,
    todo: 'let chrony or systemd-timesyncd slew it; a guest never sees time go back, but waits',
  };
}

/** `times`: milliseconds of each write and its fdatasync; a text: it cannot be written. */
export function judgeSyncs(dir: string, times: readonly number[] | string): Finding {
  if (typeof times === 'string')
    return {
      ...{ check: 'log directory', state: 'fail', text: `${dir}: ${times}` },
      todo: 'make the directory writable for the user of hv, or choose another --dir',
    };
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  const figures = { p50Ms: p50, p99Ms: p99, writes: times.length };
  const text = `${dir}: a write is on disk after ${ms(p50)} (p50), ${ms(p99)} (p99)`;
  if (p99 <= DOCTOR_SYNC_P99_MS) return { check: 'log directory', state: 'ok', text, figures };
  return {
    ...{ check: 'log directory', state: 'warn', text, figures },
    todo: 'with --ack durable every output waits so long: use an SSD with power-loss protection',
  };
}

export function judgeDisk(dir: string, freeBytes: number): Finding {
  const text = `${(freeBytes / GIB).toFixed(1)} GiB free for ${dir}`;
  const figures = { freeBytes };
  const todo = 'free space, or forget old parts of the log with hv run --keep 2GiB';
  const state =
    freeBytes < DOCTOR_DISK_BYTES_FAIL
      ? 'fail'
      : freeBytes < DOCTOR_DISK_BYTES_WARN
        ? 'warn'
        : 'ok';
  return { check: 'disk', state, text, figures, ...(state === 'ok' ? {} : { todo }) };
}

/** `taken`: by what the address is taken; undefined: by nothing. */
export function judgePort(
  listen: string,
  taken: { readonly reason: string; readonly byOwn: boolean } | undefined,
): Finding {
  const check = 'port';
  if (taken === undefined) return { check, state: 'ok', text: `${listen} is free` };
  if (taken.byOwn)
    return { check, state: 'ok', text: `${listen} is taken by the replica that runs here` };
  return {
    ...{ check, state: 'fail', text: `${listen} cannot be listened on: ${taken.reason}` },
    todo: 'choose a free port and an address of this host for replica.listen',
  };
}

export function judgeArbiter(facts: {
  readonly url: string | undefined;
  readonly needed: boolean;
  /** Milliseconds of each answer; a text: why there is none. */
  readonly answers: readonly number[] | string;
  /** Why it would die with a replica. */
  readonly misplaced: string | undefined;
  readonly mayBeColocated: boolean;
}): Finding {
  const { url, needed, answers, misplaced, mayBeColocated } = facts;
  const check = 'arbiter';
  if (url === undefined)
    return {
      ...{ check, state: needed ? 'fail' : 'warn', text: 'no arbiter is given' },
      todo: 'start hv arbiter on a third host and name it with --arbiter http://host:7800',
    };
  if (typeof answers === 'string')
    return {
      ...{ check, state: 'fail', text: `${url} does not answer: ${answers}` },
      todo: 'while it is away nobody is promoted: start it, or check the way to it and its token',
    };
  if (misplaced !== undefined && !mayBeColocated)
    return {
      ...{ check, state: 'fail', text: misplaced },
      todo: 'put it on a third host; if losing that host may stop the service: --arbiter-colocated',
    };
  const p50 = quantile(answers, 0.5);
  const figures = { p50Ms: p50 };
  const text = `${url} answers in ${ms(p50)}`;
  if (misplaced !== undefined)
    return {
      ...{ check, state: 'warn', text: `${text}, and ${misplaced}`, figures },
      todo: 'it is allowed here: when that host is lost, nobody takes over',
    };
  if (p50 > DOCTOR_ARBITER_MS)
    return {
      ...{ check, state: 'warn', text, figures },
      todo: 'every failover waits for one answer: put the arbiter nearer',
    };
  return { check, state: 'ok', text, figures };
}

export interface PeerFacts {
  readonly address: string;
  /** Milliseconds of each connection; a text: why there is none. */
  readonly connects: readonly number[] | string;
  /** Why a link was not taken; undefined: it was. */
  readonly refused: string | undefined;
  /** What it said to a hello that fits nobody. */
  readonly said: string | undefined;
  /** Its wall clock minus ours, between two bounds; undefined: not known. */
  readonly clock: { readonly lowMs: number; readonly highMs: number } | undefined;
}

export function judgePeer(facts: PeerFacts, ownVersion: string): Finding {
  const { address, connects, refused, said, clock } = facts;
  const check = `peer ${address}`;
  if (typeof connects === 'string')
    return {
      ...{ check, state: 'fail', text: `cannot be reached: ${connects}` },
      todo: 'start hv up there; if it runs, open this port between the hosts, both ways',
    };
  const rtt = quantile(connects, 0.5);
  const figures = { rttMs: rtt };
  if (refused !== undefined)
    return {
      ...{ check, state: 'fail', text: `it answers, but takes no link: ${refused}`, figures },
      todo: 'give both hosts the same token file, or certificates of one authority',
    };
  const version = versionIn(said);
  if (said !== undefined && /^(?:protocol|machine version) /.test(said))
    return {
      ...{ check, state: 'fail', text: `runs an hv that does not fit: ${said}`, figures },
      todo: 'install the same hv on both hosts, the backup first',
    };
  if (said !== undefined && /\barbiter\b/.test(said))
    return {
      ...{ check, state: 'fail', text: `would refuse this host: ${said}`, figures },
      todo: 'put the arbiter on a third host that both reach by the same URL',
    };
  const what = version === undefined ? 'its version is not told while it is busy' : `hv ${version}`;
  const text = `${ms(rtt)} away, ${what}`;
  if (version !== undefined && version !== ownVersion)
    return {
      ...{ check, state: 'warn', text: `${text}, here ${ownVersion}`, figures },
      todo: 'finish the upgrade: the same hv on both hosts',
    };
  const off = clock === undefined ? 0 : Math.max(clock.lowMs, -clock.highMs, 0);
  if (off > DOCTOR_CLOCK_MS)
    return {
      ...{ check, state: 'warn', figures: { ...figures, clockMs: off } },
      text: `${text}; its clock is off by ${(off / 1_000).toFixed(1)} s or more`,
      todo: 'run chrony or systemd-timesyncd on both hosts',
    };
  if (rtt > DOCTOR_RTT_MS)
    return {
      ...{ check, state: 'warn', text, figures },
      todo: 'every output waits for a round trip; set protection.detect to wan, or ack to async',
    };
  return { check, state: 'ok', text, figures };
}

/** The one line at the end. Fails of several kinds say the first. */
export function verdictOf(
  findings: readonly Finding[],
  peers: number,
): { readonly able: boolean; readonly text: string } {
  if (peers === 0)
    return { able: false, text: 'NO failover: no other replica is named (--peer, replica.peers)' };
  const failed = findings.filter(({ state }) => state === 'fail');
  const [first] = failed;
  if (first !== undefined)
    return { able: false, text: `NO failover: ${first.check}: ${first.text}` };
  const warnings = findings.filter(({ state }) => state === 'warn').length;
  const more = warnings === 0 ? '' : `, with ${warnings} warning${warnings === 1 ? '' : 's'}`;
  return { able: true, text: `this pair can fail over${more}` };
}

/** The peer's hv, in what it says about an engine that is not its own. */
function versionIn(said: string | undefined): string | undefined {
  return /\bhv \S+ there, (\S+) here/.exec(said ?? '')?.[1];
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}
