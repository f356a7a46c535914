const express = require('express');
const { rateLimit } = require('express-rate-limit');
const { answerOf, portOf } = require('./ask.cjs');

const app = express();
app.use(
  rateLimit({ windowMs: 60_000, limit: 2, standardHeaders: 'draft-8', legacyHeaders: false }),
);
app.get('/', (_request, response) => response.send('ok'));
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  for (let i = 0; i < 3; i++) {
    const text = await answerOf(port, 'GET', '/');
    console.log(
      text.split('\r\n')[0],
      /RateLimit-Policy: (.*)/i.exec(text)?.[1],
      /r=(\d+)/.exec(text)?.[1],
    );
  }
  server.close();
});
