const express = require('express');
const helmet = require('helmet');
const { ask, portOf } = require('./ask.cjs');

const app = express();
app.use(
  helmet({
    contentSecurityPolicy: {
      directives: {
        scriptSrc: ["'self'", (_request, response) => `'nonce-${response.locals.nonce ?? 1}'`],
      },
    },
  }),
);
app.get('/', (_request, response) => response.send('ok'));
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  await ask(port, 'GET', '/');
  server.close();
});
