/**
 * The lives of one recorded guest: the real primary, log and checkpoints on a disk that fails, clients
 * that remember what they were told, and a twin of the log in memory that forgets nothing. Each life
 * begins with a recovery, whose machine is compared with a replay of the twin from its first record.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HvError } from '../../hypervisor/base/errors.ts';
import { FRAME_BYTES_MAX } from '../../hypervisor/base/limits.ts';
import { FileCheckpointer, type KeepPolicy } from '../../hypervisor/host/checkpointer.ts';
import { loadFirmware } from '../../hypervisor/host/engine-parts.ts';
import { rotateAside } from '../../hypervisor/host/log-lock.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import { buildMachine, engineParts } from '../../hypervisor/host/machine-factory.ts';
import { type Recovered, recoverLog } from '../../hypervisor/host/recovery.ts';
import { resumableHeader } from '../../hypervisor/host/resume.ts';
import { sealing } from '../../hypervisor/host/sealed-file.ts';
import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { Machine } from '../../hypervisor/machine/machine.ts';
import type { Arbiter, HostInterrupt, NetBackend, NetOutput } from '../../hypervisor/ports.ts';
import { PROTOCOL_VERSION, type View } from '../../hypervisor/protocol/messages.ts';
import { GroupSplitter } from '../../hypervisor/replica/group-splitter.ts';
import type { PrimaryOutcome } from '../../hypervisor/replica/hooks.ts';
import { PrimaryReplica } from '../../hypervisor/replica/primary.ts';
import {
  asLsn,
  asMicros,
  type Batch,
  decodeBatch,
  type EncodedBatch,
  FRAME,
  FrameReader,
  INTERRUPT,
  type LogHeader,
  type Lsn,
  sha256Hex,
} from '../../log-format/index.ts';
import { ManualClock } from '../unit/host/manual-clock.ts';
import { sampleHeader } from '../unit/log-format/samples.ts';
import { TEST_CONFIG } from './guest-runner.ts';
import { type MortalDisk, Platter } from './platter.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (buffer: Uint8Array): string => new TextDecoder().decode(buffer);

/** Remembers every line, tells when asked for all, prints every third, changes many pages at `big`. */
const GUEST = bytes(`(function hvMain(require) {
  const net = require('net');
  const lines = []; let heap = []; let later = 0;
  net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const line of String(data).split('\\n').filter(Boolean)) {
        if (line === '?') { socket.write('all ' + lines.join(' ') + '\\n'); continue; }
        const n = Number(line);
        lines.push(n);
        heap.push(Math.random() + '-' + 'x'.repeat(64 * (n % 5)));
        if (n % 11 === 0) heap = [new Float64Array(20000).fill(n)];
        if (n % 3 === 0) console.log('got ' + n);
        if (n % 4 === 0) setTimeout(() => { later += n; }, 3);
        socket.write('ok ' + n + '\\n');
      }
    });
  }).listen(7);
})`);

const FIRMWARE = loadFirmware();
const BLOBS = { firmware: FIRMWARE, image: GUEST, sourcemap: bytes('{}') };
const EVERY_RECORDS = 7;
const STARTED = 1_700_000_000_000_000;

function newHeader(vm: string): LogHeader {
  const { engineHash, helperHash } = engineParts();
  return sampleHeader({
    vm,
    engineHash,
    helperHash,
    firmwareHash: sha256Hex(BLOBS.firmware),
    imageHash: sha256Hex(BLOBS.image),
    sourceMapHash: sha256Hex(BLOBS.sourcemap),
    startedAt: asMicros(STARTED),
  });
}

export interface LivesOptions {
  readonly ownLog: 'written' | 'durable';
  readonly keep: KeepPolicy;
}

/** What is broken is told by throwing this. */
export class Broken extends Error {}

function demand(fact: boolean, what: string): asserts fact {
  if (!fact) throw new Broken(what);
}

export class Lives {
  readonly options: LivesOptions;
  readonly #base: string;
  readonly dir: string;
  readonly platter: Platter;
  /** Every batch of the log, from its first. */
  #twin: EncodedBatch[] = [];
  #header: LogHeader = newHeader('lives-0');
  #runs = 0;
  /** Last number a client sent. */
  sent = 0;
  /** Numbers whose answer a client has read. */
  readonly acknowledged: Set<number> = new Set();
  /** Newest lsn whose outputs have left. */
  lsnReleased: Lsn = asLsn(0);
  /** How often each line was printed. */
  #printed = new Map<string, number>();
  #drawn = 0;
  #epoch = 0;
  #view: View | undefined;
  #token: string | undefined;
  /** Milliseconds since the first life began. */
  now = 0;
  /** Recoveries by where they began. */
  readonly recoveries: Record<'fromCheckpoint' | 'fromStart' | 'new' | 'skipped', number> = {
    fromCheckpoint: 0,
    fromStart: 0,
    new: 0,
    skipped: 0,
  };

  constructor(options: LivesOptions) {
    this.options = options;
    const memory = '/dev/shm';
    this.#base = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'hv-lives-'));
    this.dir = join(this.#base, 'log');
    mkdirSync(this.dir);
    this.platter = new Platter(this.dir);
  }

  remove(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }

  get header(): LogHeader {
    return this.#header;
  }

  /** The power failed under outputs that did not wait for the disk: what is gone is forgotten. */
  forgive: boolean = false;

  /** The next random byte of the host. */
  draw(): number {
    this.#drawn += 1;
    return Number.parseInt(sha256Hex(bytes(String(this.#drawn))).slice(0, 2), 16);
  }

  appended(batch: EncodedBatch): void {
    this.#twin.push({ ...batch, bytes: batch.bytes.slice() });
  }

  printed(line: string): void {
    this.#printed.set(line, (this.#printed.get(line) ?? 0) + 1);
    demand((this.#printed.get(line) ?? 0) < 2, `'${line}' was printed again`);
  }

  won(view: View): void {
    demand(view.epoch > this.#epoch, `epoch ${view.epoch} after ${this.#epoch}`);
    this.#epoch = view.epoch;
  }

  readonly arbiter: Arbiter = {
    read: (_vm, done) => done({ type: 'current', view: this.#view }),
    claim: (claim, done) => {
      const current = this.#view;
      if (this.#token === claim.token && current !== undefined)
        done({ type: 'won', view: current });
      else if ((current?.epoch ?? 0) !== claim.expect)
        done(current ? { type: 'lost', view: current } : { type: 'unavailable', reason: 'none' });
      else {
        this.#view = claim.next;
        this.#token = claim.token;
        done({ type: 'won', view: claim.next });
      }
    },
  };

  /** A new run, in a directory without a log to go on from. */
  begin(): LogHeader {
    const nothing = this.acknowledged.size === 0 && this.lsnReleased === 0;
    demand(nothing || this.forgive, `a new run begins, and ${this.lsnReleased} had been released`);
    rotateAside(this.dir);
    this.platter.forget();
    this.#runs += 1;
    this.recoveries.new += 1;
    this.#header = newHeader(`lives-${this.#runs}`);
    this.#twin = [];
    this.#view = undefined;
    this.#epoch = 0;
    this.#forget(0);
    return this.#header;
  }

  /** What a recovery has to be equal to. */
  check({ machine, position, handover, report }: Recovered): void {
    this.recoveries.skipped += report.skipped.length;
    if (report.checkpoint === 0) this.recoveries.fromStart += 1;
    else this.recoveries.fromCheckpoint += 1;
    const { lastLsn } = position;
    const lost = lastLsn < this.lsnReleased;
    demand(!lost || this.forgive, `lsn ${this.lsnReleased} was released, ${lastLsn} is left`);
    this.#twin = this.#twin.filter((batch) => batch.lastLsn <= lastLsn);
    demand((this.#twin.at(-1)?.lastLsn ?? 0) === lastLsn, 'the log ends where a batch did');
    const { replayed, lines } = this.#replay();
    demand(hashOf(machine) === hashOf(replayed), `memory after lsn ${lastLsn} is another one`);
    demand(handover.epochLast <= this.#epoch, 'an epoch nobody won');
    if (this.forgive) this.#forget(lastLsn);
    const known = new Set(lines);
    for (const one of this.acknowledged) demand(known.has(one), `${one} was answered and is lost`);
    for (const line of this.#printed.keys())
      demand(known.has(Number(line.slice(4))), `'${line}' was printed and is lost`);
    // What the last group printed may be printed again.
    for (const record of handover.tail?.records ?? [])
      if (record.type === 'interrupt' && record.kind === INTERRUPT.netData)
        for (const one of text(record.payload ?? bytes('')).split('\n'))
          this.#printed.delete(`got ${one}`);
    for (const line of this.#printed.keys()) this.#printed.set(line, 1);
  }

  /** Numbers that came in, in order, and the machine after all complete groups. */
  #replay(): { readonly replayed: Machine; readonly lines: readonly number[] } {
    const replayed = buildMachine(this.#header, BLOBS);
    const port = new LocalMachine(replayed, {
      wall: () => asMicros(STARTED),
      stopRequested: () => undefined,
    });
    const splitter = new GroupSplitter();
    const lines: number[] = [];
    for (const batch of this.#twin.map((one) => decoded(one, this.#header))) {
      for (const record of batch.records)
        if (record.type === 'interrupt' && record.kind === INTERRUPT.netData)
          lines.push(
            ...text(record.payload ?? bytes(''))
              .split('\n')
              .filter(Boolean)
              .map(Number),
          );
      for (const group of splitter.push(batch))
        port.replay(group, (_result, divergence) =>
          demand(divergence === undefined, 'the twin replays'),
        );
    }
    return { replayed, lines };
  }

  #forget(lsn: number): void {
    this.lsnReleased = asLsn(Math.min(this.lsnReleased, lsn));
    const left = new Set<number>();
    for (const batch of this.#twin)
      for (const record of decoded(batch, this.#header).records)
        if (record.type === 'interrupt' && record.kind === INTERRUPT.netData)
          for (const one of text(record.payload ?? bytes('')).split('\n')) left.add(Number(one));
    for (const one of this.acknowledged) if (!left.has(one)) this.acknowledged.delete(one);
    for (const line of this.#printed.keys())
      if (!left.has(Number(line.slice(4)))) this.#printed.delete(line);
  }
}

function decoded(batch: EncodedBatch, header: LogHeader): Batch {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  reader.push(batch.bytes);
  const result = reader.next();
  if (result.type !== 'frame' || result.frame.type !== FRAME.batch) throw new Error('no batch');
  return decodeBatch(result.frame.payload, header.startedAt, header.formatVersion);
}

/** Of all memory, whatever its extent. */
function hashOf(machine: Machine): string {
  const memory = machine.usedMemory();
  let end = memory.length;
  while (end > 0 && memory[end - 1] === 0) end -= 1;
  return sha256Hex(memory.subarray(0, end));
}

class Clients implements NetBackend {
  readonly #life: Life;
  readonly #waiting: HostInterrupt[] = [];
  readonly #streams = new Map<number, { offset: number; text: string }>();
  #listener: number | undefined;
  #acceptedMax = 0;

  constructor(life: Life) {
    this.#life = life;
  }

  retain(): void {}
  durable(): void {}
  throttle(): void {}
  close(): void {}

  goLive(_epoch: unknown, table: Parameters<NetBackend['goLive']>[1]): readonly number[] {
    this.#acceptedMax = Math.max(this.#acceptedMax, table.acceptedMax);
    for (const { id, bound } of table.listeners) {
      if (bound) this.#listener = id;
      else this.#bind(id);
    }
    return table.connections.map(({ id }) => id).filter((id) => !this.#streams.has(id));
  }

  release(output: NetOutput): void {
    if (output.op === 'listen') this.#bind(output.id);
    if (output.op !== 'write') return;
    // Of a connection of an earlier life: nobody reads it.
    const stream = this.#streams.get(output.id);
    if (stream === undefined) return;
    demand(output.offset === stream.offset, 'bytes leave once, and in order');
    stream.offset += output.bytes.length;
    stream.text += text(output.bytes);
    for (let at = stream.text.indexOf('\n'); at >= 0; at = stream.text.indexOf('\n')) {
      this.#life.heard(stream.text.slice(0, at));
      stream.text = stream.text.slice(at + 1);
    }
  }

  /** What has happened since, for the guest. */
  take(): readonly HostInterrupt[] {
    return this.#waiting.splice(0);
  }

  get listening(): boolean {
    return this.#listener !== undefined;
  }

  connect(): number {
    this.#acceptedMax += 2;
    const id = this.#acceptedMax;
    this.#streams.set(id, { offset: 0, text: '' });
    const address = { address: '127.0.0.1', family: 'IPv4', port: 7 };
    const payload = bytes(JSON.stringify({ peer: address, local: address }));
    this.#waiting.push({ kind: INTERRUPT.netAccept, id, num: this.#listener ?? 0, payload });
    return id;
  }

  send(id: number, line: string): void {
    this.#waiting.push({ kind: INTERRUPT.netData, id, num: 0, payload: bytes(`${line}\n`) });
  }

  #bind(id: number): void {
    this.#listener = id;
    const address = { address: '127.0.0.1', family: 'IPv4', port: 7 };
    this.#waiting.push({
      kind: INTERRUPT.netBound,
      id,
      num: 0,
      payload: bytes(JSON.stringify(address)),
    });
  }
}

export type LifeEnd = 'dead' | 'failed' | 'killed' | 'stopped';

/** One process: from its recovery to its death, the failure of its disk, or its deliberate end. */
export class Life {
  readonly #lives: Lives;
  readonly #disk: MortalDisk;
  readonly #clock = new ManualClock();
  readonly #clients: Clients;
  readonly #moveTimers: (ms: number) => void;
  #replica: PrimaryReplica | undefined;
  #checkpoints: FileCheckpointer | undefined;
  #failed: HvError | undefined;
  #outcome: PrimaryOutcome | undefined;
  #connection: number | undefined;
  #known: readonly number[] | undefined;
  readonly checkpointTroubles: HvError[] = [];
  taken = 0;
  /** It got through its recovery. */
  started = false;

  /** `moveTimers` moves the timers of Node by so many milliseconds. */
  constructor(lives: Lives, disk: MortalDisk, moveTimers: (ms: number) => void) {
    this.#lives = lives;
    this.#disk = disk;
    this.#moveTimers = moveTimers;
    this.#clients = new Clients(this);
    this.#clock.sleep(lives.now);
  }

  heard(line: string): void {
    if (this.#disk.dead) return;
    const lives = this.#lives;
    lives.lsnReleased = asLsn(Math.max(lives.lsnReleased, this.#replica?.core.lsnReleased ?? 0));
    const [word, ...rest] = line.split(' ');
    if (word === 'ok') lives.acknowledged.add(Number(rest[0]));
    else this.#known = rest.filter(Boolean).map(Number);
  }

  /** Lives until the steps are done, or as long as the disk lets it. */
  async run(steps: number, end: 'kill' | 'stop'): Promise<LifeEnd> {
    const started = await this.#mortal(this.#start());
    if (started === undefined) return this.#ending();
    this.started = true;
    await this.#pump(4);
    if (!this.#over) await this.#ask();
    for (let step = 0; step < steps && !this.#over; step++) {
      await this.#step(step);
      this.#lives.now = this.#clock.now();
    }
    if (!this.#over && end === 'stop') {
      this.#replica?.stop(0, 'done');
      await this.#pump(30, () => this.#outcome !== undefined);
    }
    this.#lives.now = this.#clock.now() + 100;
    return this.#ending();
  }

  #ending(): LifeEnd {
    if (this.#disk.dead) return 'dead';
    if (this.#failed !== undefined) return 'failed';
    return this.#outcome === undefined ? 'killed' : 'stopped';
  }

  get #over(): boolean {
    return this.#disk.dead || this.#failed !== undefined || this.#outcome !== undefined;
  }

  async #mortal(work: Promise<void>): Promise<true | undefined> {
    try {
      const alive = work.then(() => true as const);
      return await Promise.race([alive, this.#disk.died.then(() => undefined)]);
    } catch (error) {
      if (!(error instanceof HvError) || !this.#disk.hit) throw error;
      this.#failed = error;
      return undefined;
    }
  }

  async #start(): Promise<void> {
    const lives = this.#lives;
    const { dir } = lives;
    const disk = this.#disk;
    const segmentBytes = 2500;
    const onError = (error: HvError): void => {
      this.#failed = error;
    };
    const options = { onError, disk: sealing(disk), segmentBytes };
    if (resumableHeader(dir, undefined) === undefined) {
      const header = lives.begin();
      const blobs = (['firmware', 'image', 'sourcemap'] as const).map((name) => ({
        name,
        hash: sha256Hex(BLOBS[name]),
        bytes: BLOBS[name],
      }));
      const store = FileLogStore.create(dir, header, blobs, options);
      this.#launch({ header, machine: buildMachine(header, BLOBS), store, booted: false });
      return;
    }
    const recovered = await recoverLog(dir, {}, sealing(disk));
    if (disk.dead) return;
    lives.check(recovered);
    const { header, machine, position, booted } = recovered;
    const store = FileLogStore.resume(position, options);
    this.#launch({ header, machine, store, booted, recovered });
  }

  #launch(given: {
    readonly header: LogHeader;
    readonly machine: Machine;
    readonly store: FileLogStore;
    readonly booted: boolean;
    readonly recovered?: Recovered;
  }): void {
    const lives = this.#lives;
    const { header, machine, store, booted, recovered } = given;
    const clock = this.#clock;
    const append = store.append.bind(store);
    store.append = (batch) => {
      lives.appended(batch);
      append(batch);
    };
    const checkpoints = new FileCheckpointer({
      dir: lives.dir,
      header,
      machine,
      log: store,
      every: { type: 'records', every: EVERY_RECORDS },
      keep: lives.options.keep,
      lsn: recovered?.handover.lsnReceived ?? asLsn(0),
      time: recovered?.handover.timeLast ?? header.startedAt,
      onTaken: () => {
        this.taken += 1;
      },
      onTrouble: (error) => this.checkpointTroubles.push(error),
      disk: sealing(this.#disk),
      limits: { differencesMax: 2, snapshotsMax: 5 },
    });
    this.#checkpoints = checkpoints;
    const wall = (): ReturnType<ManualClock['wall']> => asMicros(STARTED + clock.now() * 1000);
    const boot = (): void =>
      replica.push({
        kind: INTERRUPT.boot,
        id: 0,
        num: 0,
        payload: bytes(JSON.stringify(TEST_CONFIG)),
      });
    const replica = new PrimaryReplica({
      ports: {
        clock: {
          now: () => clock.now(),
          wall,
          setTimer: (at, run) => clock.setTimer(at, run),
          defer: (run) => clock.defer(run),
        },
        store,
        arbiter: lives.arbiter,
        machine: new LocalMachine(machine, {
          wall: () => asMicros(STARTED),
          stopRequested: () => undefined,
        }),
        net: this.#clients,
        console: {
          release: (output) => {
            if (output.device === 'console' && !this.#disk.dead)
              lives.printed(text(output.bytes).trim());
          },
          throttle: () => undefined,
        },
        entropy: {
          bytes: (length) => Uint8Array.from({ length }, () => lives.draw()),
        },
        checkpoints,
      },
      config: {
        id: 'one',
        vm: header.vm,
        detectMs: 1000,
        ownLog: lives.options.ownLog,
        rule: { level: 'received', quorum: 0, onLoss: 'continue' },
        startedAt: header.startedAt,
        hello: {
          protocol: PROTOCOL_VERSION,
          hvVersion: header.hvVersion,
          name: header.name,
          engineHash: header.engineHash,
          helperHash: header.helperHash,
          machineVersion: 4,
          imageHash: header.imageHash,
          arbiter: '',
          spares: [],
        },
      },
      hooks: {
        note: (note) => {
          // A process that is dead says nothing.
          if (this.#disk.dead) return;
          if (note.type === 'primaryLive') lives.won(note.view);
          const boots = recovered === undefined ? 'primaryLive' : 'resumed';
          if (note.type === boots && !booted) boot();
          if (note.type === 'diverged') throw new Broken(note.report);
        },
        ended: (outcome) => {
          this.#outcome = outcome;
        },
      },
      ...(recovered === undefined ? {} : { handover: { ...recovered.handover, id: 'one' } }),
    });
    this.#replica = replica;
    replica.start();
  }

  /** All acknowledged numbers are known to the guest itself, each once. */
  async #ask(): Promise<void> {
    if (!this.#clients.listening) await this.#pump(4);
    if (this.#over) return;
    this.#connection = this.#clients.connect();
    this.#clients.send(this.#connection, '?');
    await this.#pump(12, () => this.#known !== undefined);
    if (this.#over || this.#known === undefined) {
      demand(this.#over, 'the guest does not answer');
      return;
    }
    const known = this.#known;
    for (const one of this.#lives.acknowledged)
      demand(known.includes(one), `the guest does not know ${one}, which it had answered`);
    demand(
      known.every((one, index) => index === 0 || one > (known[index - 1] ?? 0)),
      `the guest has run inputs twice: ${known.join(' ')}`,
    );
  }

  async #step(step: number): Promise<void> {
    const lives = this.#lives;
    const connection = this.#connection;
    if (connection === undefined) return;
    for (let n = 0; n <= step % 3; n++) {
      lives.sent += 1;
      this.#clients.send(connection, String(lives.sent));
    }
    await this.#pump(1 + (step % 4));
    // Half the time the snapshot is done before the guest goes on, half the time not.
    if (step % 2 === 0) await this.#untilIdle();
  }

  async #untilIdle(): Promise<void> {
    let idle = false;
    this.#checkpoints?.close(() => {
      idle = true;
    });
    while (!idle && !this.#over) await this.#pump(1);
  }

  async #pump(rounds: number, enough: () => boolean = () => false): Promise<void> {
    for (let round = 0; round < rounds && !this.#over && !enough(); round++) {
      for (const interrupt of this.#clients.take()) this.#replica?.push(interrupt);
      this.#clock.advance(1);
      this.#moveTimers(1);
      for (let turn = 0; turn < 4; turn++) await new Promise<void>((done) => setImmediate(done));
    }
  }
}
