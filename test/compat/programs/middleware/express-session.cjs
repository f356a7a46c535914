const express = require('express');
const session = require('express-session');
const { answerOf, portOf } = require('./ask.cjs');

const app = express();
app.use(session({ secret: 'k', resave: false, saveUninitialized: false }));
app.get('/count', (request, response) => {
  request.session.count = (request.session.count ?? 0) + 1;
  response.json({ count: request.session.count });
});
app.get('/out', (request, response) => request.session.destroy(() => response.send('out')));
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  const first = await answerOf(port, 'GET', '/count');
  const cookie = /set-cookie: (connect\.sid=[^;]+)/i.exec(first)[1];
  const bodyOf = (text) => text.split('\r\n\r\n')[1];
  console.log(bodyOf(first), cookie.length > 60);
  for (const path of ['/count', '/count', '/out', '/count'])
    console.log(bodyOf(await answerOf(port, 'GET', path, { headers: { cookie } })));
  server.close();
});
