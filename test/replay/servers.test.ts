/**
 * Every server of guests/servers, as a user would copy it: visited twice in the same way it does the same,
 * bit for bit, and a third time from its records. What it answers is looked at, so that a guest that does
 * nothing does not pass.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEMO_GUESTS } from '../../hypervisor/cli/demo/guests.ts';
import { bundleGuest } from '../../hypervisor/host/bundle.ts';
import { INTERRUPT, NET_ERRORS } from '../../log-format/index.ts';
import { GuestRunner } from '../support/guest-runner.ts';
import { GUESTS } from '../support/hv-process.ts';
import { LONG } from '../support/long.ts';

const SERVERS = Object.entries(DEMO_GUESTS).flatMap(([name, { file }]) =>
  file.startsWith('servers/') ? [{ name, file }] : [],
);

const HERE = { address: '127.0.0.1', family: 'IPv4', port: 3000 };
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const PEERS = bytes(JSON.stringify({ peer: { ...HERE, port: 5000 }, local: HERE }));
/** Accepted connections have even ids. */
const [ONE, OTHER, AGAIN] = [2, 4, 6];
const ROUNDS = 100;
/** Between two things that a visitor does: more than a job takes, less than a patient server waits. */
const MICROS = 100_000;

/** Somebody at the other end of a guest's connections. */
class Visitor {
  readonly guest: GuestRunner;

  constructor(guest: GuestRunner) {
    this.guest = guest.boot().run(ROUNDS, MICROS);
    for (const output of guest.outputs)
      if (output.device === 'net' && output.op === 'listen')
        guest.interrupt(INTERRUPT.netBound, {
          id: output.id,
          payload: bytes(JSON.stringify(HERE)),
        });
    for (const id of [ONE, OTHER]) this.come(id);
  }

  come(id: number): void {
    this.guest.interrupt(INTERRUPT.netAccept, { id, num: this.#listener, payload: PEERS });
    this.guest.run(ROUNDS, MICROS);
  }

  /** By a reset. */
  leave(id: number): void {
    this.guest.interrupt(INTERRUPT.netClose, { id, num: NET_ERRORS.indexOf('ECONNRESET') });
    this.guest.run(ROUNDS, MICROS);
  }

  get #listener(): number {
    for (const output of this.guest.outputs)
      if (output.device === 'net' && output.op === 'listen') return output.id;
    throw new Error('the guest does not listen');
  }

  /** Ids of the connections the guest has asked for itself. */
  get dialled(): readonly number[] {
    return this.guest.outputs.flatMap((output) =>
      output.device === 'net' && output.op === 'connect' ? [output.id] : [],
    );
  }

  connected(id: number): void {
    this.guest.interrupt(INTERRUPT.netConnected, { id, payload: PEERS });
    this.guest.run(ROUNDS, MICROS);
  }

  send(id: number, ...parts: readonly string[]): void {
    for (const part of parts) this.guest.interrupt(INTERRUPT.netData, { id, payload: bytes(part) });
    this.guest.run(ROUNDS, MICROS);
  }

  /** Everything the guest has written to a connection. */
  heard(id: number): string {
    const written = this.guest.outputs.flatMap((output) =>
      output.device === 'net' && output.op === 'write' && output.id === id ? [output.bytes] : [],
    );
    return Buffer.concat(written).toString('latin1');
  }
}

function http(method: string, path: string, body?: string, headers = ''): string {
  const about =
    body === undefined
      ? ''
      : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: guest\r\n${about}${headers}\r\n${body ?? ''}`;
}

/** A frame of text, masked with zeros as a client may. */
function frame(text: string): string {
  return `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`;
}

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** A todo comes, is changed by a request in two pieces, is shown and goes; two requests make no sense. */
function useTodos(visitor: Visitor): void {
  visitor.send(ONE, http('POST', '/todos', '{"text":"buy milk"}'));
  const put = http('PUT', '/todos/1', '{"done":true}');
  visitor.send(ONE, put.slice(0, -5), put.slice(-5));
  visitor.send(OTHER, http('GET', '/todos'));
  visitor.send(OTHER, http('POST', '/todos', '{"txt":"?"}'));
  visitor.send(OTHER, http('POST', '/todos', '{"text'));
  visitor.send(ONE, http('DELETE', '/todos/1'));
  visitor.send(ONE, http('GET', '/todos/1'));
  const milk = (done: boolean): string => `{"id":1,"text":"buy milk","done":${done}}`;
  expect(statuses(visitor.heard(ONE))).toEqual([201, 200, 204, 404]);
  expect(visitor.heard(ONE)).toContain(milk(false));
  expect(statuses(visitor.heard(OTHER))).toEqual([200, 400, 400]);
  expect(visitor.heard(OTHER)).toContain(`[${milk(true)}]`);
}

function statuses(heard: string): readonly number[] {
  return [...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
}

const VISITS: Readonly<Record<string, (visitor: Visitor) => void>> = {
  http: useTodos,
  express: useTodos,
  fastify: useTodos,
  hono: useTodos,
  'todo-files': useTodos,
  'todos-ts': useTodos,
  'ws-chat': (visitor) => {
    visitor.send(ONE, http('GET', '/?nick=zoe&after=0', undefined, UPGRADE));
    visitor.send(OTHER, http('GET', '/?nick=abe&after=0', undefined, UPGRADE));
    visitor.send(ONE, frame('{"text":"hello"}'));
    for (const id of [ONE, OTHER]) {
      expect(visitor.heard(id)).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      expect(visitor.heard(id)).toContain('"number":1,"nick":"zoe","text":"hello"');
    }
  },
  sse: (visitor) => {
    visitor.send(ONE, http('GET', '/events'));
    visitor.send(OTHER, http('POST', '/messages', '{"nick":"zoe","text":"hello"}'));
    expect(visitor.heard(ONE)).toContain('id: 1\ndata: {"number":1,"nick":"zoe","text":"hello"');
    expect(visitor.heard(OTHER)).toContain('{"number":1}');
  },
  mqtt: (visitor) => {
    const connect = '\x10\x0d\0\x04MQTT\x04\0\0\0\0\x01';
    visitor.send(ONE, `${connect}a`, '\x82\x08\0\x07\0\x03a/+\x01');
    visitor.send(OTHER, `${connect}b`, '\x33\x0a\0\x03a/b', '\0\x09hey');
    expect(visitor.heard(ONE)).toBe(`\x20\x02\0\0\x90\x03\0\x07\x01\x32\x0a\0\x03a/b\0\x01hey`);
    expect(visitor.heard(OTHER)).toBe('\x20\x02\0\0\x40\x02\0\x09');
    // It comes back, has its session, and gets what it has not acknowledged.
    visitor.leave(ONE);
    visitor.come(AGAIN);
    visitor.send(AGAIN, `${connect}a`);
    expect(visitor.heard(AGAIN)).toBe('\x20\x02\x01\0\x3a\x0a\0\x03a/b\0\x01hey');
  },
  jobs: (visitor) => {
    visitor.send(ONE, http('POST', '/jobs', '{"name":"mail","delayMs":5,"failures":1}'));
    visitor.send(ONE, http('GET', '/jobs/1?wait'));
    expect(visitor.heard(ONE)).toContain('"state":"waiting","tries":0');
    expect(visitor.heard(ONE)).toContain('"state":"done","tries":2,"runs":1');
  },
  poller: (visitor) => {
    const [feed = 0] = visitor.dialled;
    visitor.connected(feed);
    expect(visitor.heard(feed)).toContain('GET /feed?after=0 HTTP/1.1');
    const entries = '[{"number":1,"text":"news"}]';
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${entries.length}`;
    visitor.send(feed, `${head}\r\n\r\n${entries.slice(0, 9)}`, entries.slice(9));
    visitor.send(ONE, http('GET', '/entries?after=0'));
    expect(visitor.heard(ONE)).toContain(entries);
    expect(visitor.heard(feed)).toContain('GET /feed?after=1 HTTP/1.1');
  },
};

test('every server has a visit, and nothing else lies beside them', () => {
  const names = readdirSync(join(GUESTS, 'servers')).map((file) => file.replace(/\.\w+$/, ''));
  expect(names.sort()).toEqual(SERVERS.map(({ name }) => name).sort());
  expect(Object.keys(VISITS).sort()).toEqual(names);
});

/** Others cost as much as their packages are large: HV_LONG=1. */
const IN_THE_GATE = ['http', 'todo-files', 'ws-chat', 'sse', 'mqtt', 'jobs', 'poller'];
const VISITED = SERVERS.filter(({ name }) => LONG || IN_THE_GATE.includes(name));

describe.each(VISITED)('server $name', ({ name, file }) => {
  test('does the same when it is visited again, and from its records', async () => {
    const { code, sourceMap } = await bundleGuest(join(GUESTS, file), { cwd: GUESTS });
    const visited = (): GuestRunner => {
      const visitor = new Visitor(new GuestRunner(code, sourceMap));
      VISITS[name]?.(visitor);
      return visitor.guest;
    };
    const first = visited();
    const second = visited();
    const replayed = new GuestRunner(code, sourceMap);
    for (const record of first.records) replayed.replay(record);
    expect(first.stderr).toBe('');
    for (const other of [second, replayed]) {
      expect(other.end).toEqual(first.end);
      expect(other.stdout).toBe(first.stdout);
      expect(other.outputs).toEqual(first.outputs);
      expect(other.memoryHash()).toBe(first.memoryHash());
    }
  });
});
