/**
 * Records a guest without any host, as a log would hold it, and feeds the recording to another
 * script. Alarms ring late by a fixed time and immediates go round, as on a primary.
 */

import { loadEngineParts, loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import type { EngineParts } from '../../hypervisor/machine/engine.ts';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import { type GoldenImage, Machine } from '../../hypervisor/machine/machine.ts';
import type { HeldOutput, TurnsResult } from '../../hypervisor/ports.ts';
import { countConnects, Refeed, type RefeedReport } from '../../hypervisor/timeline/refeed.ts';
import { maskPattern } from '../../hypervisor/timeline/text-mask.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  type Batch,
  INTERRUPT,
  type InterruptKind,
  type InterruptRecord,
  type LogRecord,
} from '../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from './guest-runner.ts';

const NOTHING: Uint8Array = new Uint8Array();
/** How late the recording host's alarms ring, and what lies between two inputs. */
const ALARM_LATE_MICROS = 300;
const STEP_MICROS = 100;

let parts: EngineParts | undefined;
let golden: GoldenImage | undefined;

export function machineOf(script: string): Machine {
  parts ??= loadEngineParts();
  const options = { parts, header: TEST_HEADER, firmware: loadFirmware(), sourceMap: NOTHING };
  golden ??= new Machine({ ...options, image: NOTHING }).saveGolden();
  const image = bytesOf(`(function hvMain(require, module, exports) {${script}\n})`);
  return new Machine({ ...options, golden, image });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

interface Fields {
  readonly id?: number;
  readonly num?: number;
  readonly payload?: Uint8Array | string | object;
}

export class Recording {
  readonly script: string;
  readonly records: LogRecord[] = [];
  readonly outputs: HeldOutput[] = [];
  /** Wall clock of the recording host; a test may let it run during a turn. */
  readonly #wall: () => number;
  readonly #machine: LocalMachine;
  #result: TurnsResult | undefined;
  #time: number = TEST_HEADER.startedAt;

  /**
   * Boots `script`. `turnMicros`: by how much the host's clock is ahead at each poll of a turn;
   * `stopAfterPolls`: when an operator stops what does not end by itself.
   */
  constructor(
    script: string,
    options: { readonly turnMicros?: number; readonly stopAfterPolls?: number } = {},
  ) {
    const { turnMicros = 0, stopAfterPolls = Number.POSITIVE_INFINITY } = options;
    this.script = script;
    let polls = 0;
    let looks = 0;
    this.#wall = () => {
      polls += 1;
      return this.#time + polls * turnMicros;
    };
    this.#machine = new LocalMachine(machineOf(script), {
      wall: () => asMicros(turnMicros === 0 ? 0 : this.#wall()),
      stopRequested: () => {
        looks += 1;
        return looks > stopAfterPolls ? { code: 143, reason: 'SIGTERM' } : undefined;
      },
    });
    this.input(INTERRUPT.boot, { payload: TEST_CONFIG });
  }

  /** Lsn of the last interrupt. */
  get lsn(): number {
    return this.records.findLastIndex(({ type }) => type === 'interrupt') + 1;
  }

  get time(): number {
    return this.#time;
  }

  /** One interrupt and its group's end; then the rounds of immediates it leaves. */
  input(kind: InterruptKind, fields: Fields = {}, afterMicros: number = STEP_MICROS): this {
    this.#time += afterMicros;
    const { id = 0, num = 0 } = fields;
    const payload = payloadOf(fields.payload);
    const time = asMicros(this.#time);
    const record: InterruptRecord = { type: 'interrupt', kind, time, id, num, payload };
    const lsn = asLsn(this.records.push(record));
    const done = (result: TurnsResult): void => {
      this.#result = result;
      this.outputs.push(...result.outputs);
    };
    this.#machine.run([{ lsn, record }], (cut) => asLsn(this.records.push(cut)), done);
    const result = this.#result as TurnsResult | undefined;
    if (result === undefined) throw new Error('a machine in this thread answers at once');
    this.records.push({ type: 'end', ...result.end });
    this.#time = Math.max(this.#time, Math.ceil(this.#machine.machine.now));
    return result.immediatesLeft ? this.input(INTERRUPT.check) : this;
  }

  /** Lets time pass: alarms ring, a little late. */
  wait(millis: number): this {
    const until = this.#time + millis * 1000;
    for (;;) {
      const at = this.#result?.alarmAt;
      if (at === undefined || at + ALARM_LATE_MICROS > until || this.#result?.halted) break;
      this.input(INTERRUPT.alarm, {}, Math.max(0, at + ALARM_LATE_MICROS - this.#time));
    }
    this.#time = until;
    return this;
  }

  bound(id: number, port: number): this {
    const payload = { address: '127.0.0.1', family: 'IPv4', port };
    return this.input(INTERRUPT.netBound, { id, payload });
  }

  accept(id: number, listener = 1): this {
    return this.input(INTERRUPT.netAccept, { id, num: listener, payload: ends(40_000 + id) });
  }

  data(id: number, payload: Uint8Array | string): this {
    return this.input(INTERRUPT.netData, { id, payload });
  }

  connected(id: number): this {
    return this.input(INTERRUPT.netConnected, { id, payload: ends(9_000) });
  }

  close(id: number, num = 0): this {
    return this.input(INTERRUPT.netClose, { id, num });
  }

  batch(): Batch {
    return { epoch: asEpoch(1), firstLsn: asLsn(1), records: this.records };
  }
}

function ends(peerPort: number): object {
  const local = { address: '127.0.0.1', family: 'IPv4', port: 8080 };
  return { peer: { ...local, port: peerPort }, local };
}

function payloadOf(payload: Fields['payload']): Uint8Array | undefined {
  if (payload === undefined || payload instanceof Uint8Array) return payload;
  return bytesOf(typeof payload === 'string' ? payload : JSON.stringify(payload));
}

export interface LabOptions {
  readonly ignore?: readonly string[];
  readonly turnTicksMax?: number;
}

/** Feeds `recording` to `script`. */
export function refeed(
  recording: Recording,
  script: string,
  { ignore = [], turnTicksMax = 50_000_000 }: LabOptions = {},
): { readonly run: Refeed; readonly report: RefeedReport } {
  const batch = recording.batch();
  const run = new Refeed({
    recorded: new LocalMachine(machineOf(recording.script), {
      wall: () => TEST_HEADER.startedAt,
      stopRequested: () => undefined,
    }),
    replayed: machineOf(script),
    startedAt: TEST_HEADER.startedAt,
    connectsInLog: countConnects(batch),
    ignore: maskPattern(ignore),
    turnTicksMax,
  });
  run.push(batch);
  return { run, report: run.finish() };
}
