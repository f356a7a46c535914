/**
 * Decides what of the recorded inputs the changed guest gets, under which ids, and what is answered
 * to it that no record answers. The rule throughout: while both guests wait for the same answer, the
 * recorded one is waited for; once only the changed guest waits, it is answered at once. So the very
 * same script gets exactly the records, and no script waits for ever.
 */

import {
  asMicros,
  INTERRUPT,
  type InterruptRecord,
  type Micros,
  NET_ERRORS,
  NET_WRITE_CREDIT_BYTES,
  type NetAddress,
} from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { REFEED_CONNECT_MICROS, REFEED_EARLY_INPUTS_MAX } from '../base/limits.ts';
import type { HostInterrupt, Output } from '../ports.ts';
import {
  addressText,
  type GuestConnection,
  type GuestListener,
  type GuestState,
  type Place,
  wantsClose,
} from './guest-state.ts';
import { ListenerPairs } from './listener-pairs.ts';
import { Untaken } from './untaken.ts';

/** Something the changed guest asked for and the log has no answer to. */
export interface Unanswerable {
  readonly what: string;
  readonly place: Place;
}

/** An input nobody has asked for yet. */
interface Early {
  readonly record: InterruptRecord;
  readonly place: Place;
}

const ECONNREFUSED = NET_ERRORS.indexOf('ECONNREFUSED');

export class Matching {
  readonly pairs: ListenerPairs;
  readonly untaken: Untaken = new Untaken();
  readonly unanswerable: Unanswerable[] = [];
  readonly #recorded: GuestState;
  readonly #replayed: GuestState;
  readonly #connectsInLog: number;
  /** Connections of the changed guest that may need an answer. */
  readonly #attention = new Set<number>();
  readonly #connecting = new Set<number>();
  /** Inputs of recorded outgoing connections the changed guest has not asked for yet, by key. */
  readonly #early = new Map<string, { readonly name: string; readonly inputs: Early[] }>();
  #earlyCount = 0;
  /** Why the changed guest did not take an accepted connection, by id. */
  readonly #refused = new Map<number, string>();
  #stdin: Early[] = [];
  #listenersOpen = 0;
  #over = false;

  /** `connectsInLog`: outgoing connections that have inputs anywhere in the log. */
  constructor(recorded: GuestState, replayed: GuestState, connectsInLog: number) {
    this.#recorded = recorded;
    this.#replayed = replayed;
    this.#connectsInLog = connectsInLog;
    this.pairs = new ListenerPairs(recorded, replayed);
  }

  /** Call with each output of the changed guest, after its state has it. */
  noteOutput(output: Output): void {
    if (output.device !== 'net') return;
    if (output.op === 'listen' || output.op === 'unlisten') this.#listenersOpen += 1;
    else if (output.op === 'connect') this.#connecting.add(output.id);
    else this.#attention.add(output.id);
  }

  /**
   * The input the changed guest gets for a recorded one from outside, or undefined when it gets none.
   * Call before the recorded guest's state has `record`. Not for boot, alarm and check.
   */
  translate(record: InterruptRecord, place: Place): HostInterrupt | undefined {
    switch (record.kind) {
      case INTERRUPT.stdinData:
      case INTERRUPT.stdinEnd:
        return this.#stdinInput(record, place);
      case INTERRUPT.signal:
        if (this.#replayed.signals.has(record.id)) return record;
        if (this.#recorded.signals.has(record.id))
          this.untaken.note(`signal ${record.id}`, 'is not listened for', place.lsn, record);
        return undefined;
      case INTERRUPT.netBound:
      case INTERRUPT.netUnbound:
        return this.#listenerAnswer(record);
      case INTERRUPT.netAccept:
        return this.#accept(record);
      case INTERRUPT.netConnected:
      case INTERRUPT.netData:
      case INTERRUPT.netEnd:
      case INTERRUPT.netDrain:
      case INTERRUPT.netClose:
        return this.#connectionInput(record, place);
      case INTERRUPT.committed:
        return this.#replayed.commits.has(record.id) ? record : undefined;
      case INTERRUPT.boot:
      case INTERRUPT.mounted:
      case INTERRUPT.reseed:
      case INTERRUPT.alarm:
      case INTERRUPT.check:
        return record;
      default:
        return unreachable(record.kind);
    }
  }

  /** What the changed guest is to be told now that no record will tell it. */
  answers(now: Micros): HostInterrupt[] {
    return [
      ...this.#stdinAnswers(),
      ...this.#listenerAnswers(),
      ...this.#connectAnswers(now),
      ...this.#connectionAnswers(),
      ...this.#commitAnswers(),
    ];
  }

  /** The log is over: what still waits is refused by the next `answers`, the rest is counted. */
  logEnded(): void {
    for (const { record, place } of this.#stdin)
      this.untaken.note('stdin', 'is not read', place.lsn, record);
    this.#stdin = [];
    for (const { name, inputs } of this.#early.values())
      for (const { record, place } of inputs)
        this.untaken.note(name, 'was not asked for', place.lsn, record);
    this.#early.clear();
    this.#over = true;
  }

  /** When a connect that waits is to be refused, if one does. */
  get refusalAt(): Micros | undefined {
    for (const id of this.#connecting) {
      const connection = this.#replayed.connections.get(id);
      if (connection !== undefined && !this.#recorded.byKey.has(connection.key))
        return asMicros(connection.opened.time + REFEED_CONNECT_MICROS);
    }
    return undefined;
  }

  #stdinInput(record: InterruptRecord, place: Place): HostInterrupt | undefined {
    const asRecorded = this.#replayed.stdin === this.#recorded.stdin;
    if (this.#stdin.length === 0 && (asRecorded || this.#replayed.stdin)) return record;
    if (this.#stdin.length < REFEED_EARLY_INPUTS_MAX) this.#stdin.push({ record, place });
    else this.untaken.note('stdin', 'is not read', place.lsn, record);
    return undefined;
  }

  #stdinAnswers(): HostInterrupt[] {
    if (!this.#replayed.stdin) return [];
    const [first, ...rest] = this.#stdin;
    this.#stdin = rest;
    return first === undefined ? [] : [first.record];
  }

  #listenerAnswer(record: InterruptRecord): HostInterrupt | undefined {
    const listener = this.pairs.ofRecorded(record.id);
    if (listener === undefined || listener.gone) return undefined;
    if (record.kind === INTERRUPT.netUnbound)
      return listener.closing ? { ...record, id: listener.id } : undefined;
    if (listener.answer !== undefined) return undefined;
    const payload = record.num === 0 ? boundAt(listener, record.payload) : undefined;
    return { ...record, id: listener.id, payload };
  }

  #listenerAnswers(): HostInterrupt[] {
    if (this.#listenersOpen === 0) return [];
    this.#listenersOpen = 0;
    const answers: HostInterrupt[] = [];
    for (const listener of this.#replayed.listeners.values()) {
      if (listener.gone || (listener.answer !== undefined && !listener.closing)) continue;
      const partner = this.pairs.ofReplayed(listener.id);
      const answer = listenerAnswer(listener, partner);
      if (answer === undefined) this.#listenersOpen += 1;
      else answers.push(answer);
    }
    return answers;
  }

  /** What both wait for comes with the record; else nobody can say how safe a run is that is none. */
  #commitAnswers(): HostInterrupt[] {
    return [...this.#replayed.commits]
      .filter((id) => !this.#recorded.commits.has(id))
      .map((id) => ({ kind: INTERRUPT.committed, id, num: 0, payload: undefined }));
  }

  #accept(record: InterruptRecord): HostInterrupt | undefined {
    const listener = this.pairs.ofRecorded(record.num);
    if (listener?.answer?.num === 0 && !listener.closing && !listener.gone)
      return { ...record, num: listener.id };
    const where = this.#recorded.listeners.get(record.num);
    const address = where === undefined ? '' : ` on ${addressText(where.host, where.port)}`;
    this.#refused.set(record.id, `nobody listens${address}`);
    return undefined;
  }

  #connectionInput(record: InterruptRecord, place: Place): HostInterrupt | undefined {
    const recorded = this.#recorded.connections.get(record.id);
    if (recorded === undefined) return undefined;
    const replayed = this.#replayed.byKey.get(recorded.key);
    if (replayed === undefined) {
      this.#noTaker(recorded, record, place);
      return undefined;
    }
    if (record.kind === INTERRUPT.netClose) return this.#recordedClose(record, recorded, replayed);
    if (record.kind === INTERRUPT.netDrain) {
      const num = Math.min(record.num, replayed.wroteBytes - replayed.drainedBytes);
      return num === 0 ? undefined : { ...record, id: replayed.id, num };
    }
    if (replayed.destroyed && !recorded.destroyed)
      this.untaken.note(replayed.name, 'the changed guest has closed it', place.lsn, record);
    this.#attention.add(replayed.id);
    return { ...record, id: replayed.id };
  }

  /** A close is news from the peer only when the recorded guest did not bring it about itself. */
  #recordedClose(
    record: InterruptRecord,
    recorded: GuestConnection,
    replayed: GuestConnection,
  ): HostInterrupt | undefined {
    this.#attention.add(replayed.id);
    const ownDoing = record.num === 0 && wantsClose(recorded);
    return ownDoing && !wantsClose(replayed) ? undefined : { ...record, id: replayed.id };
  }

  #noTaker(recorded: GuestConnection, record: InterruptRecord, place: Place): void {
    const { id, key, name, outgoing } = recorded;
    if (outgoing === undefined) {
      const reason = this.#refused.get(id);
      if (record.kind === INTERRUPT.netClose) this.#refused.delete(id);
      // What the changed guest has closed before is over for both; only fresh bytes are news.
      if (reason === undefined && record.kind !== INTERRUPT.netData) return;
      this.untaken.note(name, reason ?? 'the changed guest has closed it', place.lsn, record);
    } else if (this.#earlyCount < REFEED_EARLY_INPUTS_MAX) {
      this.#earlyCount += 1;
      const early = this.#early.get(key) ?? { name, inputs: [] };
      early.inputs.push({ record, place });
      this.#early.set(key, early);
    } else this.untaken.note(name, 'was not asked for', place.lsn, record);
  }

  #connectAnswers(now: Micros): HostInterrupt[] {
    const answers: HostInterrupt[] = [];
    for (const id of this.#connecting) {
      const connection = this.#replayed.connections.get(id);
      if (connection === undefined) {
        this.#connecting.delete(id);
        continue;
      }
      const early = this.#early.get(connection.key);
      if (this.#recorded.byKey.has(connection.key) || early !== undefined) {
        this.#connecting.delete(id);
        this.#early.delete(connection.key);
        const inputs = early?.inputs ?? [];
        this.#earlyCount -= inputs.length;
        answers.push(...inputs.map(({ record }) => ({ ...record, id })));
      } else if (this.#neverRecorded(connection, now)) {
        this.#connecting.delete(id);
        const what = `a ${connection.name}: the recorded run never opened it`;
        this.unanswerable.push({ what, place: connection.opened });
        answers.push({ kind: INTERRUPT.netClose, id, num: ECONNREFUSED, payload: undefined });
      }
    }
    return answers;
  }

  #neverRecorded(connection: GuestConnection, now: Micros): boolean {
    if (this.#over || this.#recorded.connects >= this.#connectsInLog) return true;
    return now >= connection.opened.time + REFEED_CONNECT_MICROS;
  }

  #connectionAnswers(): HostInterrupt[] {
    const answers: HostInterrupt[] = [];
    for (const id of this.#attention) {
      const connection = this.#replayed.connections.get(id);
      if (connection === undefined || this.#connecting.has(id)) {
        if (connection === undefined) this.#attention.delete(id);
        continue;
      }
      const partner = this.#recorded.byKey.get(connection.key);
      const owed = connection.wroteBytes - connection.drainedBytes;
      if (wantsClose(connection)) {
        if (partner !== undefined && wantsClose(partner)) continue;
        answers.push({ kind: INTERRUPT.netClose, id, num: 0, payload: undefined });
      } else if (owed >= NET_WRITE_CREDIT_BYTES) {
        if (partner !== undefined && starves(partner)) continue;
        answers.push({ kind: INTERRUPT.netDrain, id, num: owed, payload: undefined });
      } else this.#attention.delete(id);
    }
    return answers;
  }
}

/** Its guest has used up its write credit and waits for a drain. */
function starves(connection: GuestConnection): boolean {
  return connection.wroteBytes - connection.drainedBytes >= NET_WRITE_CREDIT_BYTES;
}

function listenerAnswer(
  listener: GuestListener,
  partner: GuestListener | undefined,
): HostInterrupt | undefined {
  const { id } = listener;
  if (listener.answer === undefined) {
    if (partner === undefined)
      return { kind: INTERRUPT.netBound, id, num: 0, payload: boundAt(listener, undefined) };
    if (partner.answer === undefined) return undefined;
    const { num, payload } = partner.answer;
    const told = num === 0 ? boundAt(listener, payload) : undefined;
    return { kind: INTERRUPT.netBound, id, num, payload: told };
  }
  if (partner?.closing === true && !partner.gone) return undefined;
  return { kind: INTERRUPT.netUnbound, id, num: 0, payload: undefined };
}

/** Ephemeral ports begin here (IANA). */
const EPHEMERAL_PORT = 49_152;

/** The address a listener is told: the recorded one, at the port it asked for. */
function boundAt(listener: GuestListener, recorded: Uint8Array | undefined): Uint8Array {
  const known =
    recorded === undefined
      ? undefined
      : (JSON.parse(new TextDecoder().decode(recorded)) as NetAddress);
  const host = listener.host === 'localhost' ? '127.0.0.1' : listener.host;
  const address = known?.address ?? (host === '' ? '::' : host);
  const family = known?.family ?? (address.includes(':') ? 'IPv6' : 'IPv4');
  const port = listener.port === 0 ? (known?.port ?? EPHEMERAL_PORT + listener.id) : listener.port;
  return new TextEncoder().encode(JSON.stringify({ address, family, port }));
}
