/**
 * The list of things to do of http.js, with Hono on Node.
 *
 *   npm install hono @hono/node-server
 *   node hono.mjs [port] [host]     default 3000 on 127.0.0.1
 */

import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const port = Number(process.argv[2] ?? 3000);
const hostname = process.argv[3] ?? '127.0.0.1';

const todos = new Map();
let lastId = 0;

const app = new Hono();

app.get('/todos', (c) => c.json([...todos.values()]));

app.post('/todos', async (c) => {
  const { text } = await c.req.json();
  if (typeof text !== 'string') return c.json({ error: 'text is missing' }, 400);
  lastId += 1;
  const todo = { id: lastId, text, done: false };
  todos.set(todo.id, todo);
  return c.json(todo, 201);
});

app.use('/todos/:id', async (c, next) => {
  const todo = todos.get(Number(c.req.param('id')));
  if (todo === undefined) return c.json({ error: 'no such todo' }, 404);
  c.set('todo', todo);
  return next();
});

app.get('/todos/:id', (c) => c.json(c.get('todo')));

app.put('/todos/:id', async (c) => {
  const todo = c.get('todo');
  const { text = todo.text, done = todo.done } = await c.req.json();
  Object.assign(todo, { text: String(text), done: Boolean(done) });
  return c.json(todo);
});

app.delete('/todos/:id', (c) => {
  todos.delete(c.get('todo').id);
  return c.body(null, 204);
});

app.onError((error, c) =>
  c.json({ error: error.message }, error instanceof SyntaxError ? 400 : 500),
);

serve({ fetch: app.fetch, port, hostname }, (address) => {
  console.log(`hono: listening on ${hostname}:${address.port}`);
});
