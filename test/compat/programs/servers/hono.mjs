import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { HTTPException } from 'hono/http-exception';
import { logger } from 'hono/logger';
import { streamText } from 'hono/streaming';
import ask from './ask.cjs';

const app = new Hono();
const quiet = [];
app.use(
  '*',
  logger((line) => quiet.push(line.replace(/\d+m?s$/, 'T'))),
);
app.get('/', (c) => c.text('hello'));
app.get('/items/:id', (c) => c.json({ id: c.req.param('id'), q: c.req.query('q') ?? null }));
app.post('/items', async (c) => c.json(await c.req.json(), 201));
app.post('/form', async (c) => c.json(await c.req.parseBody()));
app.get('/cookie', (c) => {
  setCookie(c, 'a', 'b');
  return c.text(getCookie(c, 'seen') ?? 'none');
});
app.get('/stream', (c) =>
  streamText(c, async (stream) => {
    for (const word of ['a', 'b', 'c']) await stream.write(word);
  }),
);
app.get('/boom', () => {
  throw new HTTPException(402, { message: 'pay' });
});
app.onError((error, c) => c.text(error.message, error.status ?? 500));
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, async ({ port }) => {
  await ask.ask(port, 'GET', '/');
  await ask.ask(port, 'GET', '/items/7?q=x');
  await ask.ask(port, 'POST', '/items', {
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
  });
  await ask.ask(port, 'POST', '/form', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=1&b=2',
  });
  await ask.ask(port, 'GET', '/cookie', { headers: { cookie: 'seen=yes' } });
  for (const path of ['/stream', '/boom', '/nope']) await ask.ask(port, 'GET', path);
  console.log(quiet.join('\n'));
  server.close();
});
