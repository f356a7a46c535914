/**
 * One connection as the packets that would have carried it: what is recorded is bytes and ends, and
 * everything about segments (sizes, sequence numbers, acknowledgements) is made up to fit.
 */

import { assert } from '../../base/assert.ts';
import { type Endpoint, segmentBytesMax, TCP, tcpPacket } from './tcp-packet.ts';

export type Side = 'peer' | 'guest';

/** Takes one packet that `Conversation` has made. */
export type PacketSink = (packet: Uint8Array) => void;

interface Half {
  readonly endpoint: Endpoint;
  /** Where its sequence numbers begin. */
  readonly start: number;
  /** Sequence space used, counting SYN and FIN; and how much of it the other side has acknowledged. */
  sent: number;
  acked: number;
  finished: boolean;
}

const NOTHING: Uint8Array = new Uint8Array();
/** Window of 8 MiB (RFC 7323), never used up, because of ACK_BYTES. */
const WINDOW = 0xffff;
const WINDOW_SCALE = 7;
/** A side that only listens acknowledges after this much. */
const ACK_BYTES = 65_536;

export class Conversation {
  readonly #halves: Readonly<Record<Side, Half>>;
  readonly #segmentBytes: number;
  #ident = 0;
  #opened = false;
  #reset = false;

  /** `id` spreads the sequence numbers, so that ports used again start elsewhere. */
  constructor(id: number, ends: Readonly<Record<Side, Endpoint>>) {
    const half = (endpoint: Endpoint, salt: number): Half => ({
      endpoint,
      start: Math.imul(2 * id + salt, 0x9e37_79b1) >>> 0,
      sent: 0,
      acked: 0,
      finished: false,
    });
    assert(ends.peer.address.length === ends.guest.address.length, 'both ends are of one family');
    this.#halves = { peer: half(ends.peer, 0), guest: half(ends.guest, 1) };
    this.#segmentBytes = segmentBytesMax(ends.peer);
  }

  open(opener: Side, sink: PacketSink): void {
    assert(!this.#opened, 'a connection opens once');
    this.#opened = true;
    const other = otherOf(opener);
    this.#segment(opener, TCP.syn, sink);
    this.#segment(other, TCP.syn | TCP.ack, sink);
    this.#segment(opener, TCP.ack, sink);
  }

  /** Dropped when `side` has finished already: a socket takes nothing more then, either. */
  data(side: Side, bytes: Uint8Array, sink: PacketSink): void {
    const half = this.#halves[side];
    if (half.finished) return;
    for (let at = 0; at < bytes.length; at += this.#segmentBytes) {
      const piece = bytes.subarray(at, at + this.#segmentBytes);
      const last = at + piece.length === bytes.length;
      this.#segment(side, last ? TCP.psh | TCP.ack : TCP.ack, sink, piece);
      if (half.sent - half.acked >= ACK_BYTES) this.#acknowledge(otherOf(side), sink);
    }
  }

  finish(side: Side, sink: PacketSink): void {
    const half = this.#halves[side];
    if (half.finished || this.#reset) return;
    this.#segment(side, TCP.fin | TCP.ack, sink);
    half.finished = true;
  }

  /** The end of the connection for `side`. Input the host had taken already may still follow. */
  reset(side: Side, sink: PacketSink): void {
    if (this.#reset) return;
    this.#reset = true;
    this.#segment(side, TCP.rst | TCP.ack, sink);
    this.#halves[side].finished = true;
  }

  /** Both sides acknowledge what they have not yet. */
  settle(sink: PacketSink): void {
    this.#acknowledge('peer', sink);
    this.#acknowledge('guest', sink);
  }

  #acknowledge(side: Side, sink: PacketSink): void {
    const other = this.#halves[otherOf(side)];
    if (!this.#reset && other.acked < other.sent) this.#segment(side, TCP.ack, sink);
  }

  #segment(side: Side, flags: number, sink: PacketSink, payload: Uint8Array = NOTHING): void {
    const half = this.#halves[side];
    const other = this.#halves[otherOf(side)];
    const acks = (flags & TCP.ack) !== 0;
    if (acks) other.acked = other.sent;
    this.#ident = (this.#ident + 1) & 0xffff;
    const synchronises = (flags & TCP.syn) !== 0;
    sink(
      tcpPacket({
        from: half.endpoint,
        to: other.endpoint,
        seq: (half.start + half.sent) % 0x1_0000_0000,
        ack: acks ? (other.start + other.sent) % 0x1_0000_0000 : 0,
        flags,
        window: WINDOW,
        options: synchronises ? this.#openOptions() : NOTHING,
        payload,
        ident: this.#ident,
      }),
    );
    half.sent += payload.length + ((flags & (TCP.syn | TCP.fin)) === 0 ? 0 : 1);
  }

  /** Maximum segment size, window scale, and padding. */
  #openOptions(): Uint8Array {
    const size = this.#segmentBytes;
    return new Uint8Array([2, 4, size >> 8, size & 255, 3, 3, WINDOW_SCALE, 1]);
  }
}

function otherOf(side: Side): Side {
  return side === 'peer' ? 'guest' : 'peer';
}
