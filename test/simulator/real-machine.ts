/**
 * The real machine in the simulated shell: the engine, the firmware and a guest that does in JavaScript
 * what the toy does, so that the same clients and the same checker can watch it.
 */

import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type {
  CheckpointFigures,
  MachineDivergence,
  NetTable,
  ReplayGroup,
  TurnsResult,
} from '../../hypervisor/ports.ts';
import {
  asLsn,
  asMicros,
  encodeBlob,
  encodeHeader,
  INTERRUPT,
  type InterruptRecord,
  type LogHeader,
  type Lsn,
  type MidTurnRecord,
  type PendingCommit,
  sha256Hex,
} from '../../log-format/index.ts';
import { type Built, MachineWorks } from '../fuzz/machines.ts';
import { TEST_CONFIG } from '../support/guest-runner.ts';
import {
  caused,
  type MachineKind,
  type MachineWorld,
  type NetPayloads,
  type SimMachine,
} from './sim-machine.ts';
import { HEADER, STARTED_AT } from './sim-store.ts';

/** Small enough for the stack of a test's own thread. */
const STACK_BYTES = 131_072;
const MEMORY_PAGES = 1_024;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const GUEST = bytes(`(function hvMain(require) {
  const net = require('net');
  let digest = 1, requests = 0, lines = 0;
  const mix = (value) => { digest = Math.imul(digest ^ value, 0x01000193) >>> 0; };
  const line = () => {
    const text = Buffer.alloc(8);
    text.writeUInt32BE(++lines, 0);
    text.writeUInt32BE(digest, 4);
    process.stdout.write(text);
  };
  const request = (socket, data) => {
    const number = data.readUInt32BE(4);
    requests += 1;
    mix(number);
    mix(Date.now() % 1000003);
    mix(Math.floor(Math.random() * 4294967296));
    if (number === 0xffffffff) process.exit(7);
    if (requests % 5 === 0) line();
    if (requests % 4 === 0) setTimeout(line, 3);
    if (requests % 7 === 0) setImmediate(line);
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(data.readUInt32BE(0), 0);
    reply.writeUInt32BE(number, 4);
    reply.writeUInt32BE(requests, 8);
    reply.writeUInt32BE(digest, 12);
    socket.write(reply);
  };
  net.createServer((socket) => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      for (; rest.length >= 8; rest = rest.subarray(8)) request(socket, rest);
    });
  }).listen(80);
})`);

const LOG_HEADER: LogHeader = {
  ...HEADER,
  machineVersion: 4,
  ticksPerMicro: 128,
  seed: '5a'.repeat(32),
};
const ADDRESS = { address: '127.0.0.1', family: 'IPv4', port: 80 };

class RealMachine implements SimMachine {
  readonly #built: Built;
  readonly #port: LocalMachine;

  constructor(built: Built, world: MachineWorld) {
    this.#built = built;
    this.#port = new LocalMachine(built.machine, {
      wall: () => world.wall(),
      stopRequested: () => undefined,
    });
  }

  get fingerprint(): string {
    return sha256Hex(this.#built.machine.usedMemory());
  }

  /** A turn that no log knows of. */
  flip(): void {
    const { machine } = this.#built;
    const record: InterruptRecord = {
      type: 'interrupt',
      kind: INTERRUPT.check,
      time: asMicros(Math.ceil(machine.now)),
      id: 0,
      num: 0,
      payload: undefined,
    };
    const source = { nextTicks: () => Number.POSITIVE_INFINITY, poll: () => undefined };
    machine.turn(record, asLsn(0), source);
    machine.collect();
  }

  run(
    turns: readonly { readonly lsn: Lsn; readonly record: InterruptRecord }[],
    onMidTurn: (record: MidTurnRecord) => Lsn,
    done: (result: TurnsResult) => void,
  ): void {
    this.#port.run(turns, onMidTurn, (result) => done(caused(result)));
  }

  replay(
    group: ReplayGroup,
    done: (result: TurnsResult, divergence: MachineDivergence | undefined) => void,
  ): void {
    this.#port.replay(group, (result, divergence) => done(caused(result), divergence));
  }

  settle(
    group: ReplayGroup,
    done: (result: TurnsResult) => void,
    onMidTurn?: (record: MidTurnRecord) => Lsn,
  ): void {
    this.#port.settle(group, (result) => done(caused(result)), onMidTurn);
  }

  netTable(): NetTable {
    return this.#port.netTable();
  }

  pendingCommits(): readonly PendingCommit[] {
    return this.#port.pendingCommits();
  }

  figures(): CheckpointFigures {
    return this.#port.figures();
  }
}

/** Real machines for one history after the other. Their memories are used again: call `recycle` between. */
export class RealMachines implements MachineKind {
  readonly name = 'real';
  readonly header: LogHeader = LOG_HEADER;
  readonly frames: readonly Uint8Array[] = [
    encodeHeader(LOG_HEADER),
    encodeBlob({ name: 'image', hash: HEADER.imageHash, encoding: 'identity', bytes: GUEST }),
  ];
  readonly boot: Uint8Array = bytes(JSON.stringify(TEST_CONFIG));
  readonly net: NetPayloads = {
    bound: bytes(JSON.stringify(ADDRESS)),
    accepted: bytes(JSON.stringify({ peer: ADDRESS, local: ADDRESS })),
  };
  readonly #works = new MachineWorks({ stackBytes: STACK_BYTES, memoryPages: MEMORY_PAGES });
  #built: Built[] = [];

  build(world: MachineWorld): SimMachine {
    const built = this.#works.build({ image: GUEST, header: { startedAt: STARTED_AT } });
    this.#built.push(built);
    return new RealMachine(built, world);
  }

  recycle(): void {
    for (const built of this.#built.splice(0)) this.#works.release(built);
  }
}
