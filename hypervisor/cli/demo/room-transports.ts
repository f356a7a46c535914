/**
 * How a client of a numbered room reaches it: over a WebSocket, or with Server-Sent Events and requests
 * beside them. A transport has one connection at a time, and says once when it is lost.
 */

import { Agent, type ClientRequest, request } from 'node:http';
import { WebSocket } from '../../host/ws-link.ts';
import type { RoomMessage } from './chat-model.ts';

export interface RoomHandlers {
  onMessage(message: RoomMessage): void;
  /** All that was there is told; `last`: number of the newest message. */
  onReady(last: number): void;
  /** The connection is gone, or never came about. */
  onLost(): void;
}

export interface RoomTransport {
  /** Connects, and asks for what is behind message `after`. */
  open(after: number, handlers: RoomHandlers): void;
  /** Call only while ready. */
  say(text: string): void;
  /** No handler is called any more. */
  close(): void;
}

export type TransportOf = (where: {
  readonly port: number;
  readonly nick: string;
}) => RoomTransport;

export const webSocketTransport: TransportOf = ({ port, nick }) => {
  let socket: WebSocket | undefined;
  return {
    open(after, handlers) {
      const own = new WebSocket(`ws://127.0.0.1:${port}/?nick=${nick}&after=${after}`, {
        perMessageDeflate: false,
      });
      socket = own;
      own.on('message', (bytes) => {
        if (own === socket) take(String(bytes), handlers);
      });
      // An error is followed by close.
      own.on('error', () => undefined);
      own.on('close', () => {
        if (own === socket) handlers.onLost();
      });
    },
    say: (text) => socket?.send(JSON.stringify({ text })),
    close() {
      const own = socket;
      socket = undefined;
      own?.terminate();
    },
  };
};

export const eventStreamTransport: TransportOf = ({ port, nick }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const to = { port, host: '127.0.0.1', agent };
  let stream: ClientRequest | undefined;
  let lose = (): void => undefined;
  return {
    open(after, handlers) {
      const headers = { 'Last-Event-ID': String(after) };
      const own = request({ ...to, path: '/events', headers, agent: false });
      stream = own;
      lose = () => {
        if (own !== stream) return;
        stream = undefined;
        own.destroy();
        handlers.onLost();
      };
      own.on('error', lose);
      own.on('close', lose);
      own.on('response', (response) => {
        let rest = '';
        response.setEncoding('utf8');
        response.on('error', lose);
        response.on('end', lose);
        response.on('data', (text: string) => {
          const events = (rest + text).split('\n\n');
          rest = events.pop() ?? '';
          for (const event of events) if (own === stream) take(dataOf(event), handlers);
        });
      });
      own.end();
    },
    say(text) {
      const headers = { 'Content-Type': 'application/json' };
      const asked = request({ ...to, method: 'POST', path: '/messages', headers });
      // What became of it is seen in the stream; if it was cut off, so is that, or it is closed here.
      asked.on('error', () => lose());
      asked.on('response', (response) => response.on('error', () => lose()).resume());
      asked.end(JSON.stringify({ nick, text }));
    },
    close() {
      const own = stream;
      stream = undefined;
      own?.destroy();
      agent.destroy();
    },
  };
};

/** The data of an event; `event: ready` is the only one with a name. */
function dataOf(event: string): string {
  return /^data: (.*)$/m.exec(event)?.[1] ?? '';
}

/** A message of the guest: all of its text has to survive a failover, time and id as well. */
function take(line: string, handlers: RoomHandlers): void {
  if (line === '') return;
  const { number, nick, text, last } = JSON.parse(line) as Record<string, unknown>;
  if (typeof last === 'number') handlers.onReady(last);
  else if (typeof number === 'number' && typeof nick === 'string' && typeof text === 'string')
    handlers.onMessage({ number, nick, text, line });
}
