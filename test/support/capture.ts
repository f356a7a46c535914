/**
 * A reader of pcapng files of TCP packets for tests, written from the specifications and sharing
 * nothing with the writer under test. Throws at the first thing that a network could not have carried.
 */

export interface Frame {
  /** Microseconds. */
  readonly time: number;
  readonly comment: string;
  readonly from: string;
  readonly to: string;
  readonly version: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: string;
  readonly payload: Buffer;
}

export interface Capture {
  readonly comments: readonly string[];
  readonly interfaceName: string;
  readonly frames: readonly Frame[];
  /** Of interface statistics at the end. */
  readonly closing: string | undefined;
}

/** One conversation, sides named by who sent the first SYN. */
export interface Stream {
  readonly client: string;
  readonly server: string;
  readonly sent: { readonly client: Buffer; readonly server: Buffer };
  /** `client fin`, `server rst` and so on, in order. */
  readonly ends: readonly string[];
}

function must(condition: boolean, text: string): void {
  if (!condition) throw new Error(text);
}

function optionsOf(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let at = 0;
  while (at < bytes.length) {
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (code === 0) {
      must(length === 0 && at + 4 === bytes.length, 'options end with the end of options');
      return found;
    }
    found.set(code, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  throw new Error('options without an end');
}

export function readCapture(file: Uint8Array): Capture {
  const bytes = Buffer.from(file);
  const comments: string[] = [];
  const frames: Frame[] = [];
  let interfaceName = '';
  let closing: string | undefined;
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const type = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    must(length % 4 === 0 && at + length <= bytes.length, 'a block has a whole length');
    must(bytes.readUInt32LE(at + length - 4) === length, 'a block repeats its length');
    const body = bytes.subarray(at + 8, at + length - 4);
    at += length;
    must((index === 0) === (type === 0x0a0d0d0a), 'one section, at the start');
    if (type === 0x0a0d0d0a) {
      must(body.readUInt32LE(0) === 0x1a2b3c4d && body.readUInt32LE(4) === 1, 'version 1.0');
      comments.push(String(optionsOf(body.subarray(16)).get(1)));
    } else if (type === 1) {
      must(body.readUInt16LE(0) === 101, 'raw IP');
      const options = optionsOf(body.subarray(8));
      must(options.get(9)?.[0] === 6, 'microseconds');
      interfaceName = String(options.get(2));
    } else if (type === 6) {
      const time = body.readUInt32LE(4) * 2 ** 32 + body.readUInt32LE(8);
      const size = body.readUInt32LE(12);
      must(body.readUInt32LE(0) === 0 && body.readUInt32LE(16) === size, 'whole, on interface 0');
      const comment = String(optionsOf(body.subarray(20 + Math.ceil(size / 4) * 4)).get(1));
      frames.push({ time, comment, ...packetOf(body.subarray(20, 20 + size)) });
    } else {
      must(type === 5 && at === bytes.length, 'statistics come last');
      closing = String(optionsOf(body.subarray(12)).get(1));
    }
  }
  return { comments, interfaceName, frames, closing };
}

/** Ones' complement sum of bytes, 0xffff when the checksum among them is right. */
function onesSum(parts: readonly Buffer[]): number {
  let sum = 0;
  let high = true;
  for (const part of parts)
    for (const byte of part) {
      sum += high ? byte * 256 : byte;
      if (sum > 0xffff) sum -= 0xffff;
      high = !high;
    }
  return sum;
}

function packetOf(packet: Buffer): Omit<Frame, 'time' | 'comment'> {
  const version = (packet[0] ?? 0) >> 4;
  const v4 = version === 4;
  must(v4 || version === 6, 'an IP packet');
  const head = v4 ? 20 : 40;
  const tcp = packet.subarray(head);
  const source = packet.subarray(v4 ? 12 : 8, v4 ? 16 : 24);
  const target = packet.subarray(v4 ? 16 : 24, head);
  if (v4) {
    must(packet[0] === 0x45 && packet.readUInt16BE(2) === packet.length, 'the IPv4 length');
    must(onesSum([packet.subarray(0, 20)]) === 0xffff, 'the IPv4 checksum');
  } else must(packet.readUInt16BE(4) === tcp.length, 'the IPv6 payload length');
  must(packet[v4 ? 9 : 6] === 6, 'TCP');
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(tcp.length, 0);
  pseudo.writeUInt32BE(6, 4);
  must(onesSum([source, target, pseudo, tcp]) === 0xffff, 'the TCP checksum');
  const bits = tcp[13] ?? 0;
  const names = ['fin', 'syn', 'rst', 'psh', 'ack'].filter((_, bit) => bits & (1 << bit));
  const payload = tcp.subarray(((tcp[12] ?? 0) >> 4) * 4);
  must(payload.length <= 1460, 'a segment fits an Ethernet frame');
  return {
    version,
    from: `${source.toString('hex')}:${tcp.readUInt16BE(0)}`,
    to: `${target.toString('hex')}:${tcp.readUInt16BE(2)}`,
    seq: tcp.readUInt32BE(4),
    ack: tcp.readUInt32BE(8),
    flags: names.join(' '),
    payload,
  };
}

interface Half {
  next: number;
  chunks: Buffer[];
  over: boolean;
}

interface Open {
  readonly client: string;
  readonly server: string;
  readonly halves: Map<string, Half>;
  readonly ends: string[];
}

/** Reassembles; every byte in order, every acknowledgement of what was sent and of nothing else. */
export function streamsOf(frames: readonly Frame[]): readonly Stream[] {
  const open = new Map<string, Open>();
  const all: Open[] = [];
  let time = 0;
  for (const frame of frames) {
    must(frame.time >= time, 'time does not go back');
    time = frame.time;
    const key = [frame.from, frame.to].sort().join(' ');
    const flags = new Set(frame.flags.split(' '));
    if (flags.has('syn') && !flags.has('ack')) {
      const fresh = { client: frame.from, server: frame.to, halves: new Map(), ends: [] };
      open.set(key, fresh);
      all.push(fresh);
    }
    const stream = open.get(key);
    if (stream === undefined) throw new Error('a segment of no conversation');
    takeSegment(stream, frame, flags);
  }
  return all.map(({ client, server, halves, ends }) => {
    const sent = (name: string) => Buffer.concat(halves.get(name)?.chunks ?? []);
    return { client, server, ends, sent: { client: sent(client), server: sent(server) } };
  });
}

function takeSegment(stream: Open, frame: Frame, flags: ReadonlySet<string>): void {
  const half = stream.halves.get(frame.from) ?? { next: frame.seq, chunks: [], over: false };
  const before = stream.halves.has(frame.from);
  must(before !== flags.has('syn'), 'a side begins with SYN, once');
  stream.halves.set(frame.from, half);
  must(frame.seq === half.next, 'sequence numbers have no gap and no overlap');
  must(!half.over || frame.payload.length === 0, 'nothing is sent behind the end');
  const other = stream.halves.get(frame.to);
  if (flags.has('ack')) must(frame.ack === other?.next, 'what was sent is acknowledged');
  half.chunks.push(frame.payload);
  const used = frame.payload.length + (flags.has('syn') || flags.has('fin') ? 1 : 0);
  half.next = (half.next + used) % 2 ** 32;
  const side = frame.from === stream.client ? 'client' : 'server';
  for (const end of ['fin', 'rst'])
    if (flags.has(end)) {
      half.over = true;
      stream.ends.push(`${side} ${end}`);
    }
}
