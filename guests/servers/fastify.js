'use strict';
/**
 * The list of things to do of http.js, with Fastify: bodies are checked against a schema, answers
 * are written by one.
 *
 *   npm install fastify
 *   node fastify.js [port] [host]     default 3000 on 127.0.0.1
 */

const fastify = require('fastify');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';

const todos = new Map();
let lastId = 0;

const Todo = {
  type: 'object',
  properties: { id: { type: 'integer' }, text: { type: 'string' }, done: { type: 'boolean' } },
};
const Creation = { ...Todo, required: ['text'] };

const app = fastify();

app.get('/todos', { schema: { response: { 200: { type: 'array', items: Todo } } } }, () => [
  ...todos.values(),
]);

app.post('/todos', { schema: { body: Creation, response: { 201: Todo } } }, (request, reply) => {
  lastId += 1;
  const todo = { id: lastId, text: request.body.text, done: false };
  todos.set(todo.id, todo);
  return reply.code(201).send(todo);
});

app.register(
  async (one) => {
    one.decorateRequest('todo', null);
    one.addHook('preHandler', async (request, reply) => {
      request.todo = todos.get(Number(request.params.id));
      if (request.todo === undefined) await reply.code(404).send({ error: 'no such todo' });
    });
    one.get('/', (request) => request.todo);
    one.put('/', { schema: { body: Todo } }, (request) => {
      const { text = request.todo.text, done = request.todo.done } = request.body;
      return Object.assign(request.todo, { text, done });
    });
    one.delete('/', (request, reply) => {
      todos.delete(request.todo.id);
      return reply.code(204).send();
    });
  },
  { prefix: '/todos/:id' },
);

app.listen({ port, host }).then(() => {
  console.log(`fastify: listening on ${host}:${app.server.address().port}`);
});
