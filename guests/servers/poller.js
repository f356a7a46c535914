'use strict';
/**
 * Keeps a copy of what another server publishes: asks it again and again for what is new, and serves
 * what it has.
 *
 *   node poller.js [port] [host] [feed] [interval ms]
 *
 * Default 3000 on 127.0.0.1, http://127.0.0.1:3100/feed every 50 ms. The feed answers
 * GET <feed>?after=41 with [{"number":42,...},...]; GET /entries?after=41 is answered in the same way.
 */

const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';
const feed = process.argv[4] ?? 'http://127.0.0.1:3100/feed';
const interval = Number(process.argv[5] ?? 50);
const TIMEOUT_MS = 2000;
const RETRY_MS_MAX = 1000;

const entries = [];
const figures = { polls: 0, failures: 0 };

/** One question. What was asked for and did not arrive is asked for again by the next. */
async function poll() {
  const after = entries.at(-1)?.number ?? 0;
  const answer = await fetch(`${feed}?after=${after}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`${feed} answers ${answer.status}`);
  for (const entry of await answer.json()) {
    if (entry.number === (entries.at(-1)?.number ?? 0) + 1) entries.push(entry);
  }
}

async function follow() {
  let failed = 0;
  for (;;) {
    figures.polls += 1;
    try {
      await poll();
      failed = 0;
    } catch {
      figures.failures += 1;
      failed += 1;
    }
    await sleep(Math.min(interval * 2 ** failed, Math.max(interval, RETRY_MS_MAX)));
  }
}

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const after = Number(searchParams.get('after') ?? 0);
  const pages = {
    '/entries': () => entries.slice(after),
    '/status': () => ({ ...figures, entries: entries.length }),
  };
  const page = Object.hasOwn(pages, pathname) ? pages[pathname] : undefined;
  response.writeHead(page === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(page?.() ?? { error: 'no such page' }));
});

server.listen(port, host, () => {
  console.log(`poller: listening on ${host}:${server.address().port}`);
  follow();
});
