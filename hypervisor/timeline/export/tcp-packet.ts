/** One TCP segment in one IP packet (RFC 791, 8200, 9293), with its checksums. */

export const TCP = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

export interface Endpoint {
  /** 4 or 16 bytes; both ends of a segment have the same length. */
  readonly address: Uint8Array;
  readonly port: number;
}

export interface TcpSegment {
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Unsigned 32 bits. */
  readonly seq: number;
  readonly ack: number;
  /** Sum of TCP. */
  readonly flags: number;
  readonly window: number;
  /** A multiple of 4 bytes. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
  /** Identification of an IPv4 packet, 16 bits. */
  readonly ident: number;
}

const IPV4_HEAD_BYTES = 20;
const IPV6_HEAD_BYTES = 40;
const TCP_HEAD_BYTES = 20;
const HOPS = 64;
const PROTOCOL_TCP = 6;
const DONT_FRAGMENT = 0x4000;

/** Payload that fits a segment on a link of 1,500 bytes. */
export function segmentBytesMax(endpoint: Endpoint): number {
  return endpoint.address.length === 4 ? 1460 : 1440;
}

export function tcpPacket(segment: TcpSegment): Uint8Array {
  const { from, to, options, payload } = segment;
  const short = from.address.length === 4;
  const ipBytes = short ? IPV4_HEAD_BYTES : IPV6_HEAD_BYTES;
  const tcpBytes = TCP_HEAD_BYTES + options.length + payload.length;
  const packet = new Uint8Array(ipBytes + tcpBytes);
  const view = new DataView(packet.buffer);
  if (short) {
    view.setUint16(0, 0x4500);
    view.setUint16(2, packet.length);
    view.setUint16(4, segment.ident);
    view.setUint16(6, DONT_FRAGMENT);
    view.setUint16(8, (HOPS << 8) | PROTOCOL_TCP);
    packet.set(from.address, 12);
    packet.set(to.address, 16);
    view.setUint16(10, checksum(view, 0, ipBytes, 0));
  } else {
    view.setUint32(0, 0x6000_0000);
    view.setUint16(4, tcpBytes);
    view.setUint16(6, (PROTOCOL_TCP << 8) | HOPS);
    packet.set(from.address, 8);
    packet.set(to.address, 24);
  }
  view.setUint16(ipBytes, from.port);
  view.setUint16(ipBytes + 2, to.port);
  view.setUint32(ipBytes + 4, segment.seq);
  view.setUint32(ipBytes + 8, segment.ack);
  view.setUint16(ipBytes + 12, (((TCP_HEAD_BYTES + options.length) >> 2) << 12) | segment.flags);
  view.setUint16(ipBytes + 14, segment.window);
  packet.set(options, ipBytes + TCP_HEAD_BYTES);
  packet.set(payload, ipBytes + TCP_HEAD_BYTES + options.length);
  // The pseudo-header is the addresses, which lie right before the segment, protocol and length.
  const addressBytes = 2 * from.address.length;
  const start = PROTOCOL_TCP + tcpBytes;
  view.setUint16(ipBytes + 16, checksum(view, ipBytes - addressBytes, packet.length, start));
  return packet;
}

/** RFC 1071 over `[from, to)`, added to `start`; an odd last byte is padded with zero. */
function checksum(view: DataView, from: number, to: number, start: number): number {
  let sum = start;
  let at = from;
  for (; at + 1 < to; at += 2) sum += view.getUint16(at);
  if (at < to) sum += view.getUint8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}
