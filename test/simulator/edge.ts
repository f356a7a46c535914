/**
 * The process that holds the clients' connections and outlives every failover, with the clients. It
 * keeps input until it is answered, takes output at byte offsets, and serves the backend of the
 * highest epoch only.
 */

import type { HostInterrupt, NetBackend, NetOutput, NetTable } from '../../hypervisor/ports.ts';
import { INTERRUPT } from '../../log-format/index.ts';
import { getUint32, setUint32 } from './bytes.ts';
import type { NetPayloads } from './sim-machine.ts';
import { EXIT_NUMBER, REPLY_BYTES, REQUEST_BYTES } from './toy-machine.ts';
import type { SimProcess, World } from './world.ts';

export interface Client {
  readonly index: number;
  connection: number;
  readonly input: Uint8Array[];
  /** Accepted output of the connection, by reply. */
  output: Uint8Array[];
  sent: number;
  answered: number;
  /** Requests of connections that were reset: answered or not, nobody can tell. */
  resets: number;
  requests: number;
}

export interface EdgeOptions {
  readonly clients: number;
  readonly requests: number;
  readonly thinkMs: number;
  /** The last request of the first client ends the guest. */
  readonly exits: boolean;
  /** Chance that a connection does not survive a failover. */
  readonly resetChance: number;
  /** What was answered may be lost: requests may be executed under numbers that others had. */
  readonly lossy?: boolean;
  /** Whom the guest calls answers after up to so long. */
  readonly callMs?: number;
  /** Payloads of a real network; see `MachineKind`. */
  readonly net?: NetPayloads | undefined;
  /** A planted bug. */
  readonly bugs?: EdgeBugs | undefined;
}

export interface EdgeBugs {
  /** What is here already is taken once more. */
  readonly takesTwice?: boolean;
  /** The guest is not told that its call is lost. */
  readonly callsUnsaid?: boolean;
}

export class Edge {
  readonly clients: Client[] = [];
  readonly #world: World;
  readonly #options: EdgeOptions;
  readonly #fail: (what: string) => void;
  #backend: EdgeBackend | undefined;
  #epoch = 0;
  #connectionLast = 0;
  started = false;
  /** Requests sent by anybody. */
  #sent = 0;
  /** Which client's which request each number of the guest's own count stands for. */
  readonly #executed = new Map<number, string>();
  /** Calls of the guest that are under way, by connection: who made them. */
  readonly #calls = new Map<number, EdgeBackend>();
  /** Those that were under way, or not begun, when their primary died: nothing comes of them. */
  readonly #callsLost = new Set<number>();
  /** How long whom it calls takes to answer; undefined: as the options say. */
  callMs: number | undefined;
  /** Clients that are cut off; what they would send or hear waits. */
  readonly #cutOff = new Map<number, (() => void)[]>();

  constructor(world: World, options: EdgeOptions, fail: (what: string) => void) {
    this.#world = world;
    this.#options = options;
    this.#fail = fail;
    for (let index = 0; index < options.clients; index++) {
      this.#connectionLast += 2;
      this.clients.push({
        index,
        connection: this.#connectionLast,
        input: [],
        output: [],
        sent: 0,
        answered: 0,
        resets: 0,
        requests: options.requests,
      });
    }
  }

  get done(): boolean {
    // Asked before every event: no closure.
    for (const { answered, resets, requests } of this.clients)
      if (answered + resets < requests) return false;
    return true;
  }

  /** One more request of a client, now. For scenarios; histories let the clients think. */
  ask(index: number): void {
    const client = this.clients[index];
    if (client === undefined) throw new Error(`no client ${index}`);
    client.requests += 1;
    this.#reaching(client, () => this.#request(client));
  }

  /** A client that reaches nobody, until `reconnect`. */
  cutOff(index: number): void {
    if (!this.#cutOff.has(index)) this.#cutOff.set(index, []);
  }

  reconnect(): void {
    const waiting = [...this.#cutOff.values()].flat();
    this.#cutOff.clear();
    for (const run of waiting) run();
  }

  #reaching(client: Client, run: () => void): void {
    const waiting = this.#cutOff.get(client.index);
    if (waiting === undefined) run();
    else waiting.push(run);
  }

  /** The first guest listens: connect everybody. */
  listen(backend: EdgeBackend): void {
    if (this.started) return;
    this.started = true;
    this.#backend = backend;
    this.#epoch = 1;
    for (const client of this.clients) {
      backend.push({
        kind: INTERRUPT.netAccept,
        id: client.connection,
        num: 1,
        payload: this.#options.net?.accepted,
      });
      this.#think(client);
    }
  }

  /** A backend goes live. Returns the connections that did not survive. */
  attach(backend: EdgeBackend, epoch: number, table: NetTable): readonly number[] {
    if (epoch <= this.#epoch) return [];
    this.#epoch = epoch;
    this.#backend = backend;
    this.started = true;
    const gone: number[] = [];
    for (const { id, bound } of table.listeners) if (!bound) this.#bind(backend, id);
    for (const client of this.clients) {
      const held = table.connections.find(({ id }) => id === client.connection);
      if (this.#world.random.chance(this.#options.resetChance)) {
        if (held !== undefined) gone.push(client.connection);
        this.#reconnect(client, backend);
        continue;
      }
      if (held === undefined) {
        backend.push({
          kind: INTERRUPT.netAccept,
          id: client.connection,
          num: 1,
          payload: this.#options.net?.accepted,
        });
      }
      const from = (held?.inOffset ?? 0) / REQUEST_BYTES;
      for (const payload of client.input.slice(from)) {
        backend.push({ kind: INTERRUPT.netData, id: client.connection, num: 0, payload });
      }
      if (client.sent === 0) this.#think(client);
    }
    return [...gone, ...this.#loseCalls(table)];
  }

  /** Whom the guest called sees its connection reset, and so does the guest. */
  #loseCalls({ connections }: NetTable): readonly number[] {
    const calls = connections.map(({ id }) => id).filter((id) => id % 2 === 1);
    this.#calls.clear();
    for (const id of calls) {
      this.#callsLost.add(id);
      this.#world.coverage.count('net.callLost');
    }
    if (this.#options.bugs?.callsUnsaid === true) return [];
    return calls;
  }

  /** A moment later whom it calls has taken the call, and later still answers what it was asked. */
  #called(backend: EdgeBackend, id: number): void {
    if (this.#callsLost.has(id)) return;
    this.#calls.set(id, backend);
    backend.push({ kind: INTERRUPT.netConnected, id, num: 0, payload: undefined });
  }

  #asked(backend: EdgeBackend, { id, bytes }: NetOutput & { readonly op: 'write' }): void {
    const { random } = this.#world;
    const takes = this.callMs ?? random.next() * (this.#options.callMs ?? 0);
    this.#world.at(this.#world.now + takes, undefined, () => {
      if (this.#calls.get(id) !== backend) return;
      this.#calls.delete(id);
      this.#world.coverage.count('net.callAnswered');
      backend.push({ kind: INTERRUPT.netData, id, num: 0, payload: bytes });
    });
  }

  /** Output of a backend. Refused from a deposed one; what is here already is not taken twice. */
  take(backend: EdgeBackend, output: NetOutput): void {
    if (output.op === 'listen') {
      this.#bind(backend, output.id);
      this.listen(backend);
    }
    if (backend !== this.#backend) return;
    if (output.op === 'connect') this.#called(backend, output.id);
    if (output.op !== 'write') return;
    if (output.id % 2 === 1) this.#asked(backend, output);
    else this.#written(output);
  }

  #written(output: NetOutput & { readonly op: 'write' }): void {
    const { bugs } = this.#options;
    const client = this.clients.find(({ connection }) => connection === output.id);
    if (client === undefined) return;
    const index = output.offset / REPLY_BYTES;
    const had = client.output[index];
    if (had !== undefined) {
      if (Buffer.compare(had, output.bytes) !== 0) this.#fail('other bytes at the same offset');
      if (bugs?.takesTwice) this.#arrives(client, output.id, output.bytes);
      return;
    }
    if (index > client.output.length) {
      this.#fail(`a reply to client ${client.index} is missing before offset ${output.offset}`);
      return;
    }
    client.output.push(output.bytes);
    this.#arrives(client, output.id, output.bytes);
  }

  #bind(backend: EdgeBackend, id: number): void {
    const payload = this.#options.net?.bound;
    if (payload !== undefined) backend.push({ kind: INTERRUPT.netBound, id, num: 0, payload });
  }

  #arrives(client: Client, connection: number, bytes: Uint8Array): void {
    this.#world.at(this.#world.now + this.#world.random.between(0.1, 0.5), undefined, () => {
      this.#reaching(client, () => {
        if (client.connection === connection) this.#answer(client, bytes);
      });
    });
  }

  #answer(client: Client, bytes: Uint8Array): void {
    if (getUint32(bytes, 0) !== client.index || getUint32(bytes, 4) !== client.sent) {
      this.#fail(`client ${client.index} got the reply to another request`);
    }
    if (client.answered + client.resets >= client.sent)
      this.#fail(`client ${client.index} got a reply twice`);
    this.#once(bytes);
    client.answered += 1;
    if (this.#world.trace !== undefined)
      this.#world.note('client', `${client.index} has reply ${getUint32(bytes, 4)}`);
    this.#think(client);
  }

  /** The guest counts what it executes: one number for each request, and no more than were sent. */
  #once(reply: Uint8Array): void {
    const count = getUint32(reply, 8);
    const request = `${getUint32(reply, 0)}/${getUint32(reply, 4)}`;
    const had = this.#executed.get(count);
    this.#executed.set(count, request);
    if (had !== undefined && had !== request && this.#options.lossy !== true)
      this.#fail(`requests ${had} and ${request} were both executed as number ${count}`);
    if (count > this.#sent) this.#fail(`${count} requests were executed, ${this.#sent} were sent`);
  }

  #reconnect(client: Client, backend: EdgeBackend): void {
    this.#connectionLast += 2;
    client.connection = this.#connectionLast;
    client.input.length = 0;
    client.output = [];
    if (client.sent > client.answered + client.resets) client.resets += 1;
    const payload = this.#options.net?.accepted;
    backend.push({ kind: INTERRUPT.netAccept, id: client.connection, num: 1, payload });
    this.#think(client);
  }

  #think(client: Client): void {
    const { connection } = client;
    if (client.sent >= client.requests) return;
    const at = this.#world.now + this.#world.random.next() * this.#options.thinkMs;
    this.#world.at(at, undefined, () => {
      this.#reaching(client, () => {
        if (client.connection === connection) this.#request(client);
      });
    });
  }

  #request(client: Client): void {
    if (client.sent > client.answered + client.resets || client.sent >= client.requests) return;
    client.sent += 1;
    this.#sent += 1;
    const payload = new Uint8Array(REQUEST_BYTES);
    setUint32(payload, 0, client.index);
    const last = this.#options.exits && client.index === 0 && client.sent === client.requests;
    setUint32(payload, 4, last ? EXIT_NUMBER : client.sent);
    client.input.push(payload);
    this.#backend?.push({ kind: INTERRUPT.netData, id: client.connection, num: 0, payload });
  }
}

/** One primary's end of the edge. */
export class EdgeBackend implements NetBackend {
  readonly process: SimProcess;
  readonly #edge: Edge;
  readonly #onInterrupt: (interrupt: HostInterrupt) => void;
  readonly #onRelease: (output: NetOutput) => void;
  #arrival = 0;
  #open = true;

  constructor(
    process: SimProcess,
    edge: Edge,
    handlers: {
      onInterrupt(interrupt: HostInterrupt): void;
      onRelease(output: NetOutput): void;
    },
  ) {
    this.process = process;
    this.#edge = edge;
    this.#onInterrupt = handlers.onInterrupt;
    this.#onRelease = handlers.onRelease;
  }

  /** From the edge: arrives in order, a little later. */
  push(interrupt: HostInterrupt): void {
    const { world } = this.process;
    this.#arrival = Math.max(this.#arrival, world.now + world.random.between(0.1, 0.6));
    world.at(this.#arrival, this.process, () => {
      if (this.#open) this.#onInterrupt(interrupt);
    });
  }

  retain(): void {}

  release(output: NetOutput): void {
    this.#onRelease(output);
    this.#edge.take(this, output);
  }

  durable(): void {}

  goLive(epoch: number, table: NetTable): readonly number[] {
    return this.#edge.attach(this, epoch, table);
  }

  throttle(): void {}

  close(): void {
    this.#open = false;
  }
}
