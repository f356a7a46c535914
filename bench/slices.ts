/**
 * One measurement of one arm: work per second and CPU time per unit of work. Servers stay up over
 * many slices, because starting one costs more than a slice; the CPU guest is a fresh process each
 * time, measured between its two lines.
 */

import { guestFile } from '../hypervisor/cli/demo/guests.ts';
import { type ArmName, Guest, startServerGuest } from './arms.ts';
import { cpuMicros, untilCalm } from './cpu-time.ts';
import { runLoad } from './resp-load.ts';

/** A unit is a request of the key-value guest or a round of the CPU guest. */
export interface Sample {
  readonly unitsPerSecond: number;
  /** CPU microseconds of the guest's process per unit: of the primary, where there is a backup. */
  readonly cpuMicros: number;
  /** Median milliseconds from request to reply, of a guest that has requests. */
  readonly latencyMs?: number;
  /** CPU microseconds of the backup, with what it still had to replay when the slice was over. */
  readonly backupCpuMicros?: number;
  /** Milliseconds until the backup had caught up after the slice. */
  readonly backupLagMs?: number;
}

const VALUE_BYTES = 64;
/** A backup that needs longer than this to catch up with one slice does not keep up at all. */
const BACKLOG_TIMEOUT_MS = 60_000;
/** Closed connections and pending syncs of one arm must not fall into the slice of the next. */
const PAUSE_MS = 60;

export interface KvLoad {
  readonly connections: number;
  readonly seconds: number;
}

/** A running server that is measured again and again. */
export class KvArm {
  readonly #guest: Guest;
  readonly #port: number;

  private constructor(guest: Guest, port: number) {
    this.#guest = guest;
    this.#port = port;
  }

  /** Starts it and serves `warmUpSeconds` uncounted: the first requests pay for compilation. */
  static async start(arm: ArmName, load: KvLoad & { warmUpSeconds: number }): Promise<KvArm> {
    const { guest, port } = await startServerGuest(arm, { name: 'kv' });
    const started = new KvArm(guest, port);
    try {
      await started.measure({ ...load, seconds: load.warmUpSeconds });
    } catch (error) {
      await guest.stop();
      throw error;
    }
    return started;
  }

  /** Rejects when a reply is wrong, the guest ends or loses its backup. */
  async measure({ connections, seconds }: KvLoad): Promise<Sample> {
    const guest = this.#guest;
    const meter = new CpuMeter(guest);
    const load = { port: this.#port, connections, seconds, pipeline: 1, valueBytes: VALUE_BYTES };
    const { requests, requestsPerSecond, latencyMs } = await runLoad(load);
    const cpu = await meter.read(requests);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (guest.fault !== undefined) throw guest.fault;
    return { unitsPerSecond: requestsPerSecond, latencyMs: latencyMs.p50, ...cpu };
  }

  stop(): Promise<void> {
    return this.#guest.stop();
  }
}

type CpuTimes = Pick<Sample, 'cpuMicros' | 'backupCpuMicros' | 'backupLagMs'>;

/** CPU time since its construction. */
class CpuMeter {
  readonly #guest: Guest;
  readonly #guestBefore: number;
  readonly #backupBefore: number;

  constructor(guest: Guest) {
    this.#guest = guest;
    this.#guestBefore = cpuMicros(guest.pid);
    this.#backupBefore = guest.backupPid === undefined ? 0 : cpuMicros(guest.backupPid);
  }

  /** Reads the guest's process at once, then its backup when that has caught up. */
  async read(units: number): Promise<CpuTimes> {
    const own = (cpuMicros(this.#guest.pid) - this.#guestBefore) / units;
    const { backupPid } = this.#guest;
    if (backupPid === undefined) return { cpuMicros: own };
    const backupLagMs = await untilCalm(backupPid, BACKLOG_TIMEOUT_MS);
    const backupCpuMicros = (cpuMicros(backupPid) - this.#backupBefore) / units;
    return { cpuMicros: own, backupCpuMicros, backupLagMs };
  }
}

interface CpuRun {
  readonly seconds: number;
  readonly cpu: Promise<CpuTimes>;
}

/** Quiet before the first round: time for a backup to boot, whose start would be counted otherwise. */
const BOOT_MS = 1000;

/**
 * bench-cpu.js, begun when all has come to rest, and alive afterwards: a process that has ended
 * cannot be asked for its CPU time. The interval does not ring before the measurement is over.
 */
function patientCpuGuest(): string {
  const work = `require(${JSON.stringify(guestFile('bench-cpu.js'))})`;
  return `setInterval(() => {}, 3_600_000);\nsetTimeout(() => ${work}, ${BOOT_MS});\n`;
}

/** Runs the CPU guest to its end. */
export async function measureCpuGuest(arm: ArmName, rounds: number): Promise<Sample> {
  const program = { name: 'cpu', source: patientCpuGuest(), args: [String(rounds)] };
  const guest = await Guest.start(arm, program);
  try {
    const { seconds, cpu } = await new Promise<CpuRun>((resolve, reject) => {
      let text = '';
      let begun: { readonly at: number; readonly meter: CpuMeter } | undefined;
      guest.child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.startsWith('start\n')) {
          begun ??= { at: performance.now(), meter: new CpuMeter(guest) };
        }
        if (begun !== undefined && /checksum [0-9a-f]{8} after/.test(text)) {
          const { at, meter } = begun;
          resolve({ seconds: (performance.now() - at) / 1000, cpu: meter.read(rounds) });
        }
      });
      guest.child.on('close', () => reject(new Error(`no checksum: ${guest.lastWords}`)));
    });
    const times = await cpu;
    if (guest.fault !== undefined) throw guest.fault;
    return { unitsPerSecond: rounds / seconds, ...times };
  } finally {
    await guest.stop();
  }
}
