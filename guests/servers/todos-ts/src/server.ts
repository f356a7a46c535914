/**
 * The list of things to do as a project of several files, in TypeScript, with dependencies:
 *
 *   npm install
 *   npx hv run src/server.ts [port] [host]     default 3000 on 127.0.0.1
 */

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import { NoSuchTodo, Store } from './store.ts';

const [port = '3000', hostname = '127.0.0.1'] = process.argv.slice(2);

const store = new Store();
const app = new Hono();

app.get('/todos', (c) => c.json(store.all()));
app.post('/todos', async (c) => c.json(store.create(await c.req.json()), 201));
app.get('/todos/:id', (c) => c.json(store.get(Number(c.req.param('id')))));
app.put('/todos/:id', async (c) =>
  c.json(store.change(Number(c.req.param('id')), await c.req.json())),
);
app.delete('/todos/:id', (c) => {
  store.delete(Number(c.req.param('id')));
  return c.body(null, 204);
});

app.onError((error, c) => {
  if (error instanceof NoSuchTodo) return c.json({ error: error.message }, 404);
  if (error instanceof z.ZodError) return c.json({ error: z.prettifyError(error) }, 400);
  if (error instanceof SyntaxError) return c.json({ error: error.message }, 400);
  return c.json({ error: 'the server is at fault' }, 500);
});

// Loaded when it is needed: the banner is not part of the server.
const { banner } = await import('./banner.ts');

serve({ fetch: app.fetch, port: Number(port), hostname }, (address) => {
  console.log(banner('todos-ts', hostname, address.port));
});
