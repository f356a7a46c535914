/**
 * Records a guest without a host: interrupts come from the caller, time is the caller's too, and what
 * a host would answer (bytes that left, alarms, another round for immediates) is answered at once.
 * Makes logs of any length quickly, and the same ones every time.
 */

import { basename } from 'node:path';
import { bundleGuest } from '../hypervisor/host/bundle.ts';
import { loadFirmware } from '../hypervisor/host/engine-parts.ts';
import { FileLogStore } from '../hypervisor/host/log-store.ts';
import { buildMachine, engineParts, MACHINE_VERSION } from '../hypervisor/host/machine-factory.ts';
import { HV_VERSION } from '../hypervisor/host/version.ts';
import { LocalMachine } from '../hypervisor/machine/local-machine.ts';
import type { HostInterrupt, TurnsResult } from '../hypervisor/ports.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  type BootConfig,
  encodeBatch,
  FORMAT_VERSION,
  INTERRUPT,
  type InterruptKind,
  type InterruptRecord,
  type LogHeader,
  type LogRecord,
  sha256Hex,
} from '../log-format/index.ts';

export interface RecorderOptions {
  /** Of the log: a directory to be made. */
  readonly dir: string;
  /** Path of the guest's script. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly segmentBytes?: number;
  /** Microseconds the host's clock moves between two looks at it inside a turn. */
  readonly microsPerLook?: number;
  readonly header?: Partial<LogHeader>;
}

const STARTED_AT = asMicros(1_700_000_000_000_000);
const DRAIN_BYTES = 65_536;
const SEGMENT_BYTES = 64 * 1024 * 1024;

export class Recorder {
  readonly header: LogHeader;
  readonly #store: FileLogStore;
  readonly #port: LocalMachine;
  readonly #microsPerLook: number;
  readonly #written = new Map<number, number>();
  #pending: LogRecord[] = [];
  #lsn = 0;
  #wall: number = STARTED_AT;
  #last: TurnsResult | undefined;

  /** Boots the guest and answers what it asks for at once. */
  static async start(options: RecorderOptions): Promise<Recorder> {
    const cwd = process.cwd();
    const image = await bundleGuest(options.script, { cwd });
    const blobs = { firmware: loadFirmware(), image: image.code, sourcemap: image.sourceMap };
    return new Recorder(options, blobs, bootOf(options, image.script));
  }

  private constructor(
    options: RecorderOptions,
    blobs: { firmware: Uint8Array; image: Uint8Array; sourcemap: Uint8Array },
    boot: BootConfig,
  ) {
    this.#microsPerLook = options.microsPerLook ?? 0;
    const hashes = {
      firmware: sha256Hex(blobs.firmware),
      image: sha256Hex(blobs.image),
      sourcemap: sha256Hex(blobs.sourcemap),
    };
    this.header = { ...headerOf(hashes), script: basename(options.script), ...options.header };
    this.#port = new LocalMachine(buildMachine(this.header, blobs), {
      wall: () => {
        this.#wall += this.#microsPerLook;
        return asMicros(this.#wall);
      },
      stopRequested: () => undefined,
    });
    const names = ['firmware', 'image', 'sourcemap'] as const;
    const frames = names.map((name) => ({ name, hash: hashes[name], bytes: blobs[name] }));
    this.#store = FileLogStore.create(options.dir, this.header, frames, {
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      onError: (error) => {
        throw error;
      },
    });
    const payload = new TextEncoder().encode(JSON.stringify(boot));
    this.group([{ kind: INTERRUPT.boot, id: 0, num: 0, payload }]);
  }

  /** Lsn of the last record. */
  get lsn(): number {
    return this.#lsn;
  }

  get halted(): boolean {
    return this.#last?.halted !== undefined;
  }

  /** When the guest wants to be woken, microseconds after the start; undefined: not at all. */
  get alarmAt(): number | undefined {
    const at = this.#last?.alarmAt;
    return at === undefined ? undefined : at - STARTED_AT;
  }

  /**
   * One group: these turns, run together `afterMicros` later, its records appended as one batch with
   * the `end` of the group before. What the guest is owed then follows as groups of their own.
   */
  group(interrupts: readonly HostInterrupt[], afterMicros = 20): TurnsResult {
    this.#wall += afterMicros;
    const result = this.#run(interrupts);
    this.#answer(result);
    return result;
  }

  /** Lets time pass: rings the guest's alarm until `micros` have gone by or it has none. */
  wait(micros: number): void {
    const until = this.#wall + micros;
    while (!this.halted && this.#last?.alarmAt !== undefined && this.#last.alarmAt <= until) {
      this.#wall = Math.max(this.#wall, this.#last.alarmAt);
      this.group([interrupt(INTERRUPT.alarm)], 0);
    }
    this.#wall = Math.max(this.#wall, until);
  }

  /** Waits until everything so far is written: a long recording does not fill memory. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.#store.sync(resolve));
  }

  /** Ends the log on purpose, or as a killed process leaves it: the last `end` never written. */
  async finish({ seal = true }: { readonly seal?: boolean } = {}): Promise<void> {
    if (seal) this.#append();
    await new Promise<void>((resolve) => {
      if (seal) this.#store.seal(resolve);
      else this.#store.close(resolve);
    });
  }

  #run(interrupts: readonly HostInterrupt[]): TurnsResult {
    this.#wall = Math.max(this.#wall, Math.ceil(this.#port.machine.now));
    const time = asMicros(this.#wall);
    const turns = interrupts.map((one) => {
      const record: InterruptRecord = { type: 'interrupt', time, ...one };
      return { lsn: this.#add(record), record };
    });
    this.#append();
    let answer: TurnsResult | undefined;
    const onMidTurn = (record: LogRecord): ReturnType<typeof asLsn> => {
      const lsn = this.#add(record);
      this.#append();
      return lsn;
    };
    this.#port.run(turns, onMidTurn, (result) => {
      answer = result;
    });
    if (answer === undefined) throw new Error('a machine in the same thread answers at once');
    this.#add({ type: 'end', ...answer.end });
    this.#last = answer;
    return answer;
  }

  /** What turns asked for, and what the answers to that ask for in turn. */
  #answer(result: TurnsResult): void {
    const results = [result];
    for (const one of results) {
      for (const { output } of one.outputs) {
        if (output.device !== 'net') continue;
        if (output.op === 'listen') results.push(this.#run([bound(output)]));
        if (output.op === 'write')
          this.#written.set(output.id, (this.#written.get(output.id) ?? 0) + output.bytes.length);
        if (output.op === 'destroy')
          results.push(this.#run([interrupt(INTERRUPT.netClose, { id: output.id })]));
      }
      for (const [id, bytes] of this.#written) {
        if (bytes < DRAIN_BYTES) continue;
        this.#written.set(id, 0);
        results.push(this.#run([interrupt(INTERRUPT.netDrain, { id, num: bytes })]));
      }
      if (this.#last?.immediatesLeft) results.push(this.#run([interrupt(INTERRUPT.check)]));
    }
  }

  #add(record: LogRecord): ReturnType<typeof asLsn> {
    this.#pending.push(record);
    this.#lsn += 1;
    return asLsn(this.#lsn);
  }

  #append(): void {
    if (this.#pending.length === 0) return;
    const firstLsn = asLsn(this.#lsn - this.#pending.length + 1);
    this.#store.append(
      encodeBatch({ epoch: asEpoch(1), firstLsn, records: this.#pending }, STARTED_AT),
    );
    this.#pending = [];
  }
}

/** An interrupt as a host sees it. */
export function interrupt(
  kind: InterruptKind,
  fields: Partial<Omit<HostInterrupt, 'kind'>> = {},
): HostInterrupt {
  return { kind, id: 0, num: 0, payload: undefined, ...fields };
}

/** The answer to a listen. */
function bound({ id, host, port }: { id: number; host: string; port: number }): HostInterrupt {
  const address = host.includes(':') ? '127.0.0.1' : host;
  const payload = bytesOf({ address, family: 'IPv4', port: port === 0 ? 4000 : port });
  return interrupt(INTERRUPT.netBound, { id, payload });
}

/** A client connects: `id` is even. */
export function accepted(id: number, listener = 1): HostInterrupt {
  const address = { address: '127.0.0.1', family: 'IPv4', port: 40_000 + id };
  const payload = bytesOf({ peer: address, local: { ...address, port: 4000 } });
  return interrupt(INTERRUPT.netAccept, { id, num: listener, payload });
}

export function received(id: number, text: string): HostInterrupt {
  return interrupt(INTERRUPT.netData, { id, payload: new TextEncoder().encode(text) });
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** A header for a log that no process records. */
export function headerOf(hashes: {
  firmware: string;
  image: string;
  sourcemap: string;
}): LogHeader {
  const { engineHash, helperHash } = engineParts();
  return {
    formatVersion: FORMAT_VERSION,
    machineVersion: MACHINE_VERSION,
    hvVersion: HV_VERSION,
    vm: 'recorded-00000000',
    name: 'recorded',
    ticksSemantics: 'quickjs-interrupt-polls/1',
    engineHash,
    helperHash,
    firmwareHash: hashes.firmware,
    imageHash: hashes.image,
    sourceMapHash: hashes.sourcemap,
    memoryPages: 4096,
    stackBytes: 1_048_576,
    turnTicksMax: 0,
    secondTicksMax: 0,
    ticksPerMicro: 128,
    zoneOffsetMinutes: 0,
    seed: '5a'.repeat(32),
    startedAt: STARTED_AT,
    script: 'recorded.js',
    segment: 1,
    firstLsn: asLsn(1),
    chain: '00'.repeat(32),
  };
}

export function bootOf(
  { args = [], env = {} }: Pick<RecorderOptions, 'args' | 'env'>,
  script: string,
): BootConfig {
  return {
    argv: ['hv', script, ...args],
    env,
    cwd: '/guest',
    pid: 4242,
    ppid: 1,
    platform: 'linux',
    arch: 'x64',
    hostname: 'guest',
    nodeVersion: '20.20.2',
    hvVersion: HV_VERSION,
    stdinIsTTY: false,
    stdoutIsTTY: false,
    stderrIsTTY: false,
    columns: 80,
    heapBytesMax: 240 * 2 ** 20,
  };
}
