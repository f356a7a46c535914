/** Packets of MQTT 3.1.1, as a client needs them; one character per byte. Pure. */

export interface MqttPacket {
  readonly type: number;
  readonly flags: number;
  readonly body: string;
}

export const MQTT = { connack: 2, publish: 3, puback: 4, suback: 9 } as const;

function number(value: number): string {
  return String.fromCharCode(value >> 8, value & 255);
}

function text(value: string): string {
  return number(value.length) + value;
}

function packet(type: number, flags: number, body: string): string {
  let head = String.fromCharCode((type << 4) | flags);
  for (let left = body.length; ; left >>= 7) {
    if (left <= 127) return head + String.fromCharCode(left) + body;
    head += String.fromCharCode((left & 127) | 128);
  }
}

/** A session that outlives its connection, and no limit for how long nothing is said. */
export function connectPacket(client: string): string {
  return packet(1, 0, `${text('MQTT')}\x04\0${number(0)}${text(client)}`);
}

/** QoS 1, retained. `again`: it was sent before, and no answer came. */
export function publishPacket(given: {
  readonly topic: string;
  readonly id: number;
  readonly payload: string;
  readonly again: boolean;
}): string {
  const { topic, id, payload, again } = given;
  return packet(MQTT.publish, again ? 0x0b : 0x03, text(topic) + number(id) + payload);
}

export function pubackPacket(id: number): string {
  return packet(MQTT.puback, 0, number(id));
}

/** QoS 1. */
export function subscribePacket(id: number, filter: string): string {
  return packet(8, 2, `${number(id)}${text(filter)}\x01`);
}

export function numberAt(body: string, at: number): number {
  return body.charCodeAt(at) * 256 + body.charCodeAt(at + 1);
}

/** Of a PUBLISH with QoS 1. */
export function publishedOf({ flags, body }: MqttPacket): {
  readonly topic: string;
  readonly id: number;
  readonly payload: string;
  readonly again: boolean;
  readonly retained: boolean;
} {
  const at = 2 + numberAt(body, 0);
  return {
    topic: body.slice(2, at),
    id: numberAt(body, at),
    payload: body.slice(at + 2),
    again: (flags & 8) !== 0,
    retained: (flags & 1) !== 0,
  };
}

/** Cuts what arrives into packets. */
export class MqttReader {
  #rest = '';

  push(bytes: string): readonly MqttPacket[] {
    this.#rest += bytes;
    const packets: MqttPacket[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) packets.push(next);
    return packets;
  }

  #next(): MqttPacket | undefined {
    let length = 0;
    for (let at = 1; at < this.#rest.length; at += 1) {
      const byte = this.#rest.charCodeAt(at);
      length |= (byte & 127) << (7 * (at - 1));
      if (byte > 127) continue;
      const end = at + 1 + length;
      if (this.#rest.length < end) return undefined;
      const head = this.#rest.charCodeAt(0);
      const body = this.#rest.slice(at + 1, end);
      this.#rest = this.#rest.slice(end);
      return { type: head >> 4, flags: head & 15, body };
    }
    return undefined;
  }
}
