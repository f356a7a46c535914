'use strict';
/**
 * The list of things to do of http.js, with Express and its store in memory.
 *
 *   npm install express
 *   node express.js [port] [host]     default 3000 on 127.0.0.1
 */

const express = require('express');

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';

const todos = new Map();
let lastId = 0;

const app = express();
app.use(express.json());

app.get('/todos', (_request, response) => {
  response.json([...todos.values()]);
});

app.post('/todos', (request, response) => {
  const { text } = request.body ?? {};
  if (typeof text !== 'string') return response.status(400).json({ error: 'text is missing' });
  lastId += 1;
  const todo = { id: lastId, text, done: false };
  todos.set(todo.id, todo);
  return response.status(201).json(todo);
});

app.param('id', (request, response, next, id) => {
  request.todo = todos.get(Number(id));
  if (request.todo === undefined) response.status(404).json({ error: 'no such todo' });
  else next();
});

app
  .route('/todos/:id')
  .get((request, response) => {
    response.json(request.todo);
  })
  .put((request, response) => {
    const { text = request.todo.text, done = request.todo.done } = request.body ?? {};
    Object.assign(request.todo, { text: String(text), done: Boolean(done) });
    response.json(request.todo);
  })
  .delete((request, response) => {
    todos.delete(request.todo.id);
    response.status(204).end();
  });

// Express knows an error handler by its four parameters.
app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ error: error.message });
});

const server = app.listen(port, host, () => {
  console.log(`express: listening on ${host}:${server.address().port}`);
});
