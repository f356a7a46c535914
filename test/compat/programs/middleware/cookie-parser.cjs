const cookieParser = require('cookie-parser');
const express = require('express');
const { ask, portOf } = require('./ask.cjs');

const app = express();
app.use(cookieParser('secret'));
app.get('/set', (_request, response) =>
  response
    .cookie('plain', 'a b')
    .cookie('signed', { n: 1 }, { signed: true })
    .cookie('gone', '', { expires: new Date(0) })
    .end(),
);
app.get('/get', (request, response) =>
  response.json({ cookies: request.cookies, signed: request.signedCookies }),
);
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  await ask(port, 'GET', '/set');
  await ask(port, 'GET', '/get', {
    headers: { cookie: 'plain=a%20b; j=j%3A%7B%22n%22%3A1%7D; signed=s%3Atampered.x' },
  });
  server.close();
});
