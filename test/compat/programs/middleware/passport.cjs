const express = require('express');
const passport = require('passport');
const { Strategy } = require('passport-local');
const { ask, portOf } = require('./ask.cjs');

passport.use(
  new Strategy((username, password, done) =>
    username === 'ada' && password === 'x' ? done(null, { name: username }) : done(null, false),
  ),
);
const app = express();
app.use(express.urlencoded({ extended: false }), passport.initialize());
app.post('/login', passport.authenticate('local', { session: false }), (request, response) =>
  response.json(request.user),
);
const server = app.listen(0, '127.0.0.1');
portOf(server).then(async (port) => {
  for (const password of ['x', 'y'])
    await ask(port, 'POST', '/login', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `username=ada&password=${password}`,
    });
  server.close();
});
