/**
 * CPU time of one HTTP request: of plain Node, of a guest that speaks TCP and writes a canned answer,
 * and of a guest with `node:http`. The difference of the two guests is what the HTTP layer costs.
 *
 *   node dist/bench/http-requests.js [--requests 10000] [--connections 16] [--rounds 3] [--port 8090]
 *
 * The rounds take the arms in turn; the least of each arm is the figure, as other work on the machine
 * only ever adds. One JSON line per arm.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuMicros } from './cpu-time.ts';

const BODY = 'hello world\n';
const LISTEN = `.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('up'));\n`;
const HELLO = `require('http').createServer((q, r) => r.end(${JSON.stringify(BODY)}))${LISTEN}`;
const CANNED_REPLY = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const CANNED = `require('net').createServer((s) => { s.on('error', () => {}); s.on('data', () => s.write(${JSON.stringify(CANNED_REPLY)})); })${LISTEN}`;
const REQUEST =
  'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n';
const WARM_UP_REQUESTS = 3000;

interface Plan {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
}

/** One connection that asks again and again until `take` says that it was enough. */
function ask(port: number, take: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const next = (): void => {
      received = '';
      if (take()) socket.write(REQUEST);
      else socket.end(resolve);
    };
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.once('connect', next);
    socket.on('error', reject);
    socket.on('data', (text: string) => {
      received += text;
      if (received.endsWith(`\r\n\r\n${BODY}`)) next();
    });
  });
}

async function load({ port, requests, connections }: Plan): Promise<void> {
  let left = requests;
  const take = (): boolean => {
    left -= 1;
    return left >= 0;
  };
  await Promise.all(Array.from({ length: connections }, () => ask(port, take)));
}

/** CPU microseconds per request of a server started by `command`. */
async function measure(command: readonly string[], plan: Plan): Promise<number> {
  const args = [...command, String(plan.port)];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    if (child.stdout === null || child.pid === undefined) throw new Error('no server was started');
    await once(child.stdout, 'data');
    await load({ ...plan, requests: WARM_UP_REQUESTS });
    const before = cpuMicros(child.pid);
    await load(plan);
    return (cpuMicros(child.pid) - before) / plan.requests;
  } finally {
    child.kill();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: 'string', default: '10000' },
      connections: { type: 'string', default: '16' },
      rounds: { type: 'string', default: '3' },
      port: { type: 'string', default: '8090' },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'hv-http-'));
  const script = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const [hello, canned] = [script('hello.js', HELLO), script('canned.js', CANNED)];
  const run = [fileURLToPath(new URL('../bin/main.js', import.meta.url)), 'run', '--no-record'];
  const arms = { node: [hello], 'guest, net': [...run, canned], 'guest, http': [...run, hello] };
  const least = new Map<string, number>();
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [name, command] of Object.entries(arms)) {
        const micros = await measure(command, {
          port: Number(values.port),
          requests: Number(values.requests),
          connections: Number(values.connections),
        });
        least.set(name, Math.min(micros, least.get(name) ?? Number.POSITIVE_INFINITY));
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  for (const [arm, micros] of least) {
    console.log(JSON.stringify({ arm, cpuMicrosPerRequest: Number(micros.toFixed(1)) }));
  }
}

await main();
