const express = require('express');
const methodOverride = require('method-override');
const responseTime = require('response-time');
const createError = require('http-errors');
const { ask, portOf } = require('./ask.cjs');

const app = express();
app.use(
  responseTime((_request, response, time) => response.setHeader('x-timed', String(time >= 0))),
);
app.use(methodOverride('X-HTTP-Method-Override'));
app.delete('/', (_request, response) => response.send('deleted'));
app.get('/', (_request, _response, next) =>
  next(createError(409, 'conflict', { headers: { 'x-e': 'f' } })),
);
app.use((error, _request, response, _next) =>
  response
    .status(error.status)
    .set(error.headers)
    .json({
      name: error.name,
      expose: error.expose,
      message: error.message,
      is: createError.isHttpError(error),
    }),
);
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  await ask(port, 'POST', '/', { headers: { 'x-http-method-override': 'DELETE' } });
  await ask(port, 'GET', '/');
  server.close();
});
