/** The guests there is a demo of: where each is, what it needs, and the clients that check it. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HvError } from '../../base/errors.ts';
import { startChatWorkload } from './chat-client.ts';
import { startCounterWorkload } from './counter-client.ts';
import { startFeedWorkload } from './feed-client.ts';
import { startJobWorkload } from './job-client.ts';
import { startKvWorkload } from './kv-client.ts';
import { startMqttWorkload } from './mqtt-client.ts';
import { startEventStreamWorkload, startWebSocketWorkload } from './room-client.ts';
import type { Tally } from './tally.ts';
import { startTodoWorkload } from './todo-client.ts';
import type { Workload, WorkloadOptions } from './workload.ts';

export interface DemoGuest {
  /** Below guests/. Its first argument is the port. */
  readonly file: string;
  readonly start: (options: WorkloadOptions, tally: Tally) => Workload;
  /** Packages of npm it is written with. */
  readonly needs?: readonly string[];
  /** Its second argument is the address, its third that of a feed to poll. */
  readonly polls?: boolean;
}

export const DEMO_GUESTS: Readonly<Record<string, DemoGuest>> = {
  kv: { file: 'kv.js', start: startKvWorkload },
  chat: { file: 'chat.js', start: startChatWorkload },
  counter: { file: 'counter.js', start: startCounterWorkload },
  http: { file: 'servers/http.js', start: startTodoWorkload },
  express: { file: 'servers/express.js', start: startTodoWorkload, needs: ['express'] },
  fastify: { file: 'servers/fastify.js', start: startTodoWorkload, needs: ['fastify'] },
  hono: {
    file: 'servers/hono.mjs',
    start: startTodoWorkload,
    needs: ['hono', '@hono/node-server'],
  },
  'todo-files': { file: 'servers/todo-files.js', start: startTodoWorkload },
  'todos-ts': {
    file: 'servers/todos-ts/src/server.ts',
    start: startTodoWorkload,
    needs: ['hono', '@hono/node-server', 'zod'],
  },
  'ws-chat': { file: 'servers/ws-chat.js', start: startWebSocketWorkload, needs: ['ws'] },
  sse: { file: 'servers/sse.js', start: startEventStreamWorkload },
  mqtt: { file: 'servers/mqtt.js', start: startMqttWorkload },
  jobs: { file: 'servers/jobs.js', start: startJobWorkload },
  poller: { file: 'servers/poller.js', start: startFeedWorkload, polls: true },
};

/** Throws HV_E_USAGE when there is no such demo, or what it needs is not installed. */
export function demoGuest(name: string): DemoGuest & { readonly path: string } {
  const guest = Object.hasOwn(DEMO_GUESTS, name) ? DEMO_GUESTS[name] : undefined;
  if (guest === undefined) {
    const all = Object.keys(DEMO_GUESTS).join(', ');
    throw new HvError('HV_E_USAGE', `no demo called ${name}, there are ${all}`);
  }
  const path = guestFile(guest.file);
  const missing = (guest.needs ?? []).filter((need) => !isInstalled(need, path));
  if (missing.length > 0) {
    throw new HvError(
      'HV_E_USAGE',
      `the demo ${name} is written with what is not installed: npm install ${missing.join(' ')}`,
    );
  }
  return { ...guest, path };
}

/** Where `from` would find it, whatever the package exports. */
export function isInstalled(name: string, from: string): boolean {
  const paths = createRequire(from).resolve.paths(name) ?? [];
  return paths.some((folder) => existsSync(join(folder, name, 'package.json')));
}

/** guests/ lies beside hv's package.json, which is some folders up both in sources and when built. */
export function guestFile(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'guests', name))) {
    const up = dirname(folder);
    if (up === folder) throw new Error(`guests/${name} is missing from this installation`);
    folder = up;
  }
  return join(folder, 'guests', name);
}
