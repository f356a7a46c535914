'use strict';
/**
 * The list of things to do of http.js, kept in files: one per entry, written beside its old version
 * and renamed over it, so that whoever stops in between finds the one or the other.
 *
 *   node todo-files.js [port] [host] [directory]     default 3000 on 127.0.0.1 in ./todos
 */

const fs = require('node:fs/promises');
const http = require('node:http');
const path = require('node:path');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';
const directory = path.resolve(process.argv[4] ?? 'todos');

const fileOf = (id) => path.join(directory, `${id}.json`);
let lastId = 0;

async function save(todo) {
  const file = fileOf(todo.id);
  await fs.writeFile(`${file}.new`, JSON.stringify(todo));
  await fs.rename(`${file}.new`, file);
}

async function load(id) {
  try {
    return JSON.parse(await fs.readFile(fileOf(id), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function ids() {
  const names = await fs.readdir(directory);
  const found = names.flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []);
  return found.map(Number).sort((one, other) => one - other);
}

async function all() {
  const found = await Promise.all((await ids()).map(load));
  // Another request may have deleted one in the meantime.
  return found.filter((todo) => todo !== undefined);
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

/** What to answer: a status, and what goes into the body. */
async function route(request) {
  const { method, url } = request;
  const [, id] = /^\/todos(?:\/(\d+))?$/.exec(url) ?? [url];
  if (id === undefined && method === 'GET') return [200, await all()];
  if (id === undefined && method === 'POST') {
    const { text } = await readJson(request);
    if (typeof text !== 'string') return [400, { error: 'text is missing' }];
    // Before the next await: two requests at once must not get the same number.
    lastId += 1;
    const todo = { id: lastId, text, done: false };
    await save(todo);
    return [201, todo];
  }
  const todo = id === undefined ? undefined : await load(Number(id));
  if (todo === undefined) return [404, { error: 'no such todo' }];
  if (method === 'GET') return [200, todo];
  if (method === 'PUT') {
    const { text = todo.text, done = todo.done } = await readJson(request);
    const changed = { ...todo, text: String(text), done: Boolean(done) };
    await save(changed);
    return [200, changed];
  }
  if (method !== 'DELETE') return [405, { error: `no ${method} here` }];
  await fs.rm(fileOf(todo.id), { force: true });
  return [204];
}

const server = http.createServer(async (request, response) => {
  const [status, value] = await route(request).catch((error) => {
    return [error instanceof SyntaxError ? 400 : 500, { error: error.message }];
  });
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(value === undefined ? undefined : JSON.stringify(value));
});

async function main() {
  await fs.mkdir(directory, { recursive: true });
  lastId = (await ids()).at(-1) ?? 0;
  server.listen(port, host, () => {
    console.log(`todo-files: listening on ${host}:${server.address().port}`);
  });
}

main();
