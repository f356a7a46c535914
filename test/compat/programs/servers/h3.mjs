import { H3, serve } from 'h3';
import ask from './ask.cjs';

const app = new H3();
app.get('/', () => 'hello');
app.get('/items/:id', (event) => ({ id: event.context.params.id }));
app.post('/items', async (event) => ({ got: await event.req.json() }));
app.get('/boom', () => {
  throw new Error('boom');
});
const server = serve(app, { port: 0, hostname: '127.0.0.1', silent: true });
await server.ready();
const port = Number(new URL(server.url).port);
await ask.ask(port, 'GET', '/');
await ask.ask(port, 'GET', '/items/7');
await ask.ask(port, 'POST', '/items', {
  headers: { 'content-type': 'application/json' },
  body: '{"a":1}',
});
await ask.ask(port, 'GET', '/nope');
await server.close(true);
