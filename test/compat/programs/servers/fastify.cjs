const fastify = require('fastify');
const { ask } = require('./ask.cjs');

async function main() {
  const app = fastify({ logger: false });
  app.decorate('answer', 42);
  app.addHook('onSend', async (_request, reply, payload) => {
    reply.header('x-hook', 'sent');
    return payload;
  });
  app.get('/', async () => 'hello');
  app.get(
    '/sum/:a/:b',
    {
      schema: {
        params: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } } },
        response: { 200: { type: 'object', properties: { sum: { type: 'number' } } } },
      },
    },
    async (request) => ({ sum: request.params.a + request.params.b, dropped: true }),
  );
  app.post(
    '/users',
    {
      schema: {
        body: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string', minLength: 2 }, age: { type: 'integer' } },
        },
      },
    },
    async (request, reply) => {
      reply.code(201);
      return { created: request.body };
    },
  );
  app.get('/boom', async () => {
    throw new Error('boom');
  });
  app.register(
    async (child) => {
      child.decorate('inner', true);
      child.get('/answer', async () => ({ answer: child.answer, inner: child.inner }));
    },
    { prefix: '/child' },
  );
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ missing: request.url }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address();
  const json = { 'content-type': 'application/json' };
  await ask(port, 'GET', '/');
  await ask(port, 'GET', '/sum/1/2');
  await ask(port, 'GET', '/sum/1/x');
  await ask(port, 'POST', '/users', { headers: json, body: '{"name":"Ada","age":"36"}' });
  await ask(port, 'POST', '/users', { headers: json, body: '{"age":1}' });
  await ask(port, 'POST', '/users', { headers: json, body: '{' });
  await ask(port, 'POST', '/users', { headers: { 'content-type': 'text/csv' }, body: 'a,b' });
  await ask(port, 'GET', '/boom');
  await ask(port, 'GET', '/child/answer');
  await ask(port, 'GET', '/nope');
  const injected = await app.inject({ method: 'GET', url: '/child/answer' });
  console.log(injected.statusCode, injected.json(), app.hasRoute({ url: '/', method: 'GET' }));
  console.log(app.printRoutes());
  await app.close();
}
main();
