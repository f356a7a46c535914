/** A real machine that is snapshotted: it keeps state of many kinds and changes a little every turn. */

import { loadEngineParts, loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../hypervisor/host/golden-image.ts';
import { Machine, type MachineOptions } from '../../hypervisor/machine/machine.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  INTERRUPT,
  type InterruptRecord,
  type SnapshotOwner,
  type SnapshotPosition,
  sha256Hex,
} from '../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from './guest-runner.ts';

const parts = loadEngineParts();
const firmware = loadFirmware();
const golden = readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
const NOTHING = { nextTicks: () => Number.POSITIVE_INFINITY, poll: () => undefined };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Input `g<KiB>` makes the heap grow by so much, `f` gives all of it back; at `h` it hints at a checkpoint. */
const GUEST = `(function hvMain(require) {
  const net = require('net');
  let heap = []; const log = [];
  net.createServer((socket) => socket.on('data', (data) => {
    const text = String(data); log.push(Math.random());
    if (text[0] === 'f') heap = [];
    if (text[0] === 'h') require('hv/guest').hv.checkpoint();
    if (text[0] === 'g') for (let left = Number(text.slice(1)); left > 0; left -= 16) {
      const block = new Float64Array(2048);
      for (let i = 0; i < 2048; i++) block[i] = i * 3 + Math.floor(log[log.length - 1] * 64);
      heap.push(block);
    }
    socket.write(String(log.length));
  })).listen(7);
})`;

export const OWNER: SnapshotOwner = {
  vm: 'test-0badcafe',
  engineHash: parts.engineHash,
  helperHash: parts.helperHash,
  firmwareHash: sha256Hex(firmware),
  imageHash: sha256Hex(bytes(GUEST)),
  machineVersion: TEST_HEADER.machineVersion,
  memoryPages: TEST_HEADER.memoryPages,
  stackBytes: TEST_HEADER.stackBytes,
};

export class SnapshotGuest {
  readonly machine: Machine;
  lsn = 0;

  constructor(options: Partial<MachineOptions> = {}) {
    const image = bytes(GUEST);
    const sourceMap = new Uint8Array();
    const base = { parts, header: TEST_HEADER, firmware, golden, image, sourceMap };
    this.machine = new Machine({ ...base, ...options });
  }

  boot(): this {
    this.turn(INTERRUPT.boot, { payload: bytes(JSON.stringify(TEST_CONFIG)) });
    const address = { address: '127.0.0.1', family: 'IPv4', port: 7 };
    this.turn(INTERRUPT.netBound, { id: 1, payload: bytes(JSON.stringify(address)) });
    const peers = bytes(JSON.stringify({ peer: address, local: address }));
    this.turn(INTERRUPT.netAccept, { id: 2, num: 1, payload: peers });
    return this;
  }

  /** One turn of the guest with this input. */
  input(text: string): this {
    this.turn(INTERRUPT.netData, { id: 2, payload: bytes(text) });
    return this;
  }

  turn(kind: InterruptRecord['kind'], fields: Partial<InterruptRecord>): void {
    this.lsn += 1;
    const time = asMicros(TEST_HEADER.startedAt + this.lsn * 1000);
    const record = { type: 'interrupt', kind, time, id: 0, num: 0, payload: undefined } as const;
    this.machine.turn({ ...record, ...fields }, asLsn(this.lsn), NOTHING);
    this.machine.collect();
  }

  /** As if each turn were a batch of its own. */
  get position(): SnapshotPosition {
    return {
      segment: 1,
      offset: 1000 + this.lsn,
      chain: sha256Hex(bytes(String(this.lsn))),
      epoch: asEpoch(1),
      lastLsn: asLsn(this.lsn),
      records: this.lsn,
      batches: this.lsn,
    };
  }

  /** Of all memory, whatever its extent. */
  get hash(): string {
    const memory = this.machine.usedMemory();
    let end = memory.length;
    while (end > 0 && memory[end - 1] === 0) end -= 1;
    return sha256Hex(memory.subarray(0, end));
  }
}
