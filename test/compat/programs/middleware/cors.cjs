const cors = require('cors');
const express = require('express');
const { ask, portOf } = require('./ask.cjs');

const app = express();
app.use(
  cors({ origin: [/example\.com$/, 'http://a.test'], credentials: true, exposedHeaders: ['x-b'] }),
);
app.get('/', (_request, response) => response.send('ok'));
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  await ask(port, 'GET', '/', { headers: { origin: 'http://www.example.com' } });
  await ask(port, 'GET', '/', { headers: { origin: 'http://evil.test' } });
  await ask(port, 'OPTIONS', '/', {
    headers: {
      origin: 'http://a.test',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'x-a',
    },
  });
  server.close();
});
