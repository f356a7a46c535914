const connect = require('connect');
const http = require('node:http');
const { ask, portOf } = require('./ask.cjs');

const app = connect();
app.use('/a', (request, response) => response.end(`a ${request.url} ${request.originalUrl}`));
app.use('/boom', (_request, _response, next) => next(new Error('boom')));
app.use((error, _request, response, _next) => {
  response.statusCode = 500;
  response.end(error.message);
});
const server = http.createServer(app).listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  for (const path of ['/a/b?c', '/boom', '/nope']) await ask(port, 'GET', path);
  server.close();
});
