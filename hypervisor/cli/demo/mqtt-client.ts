/** Drives mqtt-model.ts against a socket: one client of the broker, publisher and subscriber at once. */

import { Inbox, Resent } from './mqtt-model.ts';
import {
  connectPacket,
  MQTT,
  type MqttPacket,
  MqttReader,
  numberAt,
  pubackPacket,
  publishedOf,
  publishPacket,
  subscribePacket,
} from './mqtt-packets.ts';
import { PersistentSocket } from './persistent-socket.ts';
import type { Tally } from './tally.ts';
import { ClientGroup, GapMeter, type WorkloadClient, type WorkloadOptions } from './workload.ts';

/** Pause between two messages. Every message goes to everybody. */
const PACE_MS = 20;
const SUBSCRIPTION = 1;
/** Of a publication; there is one at a time. */
const PUBLICATION = 2;

interface Shared {
  readonly options: WorkloadOptions;
  readonly tally: Tally;
  readonly resent: Resent;
}

export function startMqttWorkload(options: WorkloadOptions, tally: Tally): ClientGroup {
  const shared = { options, tally, resent: new Resent() };
  const clients = Array.from(
    { length: options.clients },
    (_, index) => new MqttClient(`client-${index + 1}`, shared),
  );
  return new ClientGroup(tally, clients);
}

class MqttClient implements WorkloadClient {
  readonly name: string;
  readonly #tally: Tally;
  readonly #now: () => number;
  readonly #gap: GapMeter;
  readonly #inbox: Inbox;
  readonly #resent: Resent;
  readonly #socket: PersistentSocket;
  #reader = new MqttReader();
  #ordinal = 0;
  /** When the message under way left; undefined: it is acknowledged. */
  #sentAt: number | undefined;
  #ready = false;
  #timer: NodeJS.Timeout | undefined;
  #done: (() => void) | undefined;

  constructor(name: string, { options, tally, resent }: Shared) {
    this.name = name;
    this.#tally = tally;
    this.#now = options.now;
    this.#resent = resent;
    this.#gap = new GapMeter(options.now, tally.gapsMs);
    this.#inbox = new Inbox(name, tally, resent);
    this.#socket = new PersistentSocket(options.port, {
      onOpen: () => this.#onOpen(),
      onText: (bytes) => {
        for (const packet of this.#reader.push(bytes)) this.#take(packet);
      },
      onLost: () => {
        this.#ready = false;
        this.#gap.lost(this.#sentAt);
      },
    });
  }

  start(): void {
    this.#socket.start();
    this.#timer = setInterval(() => this.#speak(), PACE_MS);
  }

  /** Done once a last message is acknowledged, and has come back to itself. */
  finish(done: () => void): void {
    this.#done = done;
    if (this.#ready && this.#sentAt === undefined) this.#publishNext();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.stop();
  }

  #onOpen(): void {
    this.#reader = new MqttReader();
    this.#send(connectPacket(this.name));
  }

  /** A request, as far as the tally goes: an answer follows. */
  #send(packet: string): void {
    this.#tally.requests += 1;
    this.#socket.send(packet);
  }

  #speak(): void {
    if (!this.#ready || this.#sentAt !== undefined || this.#done !== undefined) return;
    this.#publishNext();
  }

  #publishNext(): void {
    this.#ordinal += 1;
    this.#publish({ again: false });
  }

  #publish({ again }: { readonly again: boolean }): void {
    if (again) this.#resent.add(this.name, this.#ordinal);
    this.#sentAt = this.#now();
    const payload = String(this.#ordinal);
    this.#send(publishPacket({ topic: `demo/${this.name}`, id: PUBLICATION, payload, again }));
  }

  #take(packet: MqttPacket): void {
    switch (packet.type) {
      case MQTT.connack:
        this.#answer();
        this.#connected((packet.body.charCodeAt(0) & 1) !== 0);
        return;
      case MQTT.suback:
        this.#answer();
        this.#inbox.subscribed();
        this.#becomeReady();
        return;
      case MQTT.puback:
        this.#answer();
        if (numberAt(packet.body, 0) === PUBLICATION) this.#sentAt = undefined;
        this.#conclude();
        return;
      case MQTT.publish:
        this.#receive(packet);
        this.#conclude();
        return;
      default:
        this.#tally.fault('wrong', 1, `${this.name} got a packet of type ${packet.type}`);
    }
  }

  #answer(): void {
    this.#tally.answered += 1;
    this.#gap.answered();
  }

  #connected(sessionPresent: boolean): void {
    if (this.#inbox.connected({ sessionPresent }))
      this.#send(subscribePacket(SUBSCRIPTION, 'demo/+'));
    else this.#becomeReady();
  }

  #becomeReady(): void {
    this.#ready = true;
    // Not acknowledged: it may have arrived or not, and QoS 1 is to send it again.
    if (this.#sentAt !== undefined) this.#publish({ again: true });
    else if (this.#done !== undefined) this.#publishNext();
  }

  #receive(packet: MqttPacket): void {
    const { topic, id, payload, again, retained } = publishedOf(packet);
    this.#socket.send(pubackPacket(id));
    this.#inbox.receive(topic.slice('demo/'.length), Number(payload), { again, retained });
  }

  #conclude(): void {
    if (this.#done === undefined || !this.#ready || this.#sentAt !== undefined) return;
    if (this.#inbox.last(this.name) !== this.#ordinal) return;
    this.stop();
    this.#done();
  }
}
