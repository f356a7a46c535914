const express = require('express');
const morgan = require('morgan');
const { ask, portOf } = require('./ask.cjs');

const app = express();
const lines = [];
const stream = { write: (line) => lines.push(line) };
app.use(
  morgan(':method :url :status :res[content-length] :http-version :req[x-a] :remote-addr', {
    stream,
  }),
);
app.use(morgan('dev', { stream }));
app.use(morgan('combined', { stream }));
app.get('/', (_request, response) => response.send('ok'));
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  await ask(port, 'GET', '/', { headers: { 'x-a': 'b', 'user-agent': 'ua' } });
  await ask(port, 'GET', '/nope?x');
  console.log(
    lines
      .map((line) => line.replace(/\d+\.\d+ ms/, 'T ms').replace(/\[\d\d\/.*\]/, '[date]'))
      .sort()
      .join(''),
  );
  server.close();
});
