'use strict';
/**
 * A list of things to do, over HTTP, with nothing but Node:
 *
 *   node http.js [port] [host]     default 3000 on 127.0.0.1
 *
 *   curl -d '{"text":"buy milk"}' -H 'Content-Type: application/json' localhost:3000/todos
 *   curl localhost:3000/todos
 *
 * GET /todos, POST /todos {text}, GET /todos/1, PUT /todos/1 {text?, done?}, DELETE /todos/1.
 */

const http = require('node:http');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';
const BODY_MAX = 64 * 1024;

const todos = new Map();
let lastId = 0;

async function readJson(request) {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_MAX) throw new SyntaxError('the body is too long');
  }
  return JSON.parse(text);
}

function answer(response, status, value) {
  if (value === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

async function create(request, response) {
  const { text } = await readJson(request);
  if (typeof text !== 'string') return answer(response, 400, { error: 'text is missing' });
  lastId += 1;
  const todo = { id: lastId, text, done: false };
  todos.set(todo.id, todo);
  return answer(response, 201, todo);
}

async function change(request, response, todo) {
  const { text = todo.text, done = todo.done } = await readJson(request);
  Object.assign(todo, { text: String(text), done: Boolean(done) });
  answer(response, 200, todo);
}

async function route(request, response) {
  const { method, url } = request;
  const [, name, id] = /^\/([^/?]*)(?:\/(\d+))?$/.exec(url.split('?')[0]) ?? [];
  if (name !== 'todos') return answer(response, 404, { error: 'no such page' });
  if (id === undefined) {
    if (method === 'GET') return answer(response, 200, [...todos.values()]);
    if (method === 'POST') return create(request, response);
    return answer(response, 405, { error: `no ${method} here` });
  }
  const todo = todos.get(Number(id));
  if (todo === undefined) return answer(response, 404, { error: 'no such todo' });
  if (method === 'GET') return answer(response, 200, todo);
  if (method === 'PUT') return change(request, response, todo);
  if (method !== 'DELETE') return answer(response, 405, { error: `no ${method} here` });
  todos.delete(todo.id);
  return answer(response, 204);
}

const server = http.createServer((request, response) => {
  route(request, response).catch((error) => {
    const isTheirs = error instanceof SyntaxError || error instanceof TypeError;
    answer(response, isTheirs ? 400 : 500, { error: error.message });
  });
});

server.listen(port, host, () => {
  console.log(`http: listening on ${host}:${server.address().port}`);
});
