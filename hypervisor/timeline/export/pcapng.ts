/**
 * The network of a log as a packet capture: one TCP conversation per connection, between the recorded
 * addresses, as the guest had it. A frame's comment names the record it comes from. A connection that
 * never opened has no addresses in the log and hence no frames.
 */

import {
  asMicros,
  INTERRUPT,
  type InterruptRecord,
  type Micros,
  NET_ERRORS,
  type NetAddress,
} from '../../../log-format/index.ts';
import { unreachable } from '../../base/assert.ts';
import type { NetOutput } from '../../ports.ts';
import type {
  EncoderOptions,
  ExportEncoder,
  ExportSink,
  Incomplete,
  OutputEvent,
  TimelineEvent,
} from './events.ts';
import { addressBytes, mapped } from './ip-address.ts';
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from './pcapng-blocks.ts';
import { Conversation, type PacketSink, type Side } from './tcp-conversation.ts';
import type { Endpoint } from './tcp-packet.ts';

/** What the guest did with a connection before it was open. */
type Early = { readonly output: NetOutput; readonly sink: PacketSink }[];

/** Errors by which the other side ended a connection; after all others our own side gave it up. */
const BY_PEER: readonly string[] = ['ECONNRESET', 'EPIPE'];

export class PcapngEncoder implements ExportEncoder {
  readonly #sink: ExportSink;
  readonly #conversations = new Map<number, Conversation>();
  readonly #early = new Map<number, Early>();
  /** Of the last frame; the next is not earlier. */
  #time: Micros;

  constructor({ header, sink }: EncoderOptions) {
    this.#sink = sink;
    this.#time = header.startedAt;
    const { vm, script, hvVersion } = header;
    sink(
      sectionHeader({
        comment: `network of ${vm} (${script}), segments made from the log`,
        application: `hv ${hvVersion}`,
      }),
    );
    sink(interfaceDescription('hv'));
  }

  push(event: TimelineEvent): void {
    if (event.type === 'output') {
      if (event.output.device === 'net') this.#output(event, event.output);
      return;
    }
    const { record, lsn, shown } = event;
    switch (record.type) {
      case 'interrupt':
        this.#input(record, (suffix) => this.#frames(record.time, `hv lsn ${lsn}${suffix}`, shown));
        break;
      case 'resync':
      case 'stopAt':
      case 'preempt':
      case 'end':
      case 'output':
      case 'checkpoint':
      case 'view':
      case 'stop':
        break;
      default:
        unreachable(record);
    }
  }

  end(incomplete?: Incomplete): void {
    if (incomplete === undefined) return;
    const text = `incomplete: ends behind record ${incomplete.lsn} (${incomplete.code})`;
    this.#sink(interfaceStatistics(this.#time, text));
  }

  #frames(time: Micros, comment: string, shown: boolean): PacketSink {
    return (packet) => {
      if (!shown) return;
      this.#time = asMicros(Math.max(this.#time, time));
      this.#sink(enhancedPacket(packet, this.#time, comment));
    };
  }

  #input(record: InterruptRecord, frames: (suffix: string) => PacketSink): void {
    const { kind, id, num, payload } = record;
    const conversation = this.#conversations.get(id);
    switch (kind) {
      case INTERRUPT.netAccept:
        this.#open(record, 'peer', frames(''));
        break;
      case INTERRUPT.netConnected:
        this.#open(record, 'guest', frames(''));
        break;
      case INTERRUPT.netData:
        if (payload !== undefined) conversation?.data('peer', payload, frames(''));
        break;
      case INTERRUPT.netEnd:
        conversation?.finish('peer', frames(''));
        break;
      case INTERRUPT.netClose: {
        this.#conversations.delete(id);
        this.#early.delete(id);
        const error = NET_ERRORS[num] ?? 'UNKNOWN';
        const side = BY_PEER.includes(error) ? 'peer' : 'guest';
        if (num === 0) conversation?.settle(frames(''));
        else conversation?.reset(side, frames(` ${error}`));
        break;
      }
      default:
    }
  }

  #open({ id, payload }: InterruptRecord, opener: Side, sink: PacketSink): void {
    const ends = endsOf(payload);
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    if (ends === undefined) return;
    const conversation = new Conversation(id, ends);
    this.#conversations.set(id, conversation);
    conversation.open(opener, sink);
    for (const one of early) act(conversation, one.output, one.sink);
  }

  #output(event: OutputEvent, output: NetOutput): void {
    const { lsn, time, verified, shown } = event;
    const comment = `hv lsn ${lsn} output${verified ? '' : ', not verified'}`;
    const sink = this.#frames(time, comment, shown);
    if (output.op === 'connect') this.#early.set(output.id, []);
    const early = this.#early.get(output.id);
    const conversation = this.#conversations.get(output.id);
    if (early !== undefined) early.push({ output, sink });
    else if (conversation !== undefined) act(conversation, output, sink);
  }
}

function act(conversation: Conversation, output: NetOutput, sink: PacketSink): void {
  if (output.op === 'write') conversation.data('guest', output.bytes, sink);
  else if (output.op === 'end') conversation.finish('guest', sink);
  else if (output.op === 'destroy' && output.reset) conversation.reset('guest', sink);
  else if (output.op === 'destroy') conversation.finish('guest', sink);
}

/** Both ends of a connection, in one family. Undefined: what was recorded names no addresses. */
function endsOf(payload: Uint8Array | undefined): Record<Side, Endpoint> | undefined {
  const ends = parsed(payload);
  const peer = endpointOf(ends.peer);
  const guest = endpointOf(ends.local);
  if (peer === undefined || guest === undefined) return undefined;
  if (peer.address.length === guest.address.length) return { peer, guest };
  return {
    peer: { ...peer, address: mapped(peer.address) },
    guest: { ...guest, address: mapped(guest.address) },
  };
}

function parsed(payload: Uint8Array | undefined): { peer?: unknown; local?: unknown } {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // No JSON.
    return {};
  }
}

function endpointOf(value: unknown): Endpoint | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { address, port } = value as Partial<NetAddress>;
  const bytes = typeof address === 'string' ? addressBytes(address) : undefined;
  return bytes === undefined || typeof port !== 'number' ? undefined : { address: bytes, port };
}
