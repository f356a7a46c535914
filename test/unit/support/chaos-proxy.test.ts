import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChaosProxy } from '../../support/chaos-proxy.ts';

/** An end of a connection that remembers what it saw, and lets others wait for it. */
class End {
  readonly socket: Socket;
  text = '';
  fate: 'open' | 'ended' | 'reset' | 'closed' = 'open';
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
      this.#look();
    });
    socket.on('end', () => this.#be('ended'));
    socket.on('error', () => this.#be('reset'));
    socket.on('close', () => {
      if (this.fate === 'open') this.#be('closed');
    });
  }

  async until(holds: (end: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #be(fate: End['fate']): void {
    if (this.fate !== 'reset') this.fate = fate;
    this.#look();
  }

  #look(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

let server: Server;
let proxy: ChaosProxy;
let accepted: End[];
let onAccept: ((end: End) => void) | undefined;

beforeEach(async () => {
  accepted = [];
  onAccept = undefined;
  server = createServer({ allowHalfOpen: true }, (socket) => {
    const end = new End(socket);
    accepted.push(end);
    onAccept?.(end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  proxy = await ChaosProxy.start({ host: '127.0.0.1', port }, { seed: 11 });
});

afterEach(async () => {
  await proxy.close();
  for (const { socket } of accepted) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

function dial(): Promise<End> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new End(socket));
    });
  });
}

/** Both ends of a connection through the proxy. */
async function pair(): Promise<{ here: End; there: End }> {
  const arrived = new Promise<End>((resolve) => {
    onAccept = resolve;
  });
  const here = await dial();
  return { here, there: await arrived };
}

/** The proxy has so many bytes and keeps them. */
async function untilKept(bytes: number): Promise<void> {
  while (proxy.counters.queuedBytes < bytes) await new Promise((resolve) => setImmediate(resolve));
}

/** Bytes that pass beside the impaired ones show that time enough has gone by. */
async function roundTrip(from: End, to: End): Promise<void> {
  const mark = `#${from.text.length + to.text.length}`;
  from.socket.write(mark);
  await to.until(({ text }) => text.endsWith(mark));
}

describe('a clean proxy', () => {
  test('carries bytes both ways and the end of each way by itself', async () => {
    const { here, there } = await pair();
    here.socket.end('request');
    await there.until(({ fate }) => fate === 'ended');
    expect(there.text).toBe('request');
    there.socket.end('reply');
    await here.until(({ fate }) => fate === 'ended');
    expect(here.text).toBe('reply');
  });

  test('carries a megabyte unchanged', async () => {
    const { here, there } = await pair();
    const sent = Buffer.alloc(1 << 20, 'abcdefghijk').toString();
    here.socket.write(sent);
    await there.until(({ text }) => text.length >= sent.length);
    expect(there.text === sent).toBe(true);
  });

  test('passes a reset on', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    here.socket.resetAndDestroy();
    await there.until(({ fate }) => fate === 'reset');
  });
});

describe('a blackhole', () => {
  test('keeps both ways back, tells nobody, and delivers everything when it is healed', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    const before = there.text;
    proxy.blackhole();
    here.socket.write('late');
    there.socket.write('late too');
    const other = await dial();
    other.socket.write('hello');
    await untilKept('late'.length + 'late too'.length + 'hello'.length);
    expect([there.text, here.text, accepted.length]).toEqual([before, '', 1]);
    proxy.heal();
    await there.until(({ text }) => text === `${before}late`);
    await here.until(({ text }) => text === 'late too');
    await other.until(() => true);
    await new Promise<void>((resolve) => {
      onAccept = () => resolve();
      if (accepted.length === 2) resolve();
    });
  });

  test('hides the death of an end until it is healed', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    const before = there.text;
    proxy.cut('there');
    here.socket.write('last words');
    await untilKept('last words'.length);
    here.socket.resetAndDestroy();
    await new Promise((resolve) => here.socket.once('close', resolve));
    expect([there.text, there.fate]).toEqual([before, 'open']);
    proxy.heal();
    await there.until(({ fate }) => fate !== 'open');
  });
});

describe('a cut of one way', () => {
  test('leaves the other way as it was', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    const before = there.text;
    proxy.cut('there');
    here.socket.write('lost in time');
    await roundTrip(there, here);
    expect(there.text).toBe(before);
    proxy.heal();
    await there.until(({ text }) => text === `${before}lost in time`);
  });
});

describe('a half-open connection', () => {
  test('loses one way and is reset when the network is whole again', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    const before = there.text;
    proxy.halfOpen('there');
    here.socket.write('gone');
    await roundTrip(there, here);
    expect([there.text, here.fate]).toEqual([before, 'open']);
    proxy.heal();
    await here.until(({ fate }) => fate === 'reset');
    await there.until(({ fate }) => fate === 'reset');
    expect(there.text).toBe(before);
  });
});

describe('a slow reader', () => {
  test('stops the sender instead of taking everything', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    proxy.impair({ there: { bytesPerSecond: 1, queueBytesMax: 1024 } });
    const chunk = Buffer.alloc(1 << 20, 'z');
    // More than the buffers of two kernels and the proxy take.
    let flushed = 0;
    for (let n = 0; n < 32; n++)
      here.socket.write(chunk, () => {
        flushed += 1;
      });
    await roundTrip(there, here);
    expect(flushed).toBeLessThan(32);
    expect(here.socket.writableLength).toBeGreaterThan(0);
  });
});

describe('one flow of two', () => {
  test('is impaired alone', async () => {
    const first = await pair();
    const second = await pair();
    await roundTrip(first.here, first.there);
    const before = first.there.text;
    proxy.impairOldest({ there: { way: 'hold' } });
    first.here.socket.write('kept');
    await untilKept('kept'.length);
    await roundTrip(second.here, second.there);
    expect(first.there.text).toBe(before);
    proxy.heal();
    await first.there.until(({ text }) => text === `${before}kept`);
  });
});

describe('corruption', () => {
  test('changes one byte of what comes next', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    const before = there.text.length;
    proxy.corruptNext('there');
    here.socket.write('abcdefgh');
    await there.until(({ text }) => text.length === before + 8);
    const got = there.text.slice(before);
    expect([...got].filter((letter, at) => letter !== 'abcdefgh'[at])).toHaveLength(1);
  });
});

describe('reset and refuse', () => {
  test('a reset reaches both ends', async () => {
    const { here, there } = await pair();
    await roundTrip(here, there);
    proxy.reset();
    await here.until(({ fate }) => fate === 'reset');
    await there.until(({ fate }) => fate === 'reset');
    expect(proxy.counters.open).toBe(0);
  });

  test('new connections are refused until they are accepted again, old ones go on', async () => {
    const { here, there } = await pair();
    await proxy.refuse();
    await expect(dial()).rejects.toThrow(/ECONNREFUSED/);
    await roundTrip(here, there);
    await proxy.accept();
    await dial();
  });

  test('a target that is not there ends the connection', async () => {
    server.close();
    const here = await dial();
    await here.until(({ fate }) => fate === 'reset');
  });
});
