'use strict';
/**
 * An MQTT broker (3.1.1) in memory, with nothing but Node:
 *
 *   node mqtt.js [port] [host]     default 1883 on 127.0.0.1
 *
 *   mosquitto_sub -t 'home/+' -q 1 & mosquitto_pub -t home/door -m open -q 1 -r
 *
 * Messages of QoS 0 and 1, retained ones, + and # in filters, sessions that outlive their connection.
 * Not QoS 2, wills and passwords.
 */

const net = require('node:net');

const port = Number(process.argv[2] ?? 1883);
const host = process.argv[3] ?? '127.0.0.1';

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const PUBACK = 4;
const SUBSCRIBE = 8;
const SUBACK = 9;
const UNSUBSCRIBE = 10;
const UNSUBACK = 11;
const PINGREQ = 12;
const PINGRESP = 13;
const DISCONNECT = 14;

const PACKET_MAX = 256 * 1024;
/** Messages a session keeps for a client that does not acknowledge them; the oldest go. */
const QUEUE_MAX = 10_000;

class Malformed extends Error {}

/** Reads the fields of a packet one after the other. */
class Fields {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  take(length) {
    if (length > this.left) throw new Malformed('a packet ends early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  byte() {
    return this.take(1)[0];
  }

  number() {
    return this.take(2).readUInt16BE();
  }

  text() {
    return this.take(this.number()).toString();
  }
}

const number = (value) => Buffer.from([value >> 8, value & 255]);

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}

/** A whole packet; its length comes in groups of seven bits. */
function packet(type, flags, ...parts) {
  const body = Buffer.concat(parts);
  const head = [(type << 4) | flags];
  for (let left = body.length; ; left >>= 7) {
    head.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  return Buffer.concat([Buffer.from(head), body]);
}

/** The first packet of what has arrived; undefined while it is not all there. */
function firstPacket(bytes) {
  let length = 0;
  for (let at = 1; at < Math.min(bytes.length, 5); at += 1) {
    length |= (bytes[at] & 127) << (7 * (at - 1));
    if (length > PACKET_MAX) throw new Malformed('a packet is too long');
    if (bytes[at] > 127) continue;
    const end = at + 1 + length;
    if (bytes.length < end) return undefined;
    const fields = new Fields(bytes.subarray(at + 1, end));
    return { type: bytes[0] >> 4, flags: bytes[0] & 15, fields, end };
  }
  return undefined;
}

function matches(filter, topic) {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

const sessions = new Map();
const retained = new Map();

/** What a client is subscribed to, and what it has not acknowledged. */
class Session {
  filters = new Map();
  unacked = new Map();
  socket = undefined;
  #lastId = 0;

  send({ topic, payload, retain }, qos) {
    const flags = (qos << 1) | (retain ? 1 : 0);
    if (qos === 0) {
      this.socket?.write(packet(PUBLISH, flags, text(topic), payload));
      return;
    }
    this.#lastId = (this.#lastId % 65_535) + 1;
    const id = this.#lastId;
    const message = { flags, parts: [text(topic), number(id), payload] };
    this.unacked.set(id, message);
    if (this.unacked.size > QUEUE_MAX) this.unacked.delete(this.unacked.keys().next().value);
    this.socket?.write(packet(PUBLISH, flags, ...message.parts));
  }

  /** On a new connection: what the last one may have lost, marked as such. */
  sendAgain() {
    for (const { flags, parts } of this.unacked.values())
      this.socket.write(packet(PUBLISH, flags | 8, ...parts));
  }
}

function publish(message) {
  if (message.retain) {
    if (message.payload.length === 0) retained.delete(message.topic);
    else retained.set(message.topic, message);
  }
  for (const session of sessions.values()) {
    const levels = [...session.filters].flatMap(([filter, qos]) =>
      matches(filter, message.topic) ? [qos] : [],
    );
    if (levels.length === 0) continue;
    const qos = Math.min(message.qos, Math.max(...levels));
    session.send({ ...message, retain: false }, qos);
  }
}

/** One connection of a client. */
class Connection {
  #socket;
  #id;
  #session;
  #isClean = true;
  #rest = Buffer.alloc(0);

  constructor(socket) {
    this.#socket = socket;
  }

  receive(chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let next = firstPacket(this.#rest); next; next = firstPacket(this.#rest)) {
      this.#rest = this.#rest.subarray(next.end);
      if ((next.type === CONNECT) === (this.#session !== undefined))
        throw new Malformed('CONNECT comes first, and once');
      this.#take(next);
    }
  }

  close() {
    if (this.#session?.socket !== this.#socket) return;
    this.#session.socket = undefined;
    if (this.#isClean) sessions.delete(this.#id);
  }

  #take({ type, flags, fields }) {
    switch (type) {
      case CONNECT:
        return this.#connect(fields);
      case PUBLISH:
        return this.#publish(flags, fields);
      case PUBACK:
        return this.#session.unacked.delete(fields.number());
      case SUBSCRIBE:
        return this.#subscribe(fields);
      case UNSUBSCRIBE:
        return this.#unsubscribe(fields);
      case PINGREQ:
        return this.#socket.write(packet(PINGRESP, 0));
      case DISCONNECT:
        return this.#socket.end();
      default:
        throw new Malformed(`packets of type ${type} are not taken`);
    }
  }

  #connect(fields) {
    if (fields.text() !== 'MQTT' || fields.byte() !== 4)
      throw new Malformed('MQTT 3.1.1 is spoken');
    this.#isClean = (fields.byte() & 2) !== 0;
    // Half as long again without a word, and the client is gone.
    this.#socket.setTimeout(fields.number() * 1500, () => this.#socket.destroy());
    this.#id = fields.text();
    const known = this.#isClean ? undefined : sessions.get(this.#id);
    sessions.get(this.#id)?.socket?.destroy();
    this.#session = known ?? new Session();
    this.#session.socket = this.#socket;
    sessions.set(this.#id, this.#session);
    this.#socket.write(packet(CONNACK, 0, Buffer.from([known === undefined ? 0 : 1, 0])));
    this.#session.sendAgain();
  }

  #publish(flags, fields) {
    const qos = (flags >> 1) & 3;
    if (qos > 1) throw new Malformed('QoS 2 is not taken');
    const topic = fields.text();
    const id = qos === 0 ? undefined : fields.number();
    const payload = Buffer.from(fields.take(fields.left));
    publish({ topic, payload, qos, retain: (flags & 1) !== 0 });
    if (id !== undefined) this.#socket.write(packet(PUBACK, 0, number(id)));
  }

  #subscribe(fields) {
    const id = fields.number();
    const granted = [];
    const added = [];
    while (fields.left > 0) {
      added.push(fields.text());
      granted.push(Math.min(1, fields.byte()));
    }
    this.#socket.write(packet(SUBACK, 0, number(id), Buffer.from(granted)));
    for (const [index, filter] of added.entries()) {
      this.#session.filters.set(filter, granted[index]);
      for (const message of retained.values())
        if (matches(filter, message.topic))
          this.#session.send(message, Math.min(message.qos, granted[index]));
    }
  }

  #unsubscribe(fields) {
    const id = fields.number();
    while (fields.left > 0) this.#session.filters.delete(fields.text());
    this.#socket.write(packet(UNSUBACK, 0, number(id)));
  }
}

const server = net.createServer((socket) => {
  const connection = new Connection(socket);
  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    try {
      connection.receive(chunk);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      socket.destroy();
    }
  });
  // A reset is followed by close.
  socket.on('error', () => {});
  socket.on('close', () => connection.close());
});

server.listen(port, host, () => {
  console.log(`mqtt: listening on ${host}:${server.address().port}`);
});
