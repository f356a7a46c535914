/**
 * A guest that is recorded as a primary records it, without the primary: real machine, log and
 * checkpoints in a directory, interrupts from the test. Each group is two batches: its interrupts, and
 * what closes it.
 */

import { FileCheckpointer } from '../../hypervisor/host/checkpointer.ts';
import { loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import { buildMachine, engineParts } from '../../hypervisor/host/machine-factory.ts';
import type { Recovered } from '../../hypervisor/host/recovery.ts';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { Machine } from '../../hypervisor/machine/machine.ts';
import type { HeldOutput, TurnsResult } from '../../hypervisor/ports.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  type Blob,
  type EncodedBatch,
  encodeBatch,
  INTERRUPT,
  type InterruptRecord,
  type LogHeader,
  type LogRecord,
  type Lsn,
  sha256Hex,
} from '../../log-format/index.ts';
import { sampleHeader } from '../unit/log-format/samples.ts';
import { TEST_CONFIG } from './guest-runner.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Counts, prints and remembers; input `g<KiB>` makes its heap grow by so much. */
const GUEST = bytes(`(function hvMain(require) {
  const net = require('net');
  const heap = []; const log = [];
  net.createServer((socket) => socket.on('data', (data) => {
    const text = String(data); log.push(Math.random());
    if (text[0] === 'g') for (let left = Number(text.slice(1)); left > 0; left -= 16) {
      const block = new Float64Array(2048);
      for (let i = 0; i < 2048; i++) block[i] = i % 4 ? i * 3 : Math.random();
      heap.push(block);
    }
    console.log('got ' + text);
    setTimeout(() => log.push(text), 5);
    socket.write(String(log.length));
  })).listen(7);
})`);

const FIRMWARE = loadFirmware();
export const RUN_BLOBS: {
  readonly firmware: Uint8Array;
  readonly image: Uint8Array;
  readonly sourcemap: Uint8Array;
} = { firmware: FIRMWARE, image: GUEST, sourcemap: bytes('{}') };
/** As the log carries them. */
export const RUN_BLOB_LIST: readonly Blob[] = (['firmware', 'image', 'sourcemap'] as const).map(
  (name) => ({ name, hash: sha256Hex(RUN_BLOBS[name]), bytes: RUN_BLOBS[name] }),
);
const STARTED = 1_700_000_000_000_000;

export const RUN_HEADER: LogHeader = sampleHeader({
  vm: 'recorded-0badcafe',
  engineHash: engineParts().engineHash,
  helperHash: engineParts().helperHash,
  firmwareHash: sha256Hex(FIRMWARE),
  imageHash: sha256Hex(GUEST),
  sourceMapHash: sha256Hex(RUN_BLOBS.sourcemap),
  startedAt: asMicros(STARTED),
});

/** Of all memory, whatever its extent. */
export function memoryHashOf(machine: Machine): string {
  const memory = machine.usedMemory();
  let end = memory.length;
  while (end > 0 && memory[end - 1] === 0) end -= 1;
  return sha256Hex(memory.subarray(0, end));
}

/** How the machine stood behind a group. */
export interface GroupEnd {
  readonly lsn: Lsn;
  readonly hash: string;
  readonly outputs: readonly HeldOutput[];
  readonly result: TurnsResult;
}

export interface RecordedRunOptions {
  readonly segmentBytes?: number;
  readonly differencesMax?: number;
  /** Records between checkpoints; 0: none of itself. */
  readonly every?: number;
  /** Without it a hash of all memory per group is not computed. */
  readonly hashes?: boolean;
}

export class RecordedRun {
  readonly store: FileLogStore;
  readonly checkpoints: FileCheckpointer;
  readonly machine: Machine;
  readonly ends: GroupEnd[] = [];
  readonly troubles: Error[] = [];
  /** Every batch, in order. */
  readonly batches: EncodedBatch[] = [];
  epoch = 1;
  view: View = { epoch: asEpoch(1), primary: 'a', backups: ['b'] };
  #lsn = 0;
  #time = STARTED;
  readonly #hashes: boolean;
  readonly #port: LocalMachine;

  /** `recovered`: goes on with that log, of which `batches` and `ends` do not tell. */
  constructor(dir: string, options: RecordedRunOptions = {}, recovered?: Recovered) {
    const { segmentBytes = 1_000_000, differencesMax = 3, every = 0, hashes = true } = options;
    this.#hashes = hashes;
    const fail = (error: Error): void => {
      throw error;
    };
    const storeOptions = { segmentBytes, onError: fail };
    this.store =
      recovered === undefined
        ? FileLogStore.create(dir, RUN_HEADER, RUN_BLOB_LIST, storeOptions)
        : FileLogStore.resume(recovered.position, storeOptions);
    this.machine = recovered?.machine ?? buildMachine(RUN_HEADER, RUN_BLOBS);
    const { lsnReceived = asLsn(0), timeLast = RUN_HEADER.startedAt } = recovered?.handover ?? {};
    this.#lsn = lsnReceived;
    this.#time = timeLast;
    this.#port = new LocalMachine(this.machine, {
      wall: () => asMicros(STARTED),
      stopRequested: () => undefined,
    });
    this.checkpoints = new FileCheckpointer({
      dir,
      header: RUN_HEADER,
      machine: this.machine,
      log: this.store,
      every: every === 0 ? { type: 'off' } : { type: 'records', every },
      keep: { type: 'all' },
      lsn: lsnReceived,
      time: timeLast,
      onTaken: () => undefined,
      onTrouble: (error) => this.troubles.push(error),
      limits: { differencesMax, snapshotsMax: 1000 },
    });
  }

  get lsn(): Lsn {
    return asLsn(this.#lsn);
  }

  boot(): this {
    const { primary, backups } = this.view;
    const time = asMicros(this.#time);
    this.append([{ type: 'view', time, epoch: this.view.epoch, primary, backups }]);
    this.group(INTERRUPT.boot, { payload: bytes(JSON.stringify(TEST_CONFIG)) });
    const address = { address: '127.0.0.1', family: 'IPv4', port: 7 };
    this.group(INTERRUPT.netBound, { id: 1, payload: bytes(JSON.stringify(address)) });
    const peers = bytes(JSON.stringify({ peer: address, local: address }));
    this.group(INTERRUPT.netAccept, { id: 2, num: 1, payload: peers });
    return this;
  }

  /** One group: the guest is given this text. */
  input(text: string): void {
    this.group(INTERRUPT.netData, { id: 2, payload: bytes(text) });
  }

  /** Interrupts of a group that is not closed. */
  open(text: string): void {
    this.append([this.#interrupt(INTERRUPT.netData, { id: 2, payload: bytes(text) })]);
  }

  group(kind: InterruptRecord['kind'], fields: Partial<InterruptRecord>): void {
    const record = this.#interrupt(kind, fields);
    const lsn = this.append([record]);
    this.#port.run(
      [{ lsn, record }],
      () => {
        throw new Error('no turn is that long');
      },
      (result) => this.#close(result),
    );
  }

  append(records: readonly LogRecord[]): Lsn {
    const firstLsn = asLsn(this.#lsn + 1);
    const batch = encodeBatch(
      { epoch: asEpoch(this.epoch), firstLsn, records },
      RUN_HEADER.startedAt,
    );
    this.#lsn += records.length;
    this.batches.push(batch);
    this.store.append(batch);
    return this.lsn;
  }

  /** Resolves when no snapshot is being written and the log is on disk. */
  async settled(): Promise<void> {
    await new Promise<void>((resolve) => this.store.sync(resolve));
    await new Promise<void>((resolve) => this.checkpoints.close(resolve));
  }

  async close(): Promise<void> {
    await this.settled();
    await new Promise<void>((resolve) => this.store.close(resolve));
  }

  #interrupt(kind: InterruptRecord['kind'], fields: Partial<InterruptRecord>): InterruptRecord {
    this.#time = Math.max(this.#time + 1000, Math.ceil(this.machine.now));
    const time = asMicros(this.#time);
    return { type: 'interrupt', kind, time, id: 0, num: 0, payload: undefined, ...fields };
  }

  #close(result: TurnsResult): void {
    const time = asMicros(this.#time);
    const records: LogRecord[] = [];
    const due = this.checkpoints.ran({ lsn: this.lsn, time, runMs: 1 });
    if (due) records.push({ type: 'checkpoint', time, ...this.machine.figures() });
    records.push({ type: 'end', ...result.end });
    const lsn = this.append(records);
    if (due) this.checkpoints.take({ lsn, time, view: this.view });
    const hash = this.#hashes ? memoryHashOf(this.machine) : '';
    this.ends.push({ lsn, hash, outputs: result.outputs, result });
  }
}
