'use strict';
/**
 * A queue of jobs that run when their time has come, a few at once, and again after a failure:
 *
 *   node jobs.js [port] [host]     default 3000 on 127.0.0.1
 *
 *   curl -d '{"name":"mail","delayMs":1000,"failures":2}' localhost:3000/jobs
 *   curl localhost:3000/jobs/1
 *
 * A job of this queue only waits; one with "failures" fails that often before it succeeds.
 * GET /jobs?name=mail finds jobs by name.
 */

const { EventEmitter, once } = require('node:events');
const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';

const AT_ONCE_MAX = 4;
const TRIES_MAX = 5;
const WORK_MS = 3;
const RETRY_MS = 5;
const KEPT_MAX = 20_000;

class Queue extends EventEmitter {
  jobs = new Map();
  #lastId = 0;
  #ready = [];
  #running = 0;

  add({ name, delayMs = 0, failures = 0 }) {
    this.#lastId += 1;
    const job = { id: this.#lastId, name, failures, state: 'waiting', tries: 0, runs: 0 };
    this.jobs.set(job.id, job);
    this.#later(job, delayMs);
    if (this.jobs.size > KEPT_MAX) this.#forget();
    return job;
  }

  #later(job, delayMs) {
    setTimeout(() => {
      this.#ready.push(job);
      this.#next();
    }, delayMs);
  }

  #next() {
    while (this.#running < AT_ONCE_MAX && this.#ready.length > 0) this.#run(this.#ready.shift());
  }

  async #run(job) {
    this.#running += 1;
    job.state = 'running';
    job.tries += 1;
    try {
      await sleep(WORK_MS);
      if (job.tries <= job.failures) throw new Error(`${job.name} has failed`);
      job.runs += 1;
      job.state = 'done';
    } catch (error) {
      job.state = job.tries < TRIES_MAX ? 'waiting' : 'failed';
      job.error = error.message;
      // Longer each time: what fails now will rather fail again at once than later.
      if (job.state === 'waiting') this.#later(job, RETRY_MS * 2 ** job.tries);
    }
    this.#running -= 1;
    if (job.state !== 'waiting') this.emit(`end ${job.id}`);
    this.#next();
  }

  /** The oldest quarter of what has ended. */
  #forget() {
    let left = KEPT_MAX / 4;
    for (const job of this.jobs.values()) {
      if (left === 0) return;
      if (job.state !== 'done' && job.state !== 'failed') continue;
      this.jobs.delete(job.id);
      left -= 1;
    }
  }
}

const queue = new Queue();

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function route(request) {
  const { method, url } = request;
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [, id] = /^\/jobs(?:\/(\d+))?$/.exec(pathname) ?? [pathname];
  if (id === undefined && method === 'POST') {
    const job = await readJson(request);
    if (typeof job.name !== 'string') return [400, { error: 'name is missing' }];
    return [201, queue.add(job)];
  }
  if (id === undefined) {
    const name = searchParams.get('name');
    return [200, [...queue.jobs.values()].filter((job) => name === null || job.name === name)];
  }
  const job = queue.jobs.get(Number(id));
  if (job === undefined) return [404, { error: 'no such job' }];
  const isOver = job.state === 'done' || job.state === 'failed';
  // The answer may wait for the end: GET /jobs/1?wait
  if (searchParams.has('wait') && !isOver) await once(queue, `end ${job.id}`);
  return [200, job];
}

queue.setMaxListeners(0);

const server = http.createServer(async (request, response) => {
  const [status, value] = await route(request).catch((error) => {
    return [error instanceof SyntaxError ? 400 : 500, { error: error.message }];
  });
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
});

server.listen(port, host, () => {
  console.log(`jobs: listening on ${host}:${server.address().port}`);
});
